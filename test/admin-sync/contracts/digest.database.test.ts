/** The canonical digest as the database computes it from what is stored, beside that of digest.ts from the document. */
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { digestContract, sections, type ContractDigest } from '../../../admin-sync/contracts/digest.ts'
import { readStoredDigests } from '../../../admin-sync/contracts/verify/store.ts'
import { createDatabase } from '../../support/postgres.ts'
import { storeCopy } from './copy.ts'
import { createRandom, randomDocument } from './sample-documents.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
afterAll(() => pool.end())

it('is that of digest.ts for contracts of any content, with that of each section', async () => {
  const random = createRandom(6)
  const expected = new Map<string, ContractDigest>()
  for (let number = 0; number < 60; number++) {
    // The first has no record in any section but its own.
    const document = randomDocument(`C ${number}é😀`, random, number === 0 ? 0 : 12)
    expected.set(document.contract, digestContract(document))
    await storeCopy(pool, document)
  }
  const stored = await readStoredDigests(pool, '', 1000)
  expect(stored.map(({ contract }) => contract)).toEqual(
    [...expected.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
  for (const { contract, digest, sections: each } of stored)
    expect({ digest, sections: each }).toEqual(expected.get(contract))
  // What made the test worth its time: each section has contracts with and without records.
  for (const section of sections.slice(1))
    expect(new Set(stored.map(({ sections: each }) => each[section].count > 0))).toEqual(
      new Set([true, false]),
    )
})

it('is written into a batch of contracts by one statement, and there is none of a contract that is not there', async () => {
  await pool.query('UPDATE ellipro.legacy_contract SET digest = NULL')
  await pool.query(`UPDATE ellipro.legacy_contract c SET digest = d.digest
                      FROM ellipro.digest_contracts(ARRAY(SELECT contract FROM ellipro.legacy_contract)) d
                     WHERE c.contract = d.contract`)
  const { rows } = await pool.query<{ wrong: number; none: Buffer | null }>(
    `SELECT count(*) FILTER (WHERE digest IS DISTINCT FROM ellipro.contract_digest(contract))::int AS wrong,
            ellipro.contract_digest('nobody''s') AS none FROM ellipro.legacy_contract`,
  )
  expect(rows[0]).toEqual({ wrong: 0, none: null })
})

it('does not depend on how the session shows dates, nor on what the planner knows', async () => {
  const client = await pool.connect()
  try {
    const read = async () =>
      (
        await client.query(
          'SELECT * FROM ellipro.digest_contracts(ARRAY(SELECT contract FROM ellipro.legacy_contract))',
        )
      ).rows as { contract: string }[]
    const before = (await read()).toSorted((a, b) => (a.contract < b.contract ? -1 : 1))
    await client.query("SET datestyle = 'SQL, DMY'; SET enable_indexscan = off")
    expect((await read()).toSorted((a, b) => (a.contract < b.contract ? -1 : 1))).toEqual(before)
  } finally {
    client.release(true)
  }
})
