/** A Cofacering that is large: memory must not grow with it, also when whoever takes the rows is slower. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { viewQueries } from '../../../../admin-sync/contracts/source/queries.ts'
import { createSqlSource } from '../../../../admin-sync/contracts/source/sql.ts'
import { createCofacering } from '../../../support/postgres.ts'

const cofacering = await createCofacering()

it('is read in a memory that its size does not change', async () => {
  const queries = {
    ...viewQueries.queries,
    portfolio: `SELECT 'CF-1' AS contract, 'FR' AS country, n::text AS number, repeat('é', 200) AS name,
      NULL AS reference, date '2020-01-01' AS added_on FROM generate_series(1, 3000000) AS n WHERE :contracts IS NULL`,
    attachments: `SELECT 'a' AS account, n::text AS message, 1 AS place, 'x' AS name, 'y/z' AS media_type,
      decode(repeat('00', 5000000), 'hex') AS content FROM generate_series(1, 100) AS n WHERE :contracts IS NULL`,
  }
  const snapshot = await createSqlSource(cofacering.reader, { ...viewQueries, queries }).open()
  const before = process.memoryUsage().rss
  let highest = 0
  for (const [kind, expected] of [
    ['portfolio', 3_000_000],
    ['attachments', 100],
  ] as const) {
    let records = 0
    for await (const batch of snapshot.read(kind)) {
      records += batch.records.length
      highest = Math.max(highest, process.memoryUsage().rss)
      if (records % 100_000 < 2000) await sleep(10)
    }
    expect([kind, records]).toEqual([kind, expected])
  }
  await snapshot.close()
  // 1.3 GB of lines and 0.7 GB of attachments; most of this is what the collector has not looked at yet.
  expect((highest - before) / 1e6).toBeLessThan(600)
}, 180_000)
