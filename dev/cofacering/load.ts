/**
 * Loads the sample customers into a PostgreSQL database, once: a second call with the same sample sees its
 * fingerprint and changes nothing. A changed sample or schema replaces the whole content, in one transaction.
 *
 * Works on the sample database only. It drops the tables that schema.sql creates, so it refuses a database where
 * one of them exists without the fingerprint beside it: that would be somebody's real data.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { generateContent } from './content.ts'
import { generateSample, hashCosts, hashSample, sampleSeed } from './generate.ts'

/** Of schema.sql; each table after those that refer to it. */
const tables =
  'contract_change attachment message monitoring portfolio contract_country price entitlement person login contract'.split(
    ' ',
  )
const views = 'contracts prices countries portfolio monitoring logins messages attachments changes'
  .split(' ')
  .map((kind) => `transfer_${kind}`)
  .concat('directory_login', 'directory_contract')

/**
 * @param url a role that may create tables in the database, such as the superuser of a demonstration server.
 *   The role `cofacering_reader` must exist; it gets SELECT on the views.
 * @returns whether anything was written, and how many logins the sample has.
 */
export async function loadCofacering(url: string): Promise<{ loaded: boolean; logins: number }> {
  const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8')
  const sample = generateSample()
  const content = generateContent(sample, sampleSeed + 2)
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([schema, sample, content, hashCosts]))
    .digest('hex')
  const summary = { logins: sample.logins.length }

  const client = new pg.Client({ connectionString: url, application_name: 'ellipro-sample' })
  await client.connect()
  try {
    await client.query('BEGIN')
    // Two starts at once: the second waits here, then finds the fingerprint.
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('cofacering sample'))`)
    if ((await readFingerprint(client)) === fingerprint) {
      await client.query('COMMIT')
      return { loaded: false, ...summary }
    }
    const hashes = await hashSample(sample)
    await client.query(`
      DROP VIEW IF EXISTS ${views.join(', ')};
      DROP TABLE IF EXISTS ${[...tables, 'sample_fingerprint'].join(', ')};
      DROP FUNCTION IF EXISTS note_change`)
    await client.query(schema)
    await insertAll(client, 'contract', sample.contracts)
    const logins = sample.logins.map(({ password: _password, hash: _hash, ...row }) => ({
      ...row,
      password_hash: hashes.get(row.id),
    }))
    await insertAll(client, 'login', logins)
    await insertAll(client, 'person', sample.persons)
    for (const [table, rows] of Object.entries(content)) await insertAll(client, table, rows)
    // Nothing of it is news.
    await client.query(`UPDATE contract_change SET changed_at = '2026-10-30T18:00:00Z'`)
    await client.query('CREATE TABLE sample_fingerprint AS SELECT $1::text AS sha256', [fingerprint])
    await client.query('COMMIT')
    return { loaded: true, ...summary }
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    await client.end()
  }
}

/** `undefined` for an empty database. */
async function readFingerprint(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ sample: boolean; other: boolean }>(
    `SELECT to_regclass('sample_fingerprint') IS NOT NULL AS sample,
           EXISTS (SELECT FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL) AS other`,
    [tables],
  )
  if (rows[0]?.sample) {
    const read = await client.query<{ sha256: string }>('SELECT sha256 FROM sample_fingerprint')
    return read.rows[0]?.sha256
  }
  if (rows[0]?.other)
    throw new Error('This database holds tables that the sample did not make: nothing was changed.')
  return undefined
}

/** Inserts rows whose keys are the columns. Table and column names come from this folder, never from data. */
async function insertAll(client: pg.Client, table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join(', ')
  await client.query(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`,
    [JSON.stringify(rows)],
  )
}
