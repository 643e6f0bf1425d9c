/**
 * What the portal's pages read of a contract in the workspace, and the two things that its people change there: an alert
 * that is stopped or resumed, and an analysis that is ordered. Whose contract it is was found out before (routes.ts).
 */
import type { WorkspaceDatabase } from './workspace/database.ts'

export type Contract = {
  contract: string
  company: string
  country: string
  number: string
  tariff: string
  feeCents: number
  currency: string
  signedOn: string
  contactName: string | null
  contactEmail: string | null
  contactPhone: string | null
  reports: string[]
  analyses: string[]
  score: boolean
  /** The last content was received: from now on its people may change it here. */
  isFinal: boolean
  companies: number
  alerts: number
}
export type Price = { item: string; cents: number; currency: string }
export type Company = {
  country: string
  number: string
  name: string
  reference: string | null
  addedOn: string
  alerts: number
}
export type Alert = {
  country: string
  number: string
  kind: string
  recipient: string
  since: string
  stopped: boolean
  /** Of the company in the portfolio; `null`: it is monitored alone. */
  name: string | null
}
export type Order = { kind: string; country: string; company: string; orderedAt: Date }
export const sortings = ['name', 'number', 'country', 'reference', 'added', 'alerts'] as const
export type Sorting = (typeof sortings)[number]
export type Shelf = ReturnType<typeof createShelf>
export const pageSize = 50

/** Every method throws UpstreamError('database', retry). */
export function createShelf(database: WorkspaceDatabase) {
  return {
    /** `undefined`: the workspace does not have it (yet). */
    async readContract(contract: string): Promise<Contract | undefined> {
      const [row] = await database.query<Contract>(selectContract, [contract])
      return row
    },
    async listPrices(contract: string): Promise<Price[]> {
      const rows = await database.query<Price>(
        'SELECT item, cents::float8 AS cents, currency FROM workspace.price WHERE contract = $1 ORDER BY item',
        [contract],
      )
      return rows
    },
    async listCountries(contract: string): Promise<string[]> {
      const rows = await database.query<{ country: string }>(
        'SELECT country FROM workspace.country WHERE contract = $1',
        [contract],
      )
      return rows.map(({ country }) => country)
    },
    /** @param page from 1; one after the last is empty */
    async searchPortfolio(
      contract: string,
      {
        words,
        sorting,
        descending,
        page,
      }: { words: string; sorting: Sorting; descending: boolean; page: number },
    ): Promise<{ companies: Company[]; found: number }> {
      const rows = await database.query<Company & { found: number }>(
        `${selectCompanies} AND ($2 = '' OR strpos(${fold('name')}, ${fold('$2')}) > 0
           OR strpos(${fold(`coalesce(reference, '')`)}, ${fold('$2')}) > 0
           OR starts_with(replace(lower(number), ' ', ''), replace(lower($2), ' ', '')))
         ORDER BY ${order[sorting]} ${descending ? 'DESC' : 'ASC'}, country, number LIMIT ${pageSize} OFFSET $3`,
        [contract, words, (page - 1) * pageSize],
      )
      return { companies: rows, found: rows[0]?.found ?? 0 }
    },
    listPortfolio: (contract: string): Promise<Company[]> =>
      database.query<Company>(`${selectCompanies} ORDER BY country, number`, [contract]),
    async readCompany(contract: string, country: string, number: string): Promise<Company | undefined> {
      const rows = await database.query<Company>(`${selectCompanies} AND country = $2 AND number = $3`, [
        contract,
        country,
        number,
      ])
      return rows[0]
    },
    /** @param company those of one company only */
    async listAlerts(
      contract: string,
      page: number,
      company?: { country: string; number: string },
    ): Promise<{ alerts: Alert[]; found: number }> {
      const rows = await database.query<Alert & { found: number }>(
        `SELECT m.country, m.number, kind, recipient, workspace.iso(since) AS since, stopped_at IS NOT NULL AS stopped, name,
           count(*) OVER ()::int AS found
         FROM workspace.monitoring m LEFT JOIN workspace.portfolio p USING (contract, country, number)
         WHERE contract = $1 AND ($2::text IS NULL OR (m.country, m.number) = ($2, $3))
         ORDER BY ${fold('name')} NULLS LAST, m.country, m.number, kind, recipient LIMIT ${pageSize} OFFSET $4`,
        [contract, company?.country ?? null, company?.number ?? null, (page - 1) * pageSize],
      )
      return { alerts: rows, found: rows[0]?.found ?? 0 }
    },
    /**
     * Stops an alert, or resumes it.
     * @returns false: there is no such alert, or the contract is not here for good yet. Nothing was changed
     */
    setAlert: (
      contract: string,
      alert: Pick<Alert, 'country' | 'number' | 'kind' | 'recipient'>,
      stop: boolean,
    ): Promise<boolean> =>
      database.transaction(async (client) => {
        // The same lock as a contract that is received.
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [contract])
        const found = await client.query<{ changed: boolean }>(
          `UPDATE workspace.monitoring AS m
           SET stopped_at = CASE WHEN $6 THEN coalesce(m.stopped_at, now()) END
           FROM workspace.contract c, workspace.monitoring old
           WHERE c.contract = $1 AND c.is_final AND m.contract = c.contract
             AND (m.country, m.number, m.kind, m.recipient) = ($2, $3, $4, $5)
             AND (old.contract, old.country, old.number, old.kind, old.recipient)
               = (m.contract, m.country, m.number, m.kind, m.recipient)
           RETURNING (old.stopped_at IS NULL) = $6 AS changed`,
          [contract, alert.country, alert.number, alert.kind, alert.recipient, stop],
        )
        if (found.rows[0]?.changed)
          await client.query('UPDATE workspace.contract SET changed_at = now() WHERE contract = $1', [
            contract,
          ])
        return found.rowCount === 1
      }),
    listOrders: (contract: string): Promise<Order[]> =>
      database.query<Order>(
        `SELECT kind, country, company, ordered_at AS "orderedAt" FROM workspace.analysis_order
         WHERE contract = $1 ORDER BY ordered_at DESC LIMIT ${pageSize}`,
        [contract],
      ),
    /** An order that came twice with one id is one. */
    async addOrder(
      contract: string,
      {
        id,
        kind,
        country,
        company,
        by,
      }: { id: string; kind: string; country: string; company: string; by: string },
    ): Promise<void> {
      await database.query(
        `INSERT INTO workspace.analysis_order (id, contract, kind, country, company, ordered_by)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
        [id, contract, kind, country, company, by],
      )
    },
  }
}

/** Without accents and capitals, as people search. Capitals last: a database of locale C knows those of ASCII only. */
const fold = (text: string) => `lower(regexp_replace(normalize(${text}, NFD), '[\\u0300-\\u036f]', '', 'g'))`

const order: Record<Sorting, string> = {
  name: fold('name'),
  number: 'number',
  country: 'country',
  reference: fold(`coalesce(reference, '')`),
  added: 'added_on',
  alerts: 'alerts',
}

const selectContract = `
  SELECT contract, company, country, number, tariff, fee_cents::float8 AS "feeCents", currency,
    workspace.iso(signed_on) AS "signedOn", contact_name AS "contactName", contact_email AS "contactEmail",
    contact_phone AS "contactPhone", reports, analyses, score, is_final AS "isFinal",
    (SELECT count(*)::int FROM workspace.portfolio p WHERE p.contract = c.contract) AS companies,
    (SELECT count(*)::int FROM workspace.monitoring m WHERE m.contract = c.contract AND stopped_at IS NULL) AS alerts
  FROM workspace.contract c WHERE contract = $1`

const selectCompanies = `
  SELECT country, number, name, reference, workspace.iso(added_on) AS "addedOn",
    coalesce(alerts, 0) AS alerts, count(*) OVER ()::int AS found
  FROM workspace.portfolio LEFT JOIN (SELECT country, number, count(*)::int AS alerts FROM workspace.monitoring
    WHERE contract = $1 AND stopped_at IS NULL GROUP BY 1, 2) AS m USING (country, number)
  WHERE contract = $1`
