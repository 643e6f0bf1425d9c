/** What is decided about a transfer without asking anybody. */
import { expect, test } from 'vitest'
import { findNeed, printTransfer, type BulkReport } from '../../../admin-sync/contracts/transfer-all.ts'
import { describeTrouble } from '../../../admin-sync/contracts/transfer-contract.ts'
import type { Transfer } from '../../../admin-sync/contracts/transfer-store.ts'
import { idempotencyKey } from '../../../admin-sync/contracts/target/api.ts'
import { makeKey } from '../../../admin-sync/contracts/target/http.ts'
import { UpstreamError } from '../../../core/errors.ts'

test('the key of a content is a UUID, the same for the same and another for every other', () => {
  const parts = ['C-1', 'a'.repeat(64), 'false', '7']
  expect(makeKey(parts)).toBe(makeKey([...parts]))
  expect(idempotencyKey.safeParse(makeKey(parts)).success).toBe(true)
  const others = [
    ['C-2', 'a'.repeat(64), 'false', '7'],
    ['C-1', 'b'.repeat(64), 'false', '7'],
    ['C-1', 'a'.repeat(64), 'true', '7'],
    ['C-1', 'a'.repeat(64), 'false', '8'],
    ['C-1', 'a'.repeat(64), 'false7', ''],
    ['C', `-1${'a'.repeat(64)}`, 'false', '7'],
  ]
  expect(new Set([parts, ...others].map(makeKey)).size).toBe(others.length + 1)
})

const transfer: Transfer = {
  id: 'id',
  contract: 'C-1',
  acceptedDigest: 'a',
  digest: 'a',
  hasMoved: false,
  isFrozen: false,
  isFinished: false,
  isImported: true,
  runId: '1',
}
test.each<[Partial<Transfer>, string]>([
  [{}, 'nothing'],
  [{ digest: 'b' }, 'send'],
  [{ acceptedDigest: null }, 'send'],
  // Not computed yet: it may be the same, and the transfer finds out.
  [{ digest: null, acceptedDigest: null }, 'send'],
  [{ isImported: false, digest: null }, 'not_imported'],
  [{ isImported: false, digest: null, hasMoved: true }, 'not_imported'],
  [{ hasMoved: true }, 'finish'],
  [{ hasMoved: true, isFrozen: true }, 'finish'],
  [{ hasMoved: true, isFrozen: true, isFinished: true }, 'nothing'],
])('%j needs %s', (changes, need) => {
  expect(findNeed({ ...transfer, ...changes })).toBe(need)
})

test.each([
  [new UpstreamError('workspace', 502, 'retry', 'http_502'), 'workspace:http_502', null],
  [
    new UpstreamError('workspace', 409, 'fail', 'contract_frozen'),
    'workspace:contract_frozen',
    'contract_frozen',
  ],
  [new UpstreamError('keycloak', 401, 'fail', 'unauthorized'), 'keycloak:unauthorized', null],
  [new UpstreamError('legacy', 0, 'retry', 'connect'), 'legacy:connect', null],
  [new UpstreamError('import', 0, 'retry', 'contract_not_imported'), 'contract_not_imported', null],
])('%s is noted', (error, lastError, refused) => {
  expect(describeTrouble(error)).toEqual({ lastError, refused })
})

test('the report for a terminal names what failed, and what to do about the rest', () => {
  const report: BulkReport = {
    contracts: 20_000,
    wanted: 120,
    outcomes: { stored: 10, finished: 1, unchanged: 2 },
    failed: Array.from({ length: 60 }, (_, i) => ({ contract: `C-${i}`, code: 'workspace:http_502' })),
    unknown: ['C-?'],
    left: 47,
    stopped: 'unanswered',
    isRehearsal: false,
  }
  const text = printTransfer(report)
  for (const said of [
    /contracts imported\s+20000/,
    /looked at\s+120/,
    /stored at the workspace\s+10/,
    /failed\s+60/,
    'C-0: workspace:http_502',
    'and 10 more',
    'No contract C-?.',
    /left\s+47/,
    'Given up',
  ])
    expect(text).toMatch(said)
  expect(text).not.toContain('C-59')
  expect(printTransfer({ ...report, stopped: 'interrupted' })).toContain('Start it again to go on')
})
