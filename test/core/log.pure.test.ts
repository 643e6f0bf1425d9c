/** Invariant 11 at its source: what of an error reaches a log line. */
import { expect, test } from 'vitest'
import { UpstreamError } from '../../core/errors.ts'
import { createLog } from '../../core/log.ts'

test('no message of an error is written, at whatever depth: libraries quote what people typed', () => {
  const lines: string[] = []
  const log = createLog('test', 'debug', { write: (line) => void lines.push(line) })
  const cause = new Error('value "jean@societe.fr" is too long')
  log.error({ event: 'a.failed', err: cause })
  log.error({ event: 'b.failed', err: new Error('login jean@societe.fr', { cause }) })
  log.warn({ event: 'c.failed', err: new UpstreamError('smtp', 550, 'fail', 'mailbox', { cause }) })
  log.error({ event: 'd.failed', err: { message: 'jean@societe.fr' } })
  expect(lines).toHaveLength(4)
  for (const line of lines) {
    expect(line).not.toContain('jean@societe.fr')
    expect(JSON.parse(line)).not.toHaveProperty('msg')
  }
})
