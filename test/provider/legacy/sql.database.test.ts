import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { hash } from '@node-rs/bcrypt'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { createLog } from '../../../core/log.ts'
import { sampleLogins } from '../../../dev/cofacering/generate.ts'
import { createSqlDirectory, type SqlDirectoryOptions } from '../../../provider/legacy/sql.ts'
import { createCofacering } from '../../support/postgres.ts'
import { describeLegacyDirectory } from './contract.ts'

const cofacering = await createCofacering()
const lines: string[] = []
const log = createLog('test', 'debug', { write: (line) => void lines.push(line) })
const opened: { close(): Promise<void> }[] = []

function openDirectory(options: Partial<SqlDirectoryOptions> = {}) {
  const directory = createSqlDirectory({ url: cofacering.reader, log, ...options })
  opened.push(directory)
  return directory
}
const at = (address: string) => {
  const url = new URL(cofacering.reader)
  url.host = address
  return url.href
}

// Takes connections and says nothing, as a server does whose disk has gone.
const silent = createServer(() => undefined)
await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
const silentPort = (silent.address() as AddressInfo).port

afterAll(async () => {
  silent.close()
  for (const directory of opened) await directory.close()
})

describeLegacyDirectory('PostgreSQL', () =>
  Promise.resolve({
    directory: openDirectory(),
    unreachable: openDirectory({ url: at('127.0.0.1:1') }),
    hanging: openDirectory({ url: at(`127.0.0.1:${silentPort}`), timeoutMs: 400 }),
    logged: () => lines.join(''),
    close: () => Promise.resolve(),
  }),
)

const { login, password } = sampleLogins[0]!

/** A directory of one login, without a table. `columns` replace those of the login. */
function openWith(columns: Record<string, string>, where = `$1 = 'known'`) {
  const row = {
    account: `'a-1'`,
    login: `'known'`,
    password_hash: `'x'`,
    disabled: 'false',
    shared: 'false',
    company: `'Maison'`,
    contract: `'C-1'`,
    ...columns,
  }
  const list = Object.entries(row).map(([column, value]) => `${value} AS ${column}`)
  return openDirectory({ query: `SELECT ${list.join(', ')} WHERE ${where}` })
}

const dupont = (account: string, spelling: string, text: string) =>
  `SELECT '${account}' AS account, '${spelling}' AS login, '${text}' AS password_hash, false AS disabled,
          false AS shared, 'Maison' AS company, 'C-1' AS contract WHERE $1 = 'dupont'`

async function time(work: Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work
  return performance.now() - started
}

describe('the SQL directory', () => {
  it('goes on after the server has closed its connections', async () => {
    const directory = openDirectory()
    expect(await directory.verify(login, password)).toMatchObject({ status: 'ok' })
    const admin = new pg.Client({ connectionString: cofacering.superuser })
    await admin.connect()
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cofacering_reader' AND datname = $1`,
      [cofacering.name],
    )
    await admin.end()
    expect(await directory.verify(login, password)).toMatchObject({ status: 'ok' })
  })

  it('gives up on a question that a lock holds, and answers when the lock is gone', async () => {
    const directory = openDirectory({ timeoutMs: 300 })
    const admin = new pg.Client({ connectionString: cofacering.superuser })
    await admin.connect()
    await admin.query('BEGIN; LOCK TABLE login IN ACCESS EXCLUSIVE MODE')
    await expect(directory.verify(login, password)).rejects.toMatchObject({
      name: 'UpstreamError',
      disposition: 'retry',
      code: '57014',
    })
    await admin.query('ROLLBACK')
    await admin.end()
    expect(await directory.verify(login, password)).toMatchObject({ status: 'ok' })
  })

  it('says that only an operator can mend a wrong password, a missing right or a missing view', async () => {
    const wrong = new URL(cofacering.reader)
    wrong.password = 'wrong'
    const lasting = { name: 'UpstreamError', disposition: 'fail' }
    await expect(openDirectory({ url: wrong.href }).check()).rejects.toMatchObject({
      ...lasting,
      code: '28P01',
    })
    const forbidden = openDirectory({ query: 'SELECT id FROM person WHERE id = $1' })
    await expect(forbidden.check()).rejects.toMatchObject({ ...lasting, code: '42501' })
    const missing = openDirectory({ query: 'SELECT * FROM no_such_view WHERE login_key = $1' })
    await expect(missing.verify(login, password)).rejects.toMatchObject({ ...lasting, code: '42P01' })
    const incomplete = openDirectory({ query: `SELECT $1 AS account, 'x' AS login` })
    await expect(incomplete.verify(login, password)).rejects.toMatchObject({ ...lasting, code: 'mapping' })
  })

  it('refuses a login whose hash it cannot check, and logs its key and format', async () => {
    for (const [stored, format] of [
      [`'$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/'`, '$1$'],
      [`'5f4dcc3b5aa765d61d8327deb882cf99'`, 'none'],
      [`'$argon2id$v=19$m=4194304,t=3,p=1$c29tc2FsdHNvbWVzYWx0$${'A'.repeat(43)}'`, '$argon2id$'],
      ['NULL', 'none'],
    ] as const) {
      lines.length = 0
      const directory = openWith({ password_hash: stored })
      expect(await directory.verify('known', 'password')).toEqual({ status: 'refused' })
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({ event: 'legacy.hash_unsupported', account: 'a-1', format }),
      ])
    }
  })

  it('tells the mail domains of the contract, and none where the view does not have them', async () => {
    const owner = new pg.Client({ connectionString: cofacering.superuser })
    await owner.connect()
    const told = async () => {
      const answer = await openDirectory().verify(login, password)
      return answer.status === 'ok' ? answer.account.knownDomains : answer
    }
    const { rows } = await owner.query<{ known_domains: string[] }>(
      'SELECT c.known_domains FROM contract c JOIN login l ON l.contract_id = c.id WHERE l.login = $1',
      [login],
    )
    expect(rows[0]?.known_domains).not.toEqual([])
    expect(await told()).toEqual(rows[0]?.known_domains)
    await owner.query(`DROP VIEW directory_login; CREATE VIEW directory_login AS
      SELECT l.id AS account, l.login, l.login_key, l.password_hash, l.disabled, l.shared, c.company, c.id AS contract
        FROM login l JOIN contract c ON c.id = l.contract_id; GRANT SELECT ON directory_login TO PUBLIC`)
    await owner.end()
    expect(await told()).toEqual([])
  })

  it('tells logins apart that differ by capitals only, and refuses a spelling that is neither', async () => {
    const [first, second] = [await hash('one', 4), await hash('two', 4)]
    const directory = openDirectory({
      query: `${dupont('a', 'Dupont', first)} UNION ALL ${dupont('b', 'DUPONT', second)}`,
    })
    expect(await directory.verify('Dupont', 'one')).toMatchObject({ account: { account: 'a' } })
    expect(await directory.verify('DUPONT ', 'two')).toMatchObject({ account: { account: 'b' } })
    expect(await directory.verify('DUPONT', 'one')).toEqual({ status: 'refused' })
    expect(await directory.verify('dupont', 'one')).toEqual({ status: 'refused' })
  })

  it('refuses a login that the encoding of the database cannot hold', async () => {
    // What a LATIN1 database answers to an emoji.
    const directory = openDirectory({ query: `SELECT convert_to($1, 'LATIN1')` })
    expect(await directory.verify('🚚', 'x')).toEqual({ status: 'refused' })
  })

  it('works as long on an unknown, disabled or unusable login as on a known one', async () => {
    const costly = await hash('right', 12)
    const known = openWith({ password_hash: `'${costly}'` })
    const disabled = openWith({ password_hash: `'${costly}'`, disabled: 'true' })
    const reference = await time(known.verify('known', 'wrong'))
    expect(await time(known.verify('unknown', 'wrong'))).toBeGreaterThan(reference / 3)
    expect(await time(known.verify('x'.repeat(5000), 'wrong'))).toBeGreaterThan(reference / 3)
    expect(await time(known.verify('known', ''))).toBeGreaterThan(reference / 3)
    expect(await time(disabled.verify('known', 'right'))).toBeGreaterThan(reference / 3)
  })
})
