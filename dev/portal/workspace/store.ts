/**
 * Contracts as the workspace keeps them: received as a whole or not at all, read back as a document, and digested from
 * the rows as they are. What the pages of the portal read and change is in shelf.ts.
 */
import type pg from 'pg'
import type { Stored } from '../../../admin-sync/contracts/target/api.ts'
import type { PutContract } from '../../../admin-sync/contracts/target/api.ts'
import type { WorkspaceDigest } from '../../../admin-sync/contracts/target/port.ts'
import type { ContractDocument } from '../../../admin-sync/contracts/model.ts'
import type { WorkspaceDatabase } from './database.ts'

/** The contract was not taken. `digest` is that of what stays (`contract_frozen`), or of what would have been stored. */
export class ContractRefused extends Error {
  override readonly name = 'ContractRefused'
  readonly code: 'contract_frozen' | 'digest_mismatch' | 'idempotency_key_reused' | 'invalid_request'
  readonly digest: string | undefined
  constructor(code: ContractRefused['code'], digest?: string) {
    super(code)
    this.code = code
    this.digest = digest
  }
}
export type Store = ReturnType<typeof createStore>

type Row = {
  contract: string
  digest: string
  sections: WorkspaceDigest['sections']
  received: WorkspaceDigest['received']
  changed_at: Date | null
}

export function createStore(database: WorkspaceDatabase) {
  return {
    /**
     * Stores the contract and all that belongs to it in one transaction, in the place of what was there.
     * @param key Idempotency-Key
     * @throws ContractRefused: nothing was changed; UpstreamError('database', retry)
     */
    put: (content: PutContract, key: string): Promise<Stored> =>
      database.transaction((client) => putContract(client, content, key)),

    /** `undefined`: there is no such contract. */
    async read(contract: string): Promise<ContractDocument | undefined> {
      const rows = await database.query<{ document: ContractDocument }>(readDocument, [contract])
      return rows[0]?.document
    },

    async readDigest(contract: string): Promise<WorkspaceDigest | undefined> {
      const [row] = await database.query<Row>('SELECT * FROM workspace.digests($1, $1)', [contract])
      return row && describe(row)
    },

    /** At most `limit` contracts after the given one, in order of their bytes. */
    async listDigests(after: string, limit: number): Promise<WorkspaceDigest[]> {
      const rows = await database.query<Row>(
        `WITH page AS (SELECT contract FROM workspace.contract WHERE contract > $1 ORDER BY contract LIMIT $2)
         SELECT d.* FROM (SELECT min(contract) AS first, max(contract) AS last FROM page) AS p,
           workspace.digests(p.first, p.last) AS d ORDER BY d.contract`,
        [after, limit],
      )
      return rows.map(describe)
    },
  }
}

function describe({ contract, digest, sections, received, changed_at }: Row): WorkspaceDigest {
  return {
    contract,
    digest,
    sections,
    received: { ...received, at: new Date(received.at).toISOString() },
    changedAt: changed_at?.toISOString() ?? null,
  }
}

async function putContract(client: pg.PoolClient, content: PutContract, key: string): Promise<Stored> {
  const { document, digest, final } = content
  const { contract } = document
  // Requests about one contract go one after the other.
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [contract])
  await useKey(client, key, contract, digest)
  const { rows } = await client.query<{ received: string; is_final: boolean }>(
    `SELECT encode(received_digest, 'hex') AS received, is_final FROM workspace.contract WHERE contract = $1`,
    [contract],
  )
  const known = rows[0]
  if (known?.is_final && known.received !== digest)
    throw new ContractRefused('contract_frozen', known.received)
  if (known?.is_final) return { contract, digest, stored: false }
  if (known && known.received === digest && (await digestRows(client, contract)) === digest) {
    await client.query(
      'UPDATE workspace.contract SET is_final = $2, received_at = now() WHERE contract = $1',
      [contract, final],
    )
    return { contract, digest, stored: false }
  }
  await writeRows(client, content)
  const reached = await digestRows(client, contract)
  if (reached !== digest) throw new ContractRefused('digest_mismatch', reached)
  return { contract, digest, stored: true }
}

/** A key belongs to the content that it came with first. */
async function useKey(client: pg.PoolClient, key: string, contract: string, digest: string): Promise<void> {
  const { rows } = await client.query<{ same: boolean }>(
    `INSERT INTO workspace.idempotency_key AS k (key, contract, digest) VALUES ($1, $2, decode($3, 'hex'))
     ON CONFLICT (key) DO UPDATE SET used_at = now()
     RETURNING k.contract = $2 AND k.digest = decode($3, 'hex') AS same`,
    [key, contract, digest],
  )
  if (!rows[0]?.same) throw new ContractRefused('idempotency_key_reused')
}

async function digestRows(client: pg.PoolClient, contract: string): Promise<string> {
  const { rows } = await client.query<{ digest: string }>('SELECT digest FROM workspace.digests($1, $1)', [
    contract,
  ])
  return rows[0]?.digest ?? ''
}

async function writeRows(client: pg.PoolClient, { document, digest, final }: PutContract): Promise<void> {
  const { contract } = document
  for (const table of ['price', 'country', 'portfolio', 'monitoring'])
    await client.query(`DELETE FROM workspace.${table} WHERE contract = $1`, [contract])
  try {
    await client.query(writeContract, [
      contract,
      document.company.name,
      document.company.country,
      document.company.number,
      document.tariff.name,
      document.tariff.fee.cents,
      document.tariff.fee.currency,
      document.signedOn,
      document.contact.name,
      document.contact.email,
      document.contact.phone,
      document.reports,
      document.analyses,
      document.score,
      digest,
      final,
    ])
    await client.query(
      `INSERT INTO workspace.price SELECT $1, item, cents, currency
       FROM json_to_recordset($2) AS r (item text, cents bigint, currency text)`,
      [contract, JSON.stringify(document.tariff.prices)],
    )
    await client.query('INSERT INTO workspace.country SELECT $1, unnest($2::text[])', [
      contract,
      document.countries,
    ])
    await client.query(
      `INSERT INTO workspace.portfolio SELECT $1, country, number, name, reference, "addedOn"
       FROM json_to_recordset($2) AS r (country text, number text, name text, reference text, "addedOn" date)`,
      [contract, JSON.stringify(document.portfolio)],
    )
    await client.query(
      `INSERT INTO workspace.monitoring SELECT $1, country, number, kind, recipient, since
       FROM json_to_recordset($2) AS r (country text, number text, kind text, recipient text, since date)`,
      [contract, JSON.stringify(document.monitoring)],
    )
  } catch (error) {
    // Class 22: a value that has the right form and is none, such as a day in the year 0000.
    if ((error as { code?: string }).code?.startsWith('22')) throw new ContractRefused('invalid_request')
    throw error
  }
}

const writeContract = `
  INSERT INTO workspace.contract AS c (contract, company, country, number, tariff, fee_cents, currency, signed_on,
    contact_name, contact_email, contact_phone, reports, analyses, score, received_digest, is_final)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, decode($15, 'hex'), $16)
  ON CONFLICT (contract) DO UPDATE SET company = EXCLUDED.company, country = EXCLUDED.country, number = EXCLUDED.number,
    tariff = EXCLUDED.tariff, fee_cents = EXCLUDED.fee_cents, currency = EXCLUDED.currency, signed_on = EXCLUDED.signed_on,
    contact_name = EXCLUDED.contact_name, contact_email = EXCLUDED.contact_email, contact_phone = EXCLUDED.contact_phone,
    reports = EXCLUDED.reports, analyses = EXCLUDED.analyses, score = EXCLUDED.score,
    received_digest = EXCLUDED.received_digest, received_at = now(), is_final = EXCLUDED.is_final, changed_at = NULL`

const readDocument = `
  SELECT json_build_object(
    'contract', contract,
    'company', json_build_object('country', country, 'number', number, 'name', company),
    'tariff', json_build_object('name', tariff, 'fee', json_build_object('cents', fee_cents, 'currency', currency),
      'prices', coalesce((SELECT json_agg(json_build_object('item', item, 'cents', cents, 'currency', p.currency) ORDER BY item)
        FROM workspace.price p WHERE p.contract = c.contract), '[]')),
    'signedOn', workspace.iso(signed_on),
    'contact', json_build_object('name', contact_name, 'email', contact_email, 'phone', contact_phone),
    'reports', reports, 'analyses', analyses, 'score', score,
    'countries', coalesce((SELECT json_agg(p.country ORDER BY p.country)
      FROM workspace.country p WHERE p.contract = c.contract), '[]'),
    'portfolio', coalesce((SELECT json_agg(json_build_object('country', p.country, 'number', p.number, 'name', name,
        'reference', reference, 'addedOn', workspace.iso(added_on)) ORDER BY p.country, p.number)
      FROM workspace.portfolio p WHERE p.contract = c.contract), '[]'),
    'monitoring', coalesce((SELECT json_agg(json_build_object('country', p.country, 'number', p.number, 'kind', kind,
        'recipient', recipient, 'since', workspace.iso(since)) ORDER BY p.country, p.number, kind, recipient)
      FROM workspace.monitoring p WHERE p.contract = c.contract AND stopped_at IS NULL), '[]')) AS document
  FROM workspace.contract c WHERE contract = $1`
