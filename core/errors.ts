/**
 * The errors that code may expect; everything else is a bug and answered with 500 and a correlation id.
 *
 * - ConfigError     the environment is wrong; thrown once at start with every problem in it
 * - ScreenError     a person is shown a page that says what to do
 * - UpstreamError   Keycloak, SMTP, the legacy directory or PostgreSQL could not be asked, or said no
 */

/** The configuration cannot be used. `problems` has one sentence for each variable that is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((p) => `  - ${p}`).join('\n')}`)
    this.problems = problems
  }
}

/** `messageKey` is a key of the text catalogue, never a text; `status` is the HTTP status of the page. */
export class ScreenError extends Error {
  override readonly name = 'ScreenError'
  readonly messageKey: string
  readonly status: number
  constructor(messageKey: string, status = 400) {
    super(messageKey)
    this.messageKey = messageKey
    this.status = status
  }
}

export type Disposition = 'retry' | 'fail'

/**
 * A system beside ours failed. `retry`: it could not be asked, or said "later"; nothing may be concluded.
 * `fail`: it answered, and asking again would give the same answer. `status` is 0 when there was no answer.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly service: string
  readonly status: number
  readonly disposition: Disposition
  /** A short stable code for logs and operators, such as `connect`, `timeout` or the upstream's own error key. */
  readonly code: string
  constructor(
    service: string,
    status: number,
    disposition: Disposition,
    code: string,
    options?: { cause?: unknown },
  ) {
    super(`${service} answered ${status === 0 ? 'nothing' : status} (${code})`, options)
    this.service = service
    this.status = status
    this.disposition = disposition
    this.code = code
  }
}
