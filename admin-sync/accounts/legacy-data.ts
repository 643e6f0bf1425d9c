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
/** Of a login that was asked for by its key: several may be written like it, but for capitals. */
export type KeyedLogin = LegacyLogin & { account: string; loginKey: string }
export type LegacyContract = {
  company: string
  contactName: string
  contactEmail: string
  /** The number that an agent calls back; empty when Cofacering names none. */
  contactPhone: string
  knownDomains: string[]
}

/** Every method throws UpstreamError('legacy') when it could not ask. */
export type LegacyData = {
  /** By the stable key. `undefined`: Cofacering has no such login. */
  findLogin(account: string): Promise<LegacyLogin | undefined>
  /** By the keys of core/legacy-login.ts, in batches; keys that Cofacering does not have give nothing. */
  findLogins(keys: readonly string[]): Promise<KeyedLogin[]>
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
const keyedRow = loginRow.extend({ account: z.coerce.string().min(1), login_key: z.string().min(1) })
const contractRow = z.object({
  company: name,
  contact_name: z.string().transform(oneLine).nullable(),
  contact_email: z.string().nullable(),
  contact_phone: z.string().transform(oneLine).nullable(),
  known_domains: z.array(z.string()).nullable(),
})
const countRow = z.object({ logins: z.coerce.number() })

const timeoutMs = 5000
const keysAtOnce = 500
/** As many as provider looks at. */
const loginsOfOneKey = 20

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

  async function askAll(text: string, parameters: unknown[]): Promise<unknown[]> {
    try {
      return (await pool.query<Record<string, unknown>>(text, parameters)).rows
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
  }

  async function ask<T>(schema: z.ZodType<T>, text: string, parameters: string[]): Promise<T | undefined> {
    const rows = await askAll(text, parameters)
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
    async findLogins(keys) {
      const found: KeyedLogin[] = []
      for (let from = 0; from < keys.length; from += keysAtOnce) {
        const rows = await askAll(
          `SELECT account, login, login_key, company, contract, shared, disabled FROM directory_login
            WHERE login_key = ANY ($1) LIMIT ${keysAtOnce * loginsOfOneKey}`,
          [keys.slice(from, from + keysAtOnce)],
        )
        const parsed = z.array(keyedRow).safeParse(rows)
        if (!parsed.success) throw new UpstreamError('legacy', 0, 'fail', 'mapping')
        found.push(...parsed.data.map(({ login_key: key, ...login }) => ({ ...login, loginKey: key })))
      }
      return found
    },
    async findContract(contract) {
      const row = await ask(
        contractRow,
        // A view of before had no telephone.
        `SELECT company, contact_name, contact_email, to_jsonb(c)->>'contact_phone' AS contact_phone, known_domains
           FROM directory_contract c WHERE contract = $1 LIMIT 2`,
        [contract],
      )
      return (
        row && {
          company: row.company,
          contactName: row.contact_name ?? '',
          contactEmail: row.contact_email ?? '',
          contactPhone: row.contact_phone ?? '',
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
