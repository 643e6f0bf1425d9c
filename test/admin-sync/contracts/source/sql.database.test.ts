/** The sample Cofacering as a source, and a Cofacering that looks quite different. */
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { columns, kinds, type Kind } from '../../../../admin-sync/contracts/model.ts'
import type { Snapshot } from '../../../../admin-sync/contracts/source/port.ts'
import { viewQueries, type LegacyQueries } from '../../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../../admin-sync/contracts/source/sql.ts'
import { UpstreamError } from '../../../../core/errors.ts'
import { startTcpProxy } from '../../../support/fault-proxy.ts'
import { createCofacering } from '../../../support/postgres.ts'

const cofacering = await createCofacering()
const owner = new pg.Client({ connectionString: cofacering.superuser })
await owner.connect()
afterAll(() => owner.end())
const source = createSqlSource(cofacering.reader, viewQueries)

async function readAll(snapshot: Snapshot, kind: Kind): Promise<Record<string, string | null>[]> {
  const records = []
  for await (const batch of snapshot.read(kind)) records.push(...batch.records)
  expect(records.map(({ line }) => line)).toEqual(records.map((_, i) => i + 1))
  return records.map(({ values }) =>
    Object.fromEntries(columns[kind].map((name, i) => [name, values[i] ?? null])),
  )
}
async function withSnapshot<T>(
  snapshot: Promise<Snapshot>,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const opened = await snapshot
  try {
    return await work(opened)
  } finally {
    await opened.close()
  }
}
const count = async (table: string) =>
  (await owner.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)).rows[0]!.n
const tables: Record<Kind, string> = {
  contracts: 'contract',
  prices: 'price',
  countries: 'contract_country',
  portfolio: 'portfolio',
  monitoring: 'monitoring',
  logins: 'login',
  messages: 'message',
  attachments: 'attachment',
}
const sentences = (error: unknown) => {
  expect(error).toMatchObject({ service: 'legacy', disposition: 'fail', code: 'mapping' })
  return ((error as UpstreamError).cause as { problems: string[] }).problems
}
/** A query of portfolio without an end in sight. */
const endless: LegacyQueries = {
  ...viewQueries,
  queries: {
    ...viewQueries.queries,
    portfolio: `SELECT 'CF-1' AS contract, 'FR' AS country, n::text AS number, repeat('x', 1000) AS name,
      NULL AS reference, date '2020-01-01' AS added_on FROM generate_series(1, 1000000) AS n WHERE :contracts IS NULL`,
  },
}

describe('the database of Cofacering as a source', () => {
  it('gives every record of every kind as texts of the forms that are asked for', async () => {
    await owner.query(
      `UPDATE message SET subject = E'a\\tb\\\\N', body = E'\\n"œ"\\r\\n\\\\.\\n🙂' WHERE id = 'm000001'`,
    )
    await withSnapshot(source.open(), async (snapshot) => {
      const read: Partial<Record<Kind, Awaited<ReturnType<typeof readAll>>>> = {}
      for (const kind of kinds) {
        read[kind] = await readAll(snapshot, kind)
        expect([kind, read[kind].length]).toEqual([kind, await count(tables[kind])])
      }
      expect(read['contracts']!.find(({ company }) => company === 'Cabinet Moreau & Associés')).toEqual({
        contract: expect.stringMatching(/^CF-\d{6}$/),
        company: 'Cabinet Moreau & Associés',
        country: 'FR',
        number: expect.stringMatching(/^000\d{6}$/),
        tariff: expect.any(String),
        fee_cents: expect.stringMatching(/^\d+00$/),
        currency: 'EUR',
        signed_on: '2021-09-01',
        contact_name: expect.any(String),
        contact_email: expect.stringContaining('@'),
        contact_phone: expect.stringContaining('01 99 00'),
        reports: expect.stringMatching(/essentiel/),
        analyses: expect.toSatisfy((value) => value === null || typeof value === 'string'),
        score: expect.stringMatching(/^(true|false)$/),
      })
      expect(read['prices']!.every((price) => /^\d+$/.test(price['amount_cents'] ?? ''))).toBe(true)
      expect(read['logins']!.find(({ login }) => login === 'scierie.haut-jura')).toMatchObject({
        shared: 'false',
        last_sign_in_at: '2014-03-11T10:21:00.000000Z',
      })
      expect(read['messages']!.find(({ message }) => message === 'm000001')).toMatchObject({
        subject: 'a\tb\\N',
        body: '\n"œ"\r\n\\.\n🙂',
      })
      const files = await owner.query<{ content: Buffer }>('SELECT content FROM transfer_attachments')
      expect(read['attachments']!.map(({ content }) => String(content)).toSorted()).toEqual(
        files.rows.map(({ content }) => content.toString('base64')).toSorted(),
      )
      expect(snapshot).toMatchObject({ source: 'sql', isWhole: true, fingerprint: undefined })
    })
  })

  it('gives the contracts that were asked for, and no other, whatever they are called', async () => {
    const contracts = ['CF-204001', 'CF-204008', "'); SELECT pg_sleep(9); --", 'a\0b']
    await withSnapshot(source.open(contracts), async (snapshot) => {
      expect(snapshot.isWhole).toBe(false)
      for (const kind of ['contracts', 'portfolio', 'logins'] as const) {
        const read = await readAll(snapshot, kind)
        expect([kind, new Set(read.map(({ contract }) => contract))]).toEqual([
          kind,
          new Set(contracts.slice(0, 2)),
        ])
      }
      const accounts = new Set((await readAll(snapshot, 'logins')).map(({ account }) => account))
      const messages = await readAll(snapshot, 'messages')
      expect(messages.length).toBeGreaterThan(0)
      expect(messages.filter(({ account }) => !accounts.has(account ?? null))).toEqual([])
    })
    await withSnapshot(source.open([]), async (snapshot) => {
      expect(await readAll(snapshot, 'contracts')).toEqual([])
    })
  })

  it('is of one moment, whatever is written while it is read', async () => {
    const before = await count('portfolio')
    await withSnapshot(source.open(), async (snapshot) => {
      const contracts = await readAll(snapshot, 'contracts')
      await owner.query(`BEGIN; CREATE TEMPORARY TABLE kept AS SELECT * FROM portfolio WHERE contract_id = 'CF-204001';
        CREATE TEMPORARY TABLE alerts AS SELECT * FROM monitoring WHERE contract_id = 'CF-204001';
        UPDATE contract SET company = 'changed meanwhile' WHERE id = 'CF-204001';
        DELETE FROM portfolio WHERE contract_id = 'CF-204001'; COMMIT`)
      expect(await readAll(snapshot, 'portfolio')).toHaveLength(before)
      expect(await readAll(snapshot, 'contracts')).toEqual(contracts)
    })
    await withSnapshot(source.open(['CF-204001']), async (snapshot) => {
      expect(await readAll(snapshot, 'portfolio')).toEqual([])
      expect(await readAll(snapshot, 'contracts')).toMatchObject([{ company: 'changed meanwhile' }])
    })
    await owner.query(`INSERT INTO portfolio SELECT * FROM kept; INSERT INTO monitoring SELECT * FROM alerts`)
  })

  it('gives eight who ask at once the same', async () => {
    const sides = await Promise.all(
      Array.from({ length: 8 }, () =>
        withSnapshot(source.open(), (snapshot) => readAll(snapshot, 'monitoring')),
      ),
    )
    expect(sides[0]).toHaveLength(await count('monitoring'))
    expect(sides.filter((side) => side.length !== sides[0]!.length)).toEqual([])
  })

  it('is an error, and never a short answer, when the server ends in the middle', async () => {
    await withSnapshot(createSqlSource(cofacering.reader, endless).open(), async (snapshot) => {
      const batches = snapshot.read('portfolio')[Symbol.asyncIterator]()
      expect((await batches.next()).value?.records.length).toBeGreaterThan(0)
      const ended = await owner.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'ellipro-admin-sync-contracts' AND query LIKE '%generate_series%'`,
      )
      expect(ended.rowCount).toBe(1)
      const rest = (async () => {
        while (!(await batches.next()).done);
      })()
      await expect(rest).rejects.toMatchObject({
        name: 'UpstreamError',
        service: 'legacy',
        disposition: 'retry',
      })
    })
  })

  it('is an error when the network is cut, silent or refused', async () => {
    const { hostname, port } = new URL(cofacering.reader)
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    const url = new URL(cofacering.reader)
    url.host = `${proxy.host}:${proxy.port}`
    const through = createSqlSource(url.href, { ...endless, silenceSeconds: 1 })
    const breakOff = async (trouble: 'refuse' | 'forget') =>
      withSnapshot(through.open(), async (snapshot) => {
        const batches = snapshot.read('portfolio')[Symbol.asyncIterator]()
        await batches.next()
        await proxy.set(trouble)
        const rest = (async () => {
          while (!(await batches.next()).done);
        })()
        return rest.catch((error: unknown) => error)
      })
    expect(await breakOff('refuse')).toMatchObject({ service: 'legacy', disposition: 'retry' })
    await expect(through.open()).rejects.toMatchObject({ disposition: 'retry', code: 'ECONNREFUSED' })
    await proxy.set('none')
    expect(await breakOff('forget')).toMatchObject({ disposition: 'retry', code: 'timeout' })
    await proxy.set('none')
    await expect(through.findChanged(undefined)).resolves.toMatchObject({ contracts: [] })
  })

  it('leaves no connection behind when its reader stops in the middle', async () => {
    const snapshot = await createSqlSource(cofacering.reader, endless).open()
    for await (const batch of snapshot.read('portfolio')) if (batch.records.length > 0) break
    await snapshot.close()
    const open = async () =>
      (
        await owner.query(
          `SELECT FROM pg_stat_activity WHERE datname = $1 AND application_name = 'ellipro-admin-sync-contracts'`,
          [cofacering.name],
        )
      ).rowCount
    await expect.poll(open, { timeout: 5000 }).toBe(0)
  })

  it('says of all queries what is wrong with them, before a row is read', async () => {
    const queries = {
      ...viewQueries.queries,
      contracts: 'SELECT contract, company FROM transfer_contracts WHERE :contracts IS NULL',
      prices: 'SELECT c.*, p.* FROM transfer_prices p, transfer_countries c WHERE :contracts IS NULL',
      portfolio: 'SELECT * FROM portefeuille WHERE :contracts IS NULL',
      messages: null,
    }
    const error = await createSqlSource(cofacering.reader, { ...viewQueries, queries })
      .open()
      .catch((refusal: unknown) => refusal)
    const problems = sentences(error)
    expect(problems).toContain('The query of contracts gives no column signed_on; it gives contract, company')
    expect(problems).toContain('The query of prices gives the column contract twice')
    expect(problems.find((problem) => problem.startsWith('The query of portfolio fails: '))).toMatch(
      /"portefeuille".*SQLSTATE 42P01/,
    )
    // And one that fails at a row.
    const failing = {
      ...viewQueries.queries,
      prices: `SELECT contract, item, 1 / (length(item) - length(item)) AS amount_cents, currency
      FROM transfer_prices WHERE :contracts IS NULL`,
    }
    await withSnapshot(
      createSqlSource(cofacering.reader, { ...viewQueries, queries: failing }).open(),
      async (snapshot) => {
        const refusal = await readAll(snapshot, 'prices').catch((thrown: unknown) => thrown)
        expect(sentences(refusal)).toEqual([expect.stringMatching(/^The query of prices fails: .*22012/)])
      },
    )
    await expect(
      createSqlSource(cofacering.reader, {
        ...viewQueries,
        changes: 'SELECT 1 AS x WHERE :since IS NULL',
      }).findChanged(undefined),
    ).rejects.toMatchObject({ code: 'mapping', disposition: 'fail' })
  })

  it('can write nothing, even when a query would', async () => {
    await owner.query(`CREATE FUNCTION write_it() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
      $$ BEGIN DELETE FROM message; RETURN 'x'; END $$`)
    const queries = {
      ...viewQueries.queries,
      countries: `SELECT contract, write_it() AS country FROM transfer_countries WHERE :contracts IS NULL`,
    }
    await withSnapshot(
      createSqlSource(cofacering.reader, { ...viewQueries, queries }).open(),
      async (snapshot) => {
        const refusal = await readAll(snapshot, 'countries').catch((thrown: unknown) => thrown)
        expect(sentences(refusal)).toEqual([expect.stringContaining('25006')])
      },
    )
    expect(await count('message')).toBeGreaterThan(0)
  })
})

describe('what changed at Cofacering', () => {
  it('is named, also when its transaction is committed after a later one, and when something was removed', async () => {
    const { cursor } = await source.findChanged(undefined)
    const slow = new pg.Client({ connectionString: cofacering.superuser })
    await slow.connect()
    await slow.query(`BEGIN; DELETE FROM price WHERE contract_id = 'CF-204015'`)
    await owner.query(`UPDATE contract SET city = 'Brest' WHERE id = 'CF-204022'`)
    const first = await source.findChanged(cursor)
    expect(first).toMatchObject({ contracts: ['CF-204022'], hasMore: false })
    await slow.query('COMMIT')
    await slow.end()
    expect((await source.findChanged(first.cursor)).contracts).toContain('CF-204015')
  })

  it('comes in portions when it is much, each contract once', async () => {
    const { cursor } = await source.findChanged(undefined)
    await owner.query(`UPDATE contract SET city = city || '.' WHERE id < 'CF-205'`)
    // Older than what may still get a twin.
    await owner.query(`UPDATE contract_change SET changed_at = changed_at - interval '2 seconds'`)
    const small = createSqlSource(cofacering.reader, viewQueries, { portion: 50 })
    const named: string[] = []
    let portion = { cursor, hasMore: true }
    let portions = 0
    while (portion.hasMore) {
      const next = await small.findChanged(portion.cursor)
      expect(next.contracts.length).toBeLessThanOrEqual(50)
      named.push(...next.contracts)
      portion = next
      portions++
    }
    const { rows } = await owner.query<{ id: string }>(
      `SELECT id FROM contract WHERE id < 'CF-205' ORDER BY id`,
    )
    expect([...new Set(named)].toSorted()).toEqual(rows.map(({ id }) => id))
    expect(named.length).toBe(new Set(named).size)
    expect(portions).toBeGreaterThanOrEqual(rows.length / 50)
    expect(await small.findChanged(portion.cursor)).toMatchObject({ contracts: [], hasMore: false })
  })
})
