/** `cases import` on the database and the sample Cofacering: rehearsed, refused, applied once, by two at once. */
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createLegacyData } from '../../../admin-sync/accounts/legacy-data.ts'
import { listActions } from '../../../admin-sync/operators/audit.ts'
import { importCases } from '../../../admin-sync/operators/case-import.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { createLog } from '../../../core/log.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'

const [database, cofacering] = [await createDatabase(), await createCofacering()]
const pool = new pg.Pool({ connectionString: database.sync, max: 8 })
pool.on('connect', (client) => client.on('error', () => undefined))
const legacy = createLegacyData(cofacering.reader, createLog('test', 'silent'))
afterAll(() => Promise.all([pool.end(), legacy.close()]))
const operator = { name: 'agent.dupont', reason: 'list of the desk' }

const run = (text: string, apply?: { acknowledged: boolean }) =>
  importCases(
    pool,
    legacy,
    { bytes: Buffer.from(text), encoding: undefined },
    apply && { operator, ...apply },
  )
const cases = async () =>
  (
    await pool.query<{ login: string; state: string; sources: string[]; events: string[] }>(
      `SELECT c.login, c.state, c.company,
              array(SELECT source FROM ellipro.case_source s WHERE s.case_id = c.id ORDER BY 1) AS sources,
              array(SELECT kind || ' ' || actor || coalesce(' ' || (detail->>'note'), '')
                      FROM ellipro.case_event e WHERE e.case_id = c.id ORDER BY e.id) AS events
         FROM ellipro.login_case c ORDER BY c.login`,
    )
  ).rows
const outbox = async () =>
  Number((await pool.query<{ n: string }>('SELECT count(*) AS n FROM ellipro.case_outbox')).rows[0]?.n)

const file = 'login;note\nNEGOCE.ATLANTIQUE;"cinq personnes;\nau moins"\nscierie.haut-jura;\n'

test('rehearsed or refused, nothing is written', async () => {
  expect(await run(file)).toMatchObject({
    outcome: 'rehearsed',
    counts: { made: 2 },
    errors: [],
    warnings: [],
  })
  expect(await run(`${file}nobody;\n`, { acknowledged: true })).toMatchObject({
    outcome: 'errors',
    errors: [{ line: 5, code: 'unknown_login', login: 'nobody' }],
  })
  // Disabled: a warning, which somebody has to acknowledge.
  expect(await run(`${file}imprimerie.vasseur;\n`, { acknowledged: false })).toMatchObject({
    outcome: 'warnings',
    warnings: [{ line: 5, code: 'disabled_login' }],
  })
  expect(await cases()).toEqual([])
  expect(await outbox()).toBe(0)
  expect(await listActions(pool, 10)).toEqual([])
})

test('four imports at once make one case each; the same file again changes nothing', async () => {
  const reversed = 'login\nscierie.haut-jura\nnegoce.atlantique\n'
  const results = await Promise.all([
    run(file, { acknowledged: true }),
    run(reversed, { acknowledged: true }),
    run(file, { acknowledged: true }),
    run(reversed, { acknowledged: true }),
  ])
  expect(results.map(({ outcome }) => outcome)).toEqual(Array(4).fill('applied'))
  expect(results.map(({ counts }) => counts.made).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 2])
  const made = await cases()
  expect(made).toMatchObject([
    { login: 'negoce.atlantique', company: 'Négoce Atlantique', state: 'open', sources: ['import'] },
    { login: 'scierie.haut-jura', sources: ['import'], events: ['opened agent.dupont'] },
  ])
  expect(made[0]?.events).toEqual(['opened agent.dupont', 'noted agent.dupont cinq personnes; au moins'])
  expect(await outbox()).toBe(2)

  expect(await run(file, { acknowledged: false })).toMatchObject({ outcome: 'warnings' })
  expect(await run(file, { acknowledged: true })).toMatchObject({
    outcome: 'applied',
    counts: { made: 0, reopened: 0, added: 0, unchanged: 2 },
    warnings: [
      { line: 2, code: 'open_case' },
      { line: 4, code: 'open_case' },
    ],
  })
  expect(await cases()).toEqual(made)
  expect(await outbox()).toBe(2)
  expect(await listActions(pool, 10)).toMatchObject(
    Array.from({ length: 5 }, () => ({
      operator: 'agent.dupont',
      command: 'cases import',
      reason: operator.reason,
    })),
  )
})

test('a case of another source gets this one as well, a closed one is opened again', async () => {
  const [known] = await legacy.findLogins(['transports.lefevre'])
  await pool.query(`SELECT ellipro.ensure_case($1, $2, $3, $4, 'said_shared', 'person')`, [
    known?.account,
    known?.login,
    known?.company,
    known?.contract,
  ])
  await pool.query(
    `UPDATE ellipro.login_case SET state = 'closed', closed_at = now() WHERE login = 'scierie.haut-jura'`,
  )
  expect(await run('login\ntransports.lefevre\nscierie.haut-jura\n', { acknowledged: true })).toMatchObject({
    counts: { made: 0, reopened: 1, added: 1, unchanged: 0 },
  })
  expect(await cases()).toMatchObject([
    {},
    { login: 'scierie.haut-jura', state: 'open' },
    { login: 'transports.lefevre', sources: ['import', 'said_shared'] },
  ])
})

test('when one login of many cannot be written, none is', async () => {
  const before = await cases()
  const half = {
    findLogins: async (keys: readonly string[]) =>
      (await legacy.findLogins(keys)).map((login) => ({
        ...login,
        ...(login.login.startsWith('c') && { account: 'x'.repeat(300) }),
      })),
  }
  const bytes = Buffer.from('login\nimprimerie.vasseur\ncabinet.moreau\n')
  await expect(
    importCases(pool, half, { bytes, encoding: undefined }, { operator, acknowledged: true }),
  ).rejects.toMatchObject({ code: '23514' })
  expect(await cases()).toEqual(before)
})

test('Cofacering that does not answer is no “unknown login”', async () => {
  const gone = createLegacyData(cofacering.reader.replace(/:\d+\//, ':1/'), createLog('test', 'silent'))
  await expect(
    importCases(pool, gone, { bytes: Buffer.from('login\nx\n'), encoding: undefined }),
  ).rejects.toBeInstanceOf(UpstreamError)
  await gone.close()
})

test('many logins are asked for in batches, none twice and none left out', async () => {
  const keys = Array.from({ length: 1200 }, (_, n) => `nobody.${n}`)
  keys.splice(700, 0, 'negoce.atlantique')
  keys.splice(20, 0, 'cabinet.moreau')
  expect((await legacy.findLogins(keys)).map(({ login }) => login).toSorted()).toEqual([
    'cabinet.moreau',
    'negoce.atlantique',
  ])
  expect(await legacy.findLogins([])).toEqual([])
})
