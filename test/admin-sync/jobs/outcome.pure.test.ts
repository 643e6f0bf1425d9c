import { expect, test } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { decideFate } from '../../../admin-sync/jobs/outcome.ts'

const coded = (code: string) => Object.assign(new Error('x'), { code })

test.each([
  ['Keycloak away', new UpstreamError('keycloak', 0, 'retry', 'connect'), 'keycloak:connect'],
  ['the mail server away', new UpstreamError('smtp', 421, 'retry', 'smtp_421'), 'smtp:smtp_421'],
  [
    'a credential that an operator must mend',
    new UpstreamError('keycloak', 401, 'fail', 'unauthorized'),
    'keycloak:unauthorized',
  ],
  [
    'a realm that is not there yet',
    new UpstreamError('keycloak', 404, 'fail', 'no_realm'),
    'keycloak:no_realm',
  ],
  ['PostgreSQL shutting down', coded('57P01'), 'database:unavailable'],
  ['PostgreSQL away', coded('ECONNREFUSED'), 'database:unavailable'],
  ['a lost connection', new Error('Connection terminated unexpectedly'), 'database:unavailable'],
])('%s is tried again however often it was tried', (_what, error, code) => {
  for (const runs of [1, 400]) expect(decideFate(error, runs)).toEqual({ status: 'failed', code })
})

test.each([
  ['Keycloak says no', new UpstreamError('keycloak', 403, 'fail', 'forbidden'), 'keycloak:forbidden'],
  ['the mail server will not take it', new UpstreamError('smtp', 550, 'fail', 'smtp_550'), 'smtp:smtp_550'],
])('%s: a dead letter at once', (_what, error, code) => {
  expect(decideFate(error, 1)).toEqual({ status: 'deadletter', code })
})

test('a bug is tried a few times and then laid before an operator', () => {
  const bug = new TypeError('x is not a function')
  expect([1, 2, 3, 4].map((runs) => decideFate(bug, runs).status)).toEqual([
    'failed',
    'failed',
    'failed',
    'deadletter',
  ])
  expect(decideFate(coded('23505'), 1)).toEqual({ status: 'failed', code: 'bug' })
})
