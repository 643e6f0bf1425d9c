/** From the database of Cofacering into our copy: all of it, what changes afterwards, and a schema of another making. */
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { followContracts } from '../../../admin-sync/contracts/follow-contracts.ts'
import { importLive } from '../../../admin-sync/contracts/live-import.ts'
import type { LiveSource } from '../../../admin-sync/contracts/source/port.ts'
import { readLegacyQueries, viewQueries } from '../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../admin-sync/contracts/source/sql.ts'
import { createPool } from '../../../core/database/pool.ts'
import { UpstreamError } from '../../../core/errors.ts'
import { createLog } from '../../../core/log.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'

const [cofacering, database, second] = await Promise.all([
  createCofacering(),
  createDatabase(),
  createDatabase(),
])
const log = createLog('test', 'silent')
const owner = new pg.Client({ connectionString: cofacering.superuser })
await owner.connect()
const pool = createPool(database.sync, 'test', log, { max: 4 })
const other = createPool(second.sync, 'test', log, { max: 4 })
afterAll(() => Promise.all([owner.end(), pool.end(), other.end()]))

const source = createSqlSource(cofacering.reader, viewQueries, { portion: 40 })
const signal = new AbortController().signal
const follow = (
  from: LiveSource | undefined = source,
  onStep: (step: string) => Promise<void> = async () => {},
) => followContracts({ pool, source: from, log, signal }, onStep)
const ask = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
  (await pool.query<Row>(text, values)).rows
const readCity = async (contract: string) =>
  (
    await ask<{ company: string }>('SELECT company FROM ellipro.legacy_contract WHERE contract = $1', [
      contract,
    ])
  )[0]?.company
const rename = (contract: string, company: string) =>
  owner.query('UPDATE contract SET company = $2 WHERE id = $1', [contract, company])
/** Counts the contracts of each snapshot that is opened. */
function counting(from: LiveSource): LiveSource & { asked: (number | undefined)[] } {
  const asked: (number | undefined)[] = []
  return {
    ...from,
    asked,
    open: (contracts) => {
      asked.push(contracts?.length)
      return from.open(contracts)
    },
  }
}
const [a, b, c] = ['CF-204001', 'CF-204015', 'CF-204022'] as const

describe('following Cofacering', () => {
  it('starts with everything', async () => {
    const report = await importLive(pool, source)
    expect(report).toMatchObject({
      source: 'sql',
      isWhole: true,
      errors: 0,
      counts: { contracts: { stored: 300 } },
    })
  })

  it('imports what changed and nothing else, once it is asked', async () => {
    await ask('DELETE FROM ellipro.case_outbox')
    await rename(a, 'Renommée & Cie')
    await owner.query(`DELETE FROM monitoring WHERE contract_id = '${b}'`)
    const watched = counting(source)
    expect(await follow(watched)).toEqual({ named: 2 })
    expect(watched.asked).toEqual([2])
    expect(await readCity(a)).toBe('Renommée & Cie')
    expect(await ask('SELECT FROM ellipro.monitoring WHERE contract = $1', [b])).toEqual([])
    const jobs = await ask(
      `SELECT t.contract, o.kind FROM ellipro.case_outbox o JOIN ellipro.contract_transfer t ON t.id = o.subject_id ORDER BY 1`,
    )
    expect(jobs).toEqual([a, b].map((contract) => ({ contract, kind: 'transfer-contract' })))
  })

  it('imports what was committed late, and what changed while everything was imported', async () => {
    await follow()
    const slow = new pg.Client({ connectionString: cofacering.superuser })
    await slow.connect()
    await slow.query('BEGIN')
    await slow.query('UPDATE contract SET company = $2 WHERE id = $1', [a, 'Commis tard'])
    await rename(b, 'Commis avant')
    await follow()
    expect(await readCity(b)).toBe('Commis avant')
    await slow.query('COMMIT')
    await slow.end()
    await follow()
    expect(await readCity(a)).toBe('Commis tard')

    // An import of everything whose snapshot is older than the change, and that writes after it was followed.
    const older = counting(source)
    const report = await importLive(pool, {
      ...older,
      async open(contracts) {
        const snapshot = await older.open(contracts)
        return {
          ...snapshot,
          async *read(kind) {
            yield* snapshot.read(kind)
            if (kind !== 'attachments') return
            await rename(c, 'Plus récente')
            await follow()
          },
        }
      },
    })
    expect(report.errors).toBe(0)
    expect(await readCity(c)).toBe('Plus récente')
  })

  it('moves its cursor when the import is committed, wherever it is killed', async () => {
    await follow()
    await rename(a, 'Après la panne')
    for (const dying of ['import', 'cursor']) {
      const killed = follow(source, async (step) => {
        if (step === dying) throw new Error(`killed at ${step}`)
      })
      await expect(killed).rejects.toThrow(`killed at ${dying}`)
    }
    expect((await follow()).named).toBeGreaterThanOrEqual(1)
    expect(await readCity(a)).toBe('Après la panne')
    // An import that breaks off.
    await rename(a, 'Seconde panne')
    const breaking: LiveSource = {
      ...source,
      async open(contracts) {
        const snapshot = await source.open(contracts)
        return {
          ...snapshot,
          async *read(kind) {
            yield* snapshot.read(kind)
            if (kind === 'monitoring') throw new UpstreamError('legacy', 0, 'retry', 'cut_off')
          },
        }
      },
    }
    await follow(breaking)
    expect(await readCity(a)).toBe('Après la panne')
    await follow()
    expect(await readCity(a)).toBe('Seconde panne')
  })

  it('ends the same when eight look at once', async () => {
    await follow()
    await rename(c, 'Huit fois')
    await rename(b, 'Huit fois')
    const sides = await Promise.all(Array.from({ length: 8 }, () => follow()))
    expect(sides).toHaveLength(8)
    expect([await readCity(c), await readCity(b)]).toEqual(['Huit fois', 'Huit fois'])
    const lines = await ask('SELECT FROM ellipro.portfolio_line WHERE contract = $1', [c])
    const there = await owner.query('SELECT FROM portfolio WHERE contract_id = $1', [c])
    expect(lines).toHaveLength(there.rowCount ?? 0)
  })

  it('leaves frozen contracts alone, but for what they give', async () => {
    await follow()
    await ask('UPDATE ellipro.contract_transfer SET frozen_at = now() WHERE contract = $1', [a])
    const readGiven = async () =>
      (
        await ask(
          'SELECT reports, analyses, score, countries FROM ellipro.contract_entitlement WHERE contract = $1',
          [a],
        )
      )[0]
    const countJobs = async () =>
      (
        await ask(
          `DELETE FROM ellipro.case_outbox WHERE kind = 'sync-entitlements' AND subject_id =
             (SELECT id FROM ellipro.contract_transfer WHERE contract = $1) RETURNING id`,
          [a],
        )
      ).length
    const readCopy = () =>
      ask(
        "SELECT encode(digest, 'hex') AS digest, reports FROM ellipro.legacy_contract WHERE contract = $1",
        [a],
      )
    const [given, copy] = [await readGiven(), await readCopy()]
    await rename(a, 'Trop tard')
    await follow()
    expect(await readCity(a)).toBe('Seconde panne')
    expect([await readGiven(), await countJobs()]).toEqual([given, 0])

    const { rows: had } = await owner.query<{ kind: string; name: string }>(
      'DELETE FROM entitlement WHERE contract_id = $1 RETURNING kind, name',
      [a],
    )
    await owner.query(`INSERT INTO entitlement VALUES ($1, 'report', 'expert')`, [a])
    await follow()
    expect(await readGiven()).toMatchObject({ reports: ['expert'], analyses: [], score: false })
    expect(await countJobs()).toBe(1)
    await follow()
    expect(await countJobs()).toBe(0)
    // Back to what it was at the freezing, which the import of everything sees too.
    await owner.query('DELETE FROM entitlement WHERE contract_id = $1', [a])
    for (const { kind, name } of had)
      await owner.query('INSERT INTO entitlement VALUES ($1, $2, $3)', [a, kind, name])
    await importLive(pool, source)
    expect([await readGiven(), await countJobs()]).toEqual([given, 1])
    expect(await readCopy()).toEqual(copy)
    await ask('UPDATE ellipro.contract_transfer SET frozen_at = NULL WHERE contract = $1', [a])
    await ask('DELETE FROM ellipro.contract_rights')
  })

  it('does nothing without a source that can be asked', async () => {
    expect(await followContracts({ pool, source: undefined, log, signal }, async () => {})).toEqual({
      named: 0,
    })
  })

  it('does not bring messages back whose days are over, and takes new ones', async () => {
    await importLive(pool, source)
    const [mailbox] = await ask<{ account: string; contract: string }>(
      `SELECT m.account, l.contract FROM ellipro.legacy_message m JOIN ellipro.legacy_login l ON l.account = m.account
         JOIN ellipro.legacy_attachment f ON f.account = m.account GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1`,
    )
    const { account, contract } = mailbox!
    const count = async () =>
      (await ask('SELECT FROM ellipro.legacy_message WHERE account = $1', [account])).length
    await ask(
      `UPDATE ellipro.legacy_login SET first_imported_at = now() - interval '366 days' WHERE account = $1`,
      [account],
    )
    await owner.query(`UPDATE message SET sent_at = '2020-01-01' WHERE login_id = $1`, [account])
    await ask('DELETE FROM ellipro.legacy_message WHERE account = $1', [account])
    await owner.query(`INSERT INTO message VALUES ('m-new', $1, now(), 'Service', 'Nouveau', 'Bonjour')`, [
      account,
    ])
    await owner.query(`INSERT INTO attachment VALUES ('m-new', 1, 'a.txt', 'text/plain', 'x')`)
    const report = await importLive(pool, source, { contracts: [contract] })
    expect([report.errors, await count()]).toEqual([0, 1])
    await ask('UPDATE ellipro.legacy_login SET first_imported_at = now() WHERE account = $1', [account])
    await importLive(pool, source, { contracts: [contract] })
    expect(await count()).toBeGreaterThan(1)
  })

  it('takes a big change in portions', async () => {
    await follow()
    await owner.query(`UPDATE contract SET contact_phone = '01 99 00 12 34' WHERE id < 'CF-204700'`)
    await owner.query(`UPDATE contract_change SET changed_at = changed_at - interval '2 seconds'`)
    const watched = counting(source)
    await follow(watched)
    expect(Math.max(...watched.asked.map((count) => count ?? Infinity))).toBeLessThanOrEqual(40)
    expect(watched.asked.length).toBeGreaterThan(1)
    const left = await ask(
      `SELECT contract FROM ellipro.legacy_contract WHERE contract < 'CF-204700' AND contact_phone <> '01 99 00 12 34'`,
    )
    expect(left).toEqual([])
  })

  it('waits for Cofacering when it is away, and says what an operator has to mend', async () => {
    const events: unknown[] = []
    const noted = {
      ...log,
      warn: (line: object) => events.push(line),
      error: (line: object) => events.push(line),
    }
    const away = createSqlSource('postgres://nobody:none@127.0.0.1:1/none', viewQueries)
    const [before] = await ask('SELECT cursor FROM ellipro.contract_cursor')
    const dependencies = { pool, log: noted as unknown as typeof log, signal }
    expect(await followContracts({ ...dependencies, source: away }, async () => {})).toEqual({
      named: 0,
    })
    const wrong = createSqlSource(cofacering.reader, {
      ...viewQueries,
      changes: 'SELECT 1 FROM nothing WHERE :since IS NULL',
    })
    await followContracts({ ...dependencies, source: wrong }, async () => {})
    expect(events).toMatchObject([
      { event: 'contracts.not_followed', code: 'ECONNREFUSED' },
      { event: 'contracts.not_followed', code: 'mapping' },
    ])
    expect(await ask('SELECT cursor FROM ellipro.contract_cursor')).toEqual([before])
  })
})

describe('a Cofacering of another making', () => {
  it('is imported by queries alone: other names, euros with decimals, dates as texts, flags as letters', async () => {
    await owner.query(readSchema)
    const queries = readLegacyQueries(new URL('legacy-queries.json', import.meta.url).pathname)
    const legacy = createSqlSource(cofacering.superuser, queries)
    const report = await importLive(other, legacy)
    const [contract] = (await other.query('SELECT * FROM ellipro.legacy_contract ORDER BY contract')).rows
    expect(contract).toMatchObject({
      contract: '7001',
      company: 'Établissements Ørsted',
      country: 'FR',
      number: '000123455',
      fee_cents: '149050',
      currency: 'EUR',
      contact_email: 'a@b.example',
      reports: ['efficient', 'expert'],
      analyses: [],
      score: true,
    })
    const { rows: lines } = await other.query(
      `SELECT country, number, name, reference, added_on::text FROM ellipro.portfolio_line ORDER BY number`,
    )
    expect(lines).toEqual([
      { country: 'FR', number: '000123455', name: 'Dupont', reference: null, added_on: '2014-02-01' },
      { country: 'DE', number: 'HRB 1', name: 'Groß', reference: 'R1', added_on: '2020-02-29' },
    ])
    // Nothing is guessed: a day that does not exist, half a cent, a letter that means nothing.
    const problems = report.problems.map(({ kind, code, value }) => `${kind}: ${code} ${value}`)
    expect(problems.toSorted()).toEqual([
      'contracts: boolean ?',
      'portfolio: date 2021-02-30',
      'prices: amount 1250.5',
    ])
    const { contracts } = await legacy.findChanged('2020-01-01T00:00:00.000000Z')
    expect(contracts).toEqual(['7001', '7002'])
  })
})

const readSchema = `
  CREATE TABLE "T_ABONNE" ("NO_ABO" integer, "RAISON" char(40), "SIREN" text, "FORFAIT" text, "MT_AN" numeric(12,4), "DT_SIGN" text,
    "MEL" text, "RAP_EFF" char(1), "RAP_EXP" char(1), "SCORE" char(1), "MAJ" timestamp);
  INSERT INTO "T_ABONNE" VALUES (7001, 'Établissements Ørsted', '000 123 455', 'Pro', 1490.5, '01/09/2012', 'a@b.example', 'O', 'O', 'O', '2026-11-01 10:00'),
    (7002, 'Flou', '000123455', 'Pro', 10, '02/09/2012', NULL, 'N', 'N', '?', '2026-11-02 10:00');
  CREATE TABLE "T_TARIF" (abo integer, art text, pu numeric);
  INSERT INTO "T_TARIF" VALUES (7001, 'essai', 12.50), (7001, 'faux', 12.505);
  CREATE TABLE "T_SUIVI" (abo integer, pays text, ident text, nom text, ref text, dt text, mails text[]);
  INSERT INTO "T_SUIVI" VALUES (7001, 'F', '000 123 455', 'Dupont', ' ', '01/02/2014', '{x@y.example}'),
    (7001, 'D', 'HRB 1', 'Groß', 'R1', '29/02/2020', '{x@y.example,z@y.example}'), (7001, 'D', 'HRB 2', 'Falsch', NULL, '30/02/2021', NULL)`
