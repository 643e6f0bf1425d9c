/**
 * What Cofacering itself says about a login: the only source of what our mails say about login, company and contract.
 * provider wrote the activation, and a provider in other hands must not be able to put words into a mail.
 *
 * Reads the two views of the mapping (dev/cofacering/schema.sql): directory_login and directory_contract.
 */
import pg from 'pg'
import { z } from 'zod'
import { UpstreamError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { oneLine } from '../../core/text.ts'

export type LegacyLogin = {
  login: string
  company: string
  contract: string
  shared: boolean
  disabled: boolean
}
export type LegacyContract = {
  company: string
  contactName: string
  contactEmail: string
  knownDomains: string[]
}

/** Every method throws UpstreamError('legacy') when it could not ask. */
export type LegacyData = {
  /** By the stable key. `undefined`: Cofacering has no such login. */
  findLogin(account: string): Promise<LegacyLogin | undefined>
  findContract(contract: string): Promise<LegacyContract | undefined>
  countLogins(): Promise<number>
  close(): Promise<void>
}

/** Stands in mails. */
const name = z.string().min(1).transform(oneLine)

const loginRow = z.object({
  login: name,
  company: name,
  // As it is: the contract is found by it.
  contract: z.coerce.string().min(1),
  shared: z.boolean(),
  disabled: z.boolean(),
})
const contractRow = z.object({
  company: name,
  contact_name: z.string().transform(oneLine).nullable(),
  contact_email: z.string().nullable(),
  known_domains: z.array(z.string()).nullable(),
})
const countRow = z.object({ logins: z.coerce.number() })

const timeoutMs = 5000

/** @param url role that can only read, such as `cofacering_reader`. Opens no connection before the first question. */
export function createLegacyData(url: string, log: Log): LegacyData {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'ellipro-admin-sync-legacy',
    max: 4,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    query_timeout: timeoutMs + 500,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  })
  pool.on('error', (err) => log.warn({ event: 'legacy.connection_lost', err }))

  async function ask<T>(schema: z.ZodType<T>, text: string, parameters: string[]): Promise<T | undefined> {
    let rows: unknown[]
    try {
      rows = (await pool.query<Record<string, unknown>>(text, parameters)).rows
    } catch (error) {
      const code = (error as { code?: unknown }).code
      // SQLSTATE 42 (undefined, no right), 28, 3D and 3F stay wrong until an operator mends the mapping or the role.
      const lasting = typeof code === 'string' && /^(42|28|3D|3F)...?$/.test(code)
      throw new UpstreamError(
        'legacy',
        0,
        lasting ? 'fail' : 'retry',
        typeof code === 'string' ? code : 'timeout',
        {
          cause: error,
        },
      )
    }
    if (rows.length === 0) return undefined
    const parsed = schema.safeParse(rows[0])
    if (!parsed.success || rows.length > 1) throw new UpstreamError('legacy', 0, 'fail', 'mapping')
    return parsed.data
  }

  return {
    findLogin: (account) =>
      ask(
        loginRow,
        'SELECT login, company, contract, shared, disabled FROM directory_login WHERE account = $1 LIMIT 2',
        [account],
      ),
    async findContract(contract) {
      const row = await ask(
        contractRow,
        'SELECT company, contact_name, contact_email, known_domains FROM directory_contract WHERE contract = $1 LIMIT 2',
        [contract],
      )
      return (
        row && {
          company: row.company,
          contactName: row.contact_name ?? '',
          contactEmail: row.contact_email ?? '',
          knownDomains: row.known_domains ?? [],
        }
      )
    },
    async countLogins() {
      return (await ask(countRow, 'SELECT count(*) AS logins FROM directory_login', []))?.logins ?? 0
    },
    close: () => pool.end(),
  }
}
