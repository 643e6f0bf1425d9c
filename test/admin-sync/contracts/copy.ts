/** Our copy of a contract, written as an import would: as a whole, in one transaction that holds its transfer. */
import type pg from 'pg'
import type { ContractDocument } from '../../../admin-sync/contracts/model.ts'
import { inTransaction } from '../../../admin-sync/transaction.ts'

/**
 * @param beforeCommit called with everything written
 * @returns the run that wrote it; `undefined`: it was frozen, and is left alone
 */
export function storeCopy(
  pool: pg.Pool,
  document: ContractDocument,
  beforeCommit: () => Promise<void> = async () => {},
): Promise<string | undefined> {
  const { contract, company, tariff, contact } = document
  return inTransaction(pool, async (client) => {
    await client.query(
      'INSERT INTO ellipro.contract_transfer (contract) VALUES ($1) ON CONFLICT DO NOTHING',
      [contract],
    )
    const { rows: free } = await client.query(
      'SELECT FROM ellipro.contract_transfer WHERE contract = $1 AND frozen_at IS NULL FOR UPDATE',
      [contract],
    )
    if (free.length === 0) return undefined
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO ellipro.import_run (source, is_whole, state) VALUES ('files', false, 'done') RETURNING id`,
    )
    for (const table of ['tariff_price', 'contract_country', 'portfolio_line', 'monitoring'])
      await client.query(`DELETE FROM ellipro.${table} WHERE contract = $1`, [contract])
    await client.query(
      `INSERT INTO ellipro.legacy_contract (contract, company, country, number, tariff, fee_cents, currency, signed_on,
         contact_name, contact_email, contact_phone, reports, analyses, score, run_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
       ON CONFLICT (contract) DO UPDATE SET company = EXCLUDED.company, country = EXCLUDED.country,
         number = EXCLUDED.number, tariff = EXCLUDED.tariff, fee_cents = EXCLUDED.fee_cents,
         currency = EXCLUDED.currency, signed_on = EXCLUDED.signed_on, contact_name = EXCLUDED.contact_name,
         contact_email = EXCLUDED.contact_email, contact_phone = EXCLUDED.contact_phone, reports = EXCLUDED.reports,
         analyses = EXCLUDED.analyses, score = EXCLUDED.score, run_id = EXCLUDED.run_id, digest = NULL, content = NULL`,
      [
        contract,
        company.name,
        company.country,
        company.number,
        tariff.name,
        tariff.fee.cents,
        tariff.fee.currency,
        document.signedOn,
        contact.name,
        contact.email,
        contact.phone,
        document.reports.toSorted(),
        document.analyses.toSorted(),
        document.score,
        rows[0]!.id,
      ],
    )
    await client.query(
      `INSERT INTO ellipro.tariff_price SELECT $1, item, cents, currency
         FROM json_to_recordset($2) AS p (item text, cents bigint, currency text)`,
      [contract, JSON.stringify(tariff.prices)],
    )
    await client.query('INSERT INTO ellipro.contract_country SELECT $1, unnest($2::text[])', [
      contract,
      document.countries,
    ])
    await client.query(
      `INSERT INTO ellipro.portfolio_line (contract, country, number, name, reference, added_on)
       SELECT $1, country, number, name, reference, "addedOn" FROM json_to_recordset($2)
         AS l (country text, number text, name text, reference text, "addedOn" date)`,
      [contract, JSON.stringify(document.portfolio)],
    )
    await client.query(
      `INSERT INTO ellipro.monitoring (contract, country, number, kind, recipient, since)
       SELECT $1, country, number, kind, recipient, since FROM json_to_recordset($2)
         AS m (country text, number text, kind text, recipient text, since date)`,
      [contract, JSON.stringify(document.monitoring)],
    )
    await client.query(
      'UPDATE ellipro.legacy_contract SET digest = ellipro.contract_digest(contract) WHERE contract = $1',
      [contract],
    )
    await beforeCommit()
    return rows[0]!.id
  })
}
