/**
 * One JSON line an event on standard output. A line carries `event`, opaque ids, `duration_ms` and `err.code`;
 * never an e-mail, login, name, token, code, `k`, cookie or password. Only the code and the stack frames of an
 * error are written: messages of libraries quote what people typed.
 */
import { pino, type Logger } from 'pino'
import { UpstreamError } from './errors.ts'

export type Log = Logger

/** `destination` is for tests, which read the lines back. */
export function createLog(service: string, level: string, destination?: { write(line: string): void }): Log {
  return pino(
    {
      level,
      base: { service },
      // pino copies the message of the property with this name into the line; ours are in `err`, whose messages stay out.
      errorKey: 'error_without_event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    destination ?? pino.destination({ fd: 1, sync: false }),
  )
}

/** What of an error may be logged: its kind, code and where it happened. Never its message. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const code = (error as { code?: unknown }).code
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    ...(error instanceof UpstreamError && { service: error.service, status: error.status }),
    at: error.stack
      ?.split('\n')
      .filter((line) => line.startsWith('    at '))
      .slice(0, 6)
      .map((line) => line.trim()),
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  }
}
