/**
 * The world of the kill matrix: the product with checkpoints on servers of its own, what can be killed in it, and what
 * is true of one person's activation afterwards, as the database, Keycloak and the inbox say.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createBoss } from '../../../admin-sync/jobs/queues.ts'
import { createLog } from '../../../core/log.ts'
import { generateSample } from '../../../dev/cofacering/generate.ts'
import { createCheckpoints, until, type Checkpoints } from '../../support/checkpoints.ts'
import { fetchAdminToken } from '../../support/keycloak.ts'
import { startOwnServers } from '../../support/own-servers.ts'
import { startProduct, type Product } from '../../support/product.ts'
import type { Victim } from './table.ts'
import type { Who } from './walker.ts'

export type Outcome = {
  /** State of each activation of the login. */
  activations: { id: string; state: string }[]
  /** Keycloak users with the address. */
  users: { id: string; links: number }[]
  opened: { userId: string; unlinked: boolean } | undefined
  mails: { toPerson: number; toContact: number }
  deadLetters: number
}
export type World = {
  product: Product
  checkpoints: Checkpoints
  newPerson: () => Who
  /** kill -9; resolves when it is dead. */
  kill: (victim: Victim) => Promise<void>
  start: (victim: Victim) => Promise<void>
  /** Seconds pass for jobs whose process died: what its supervisor does 15 seconds later happens now. */
  passTime: () => Promise<void>
  /** From now on no failed job waits before it is tried again; gives what ends that. */
  hurry: () => () => Promise<void>
  /** Resolves when no job of the login has anything left to do. */
  settle: (who: Who) => Promise<void>
  look: (who: Who) => Promise<Outcome>
  /** The last warnings and errors of our processes, for the message of a failure. */
  complaints: () => string[]
}

export async function startWorld(): Promise<World> {
  const servers = await startOwnServers({ keycloak: true })
  const { postgres, keycloak } = servers
  if (!keycloak) throw new Error('A Keycloak was asked for')
  const checkpoints = createCheckpoints()
  const environment = { CHECKPOINTS: checkpoints.folder }
  const product = await startProduct(
    { TRUST_PROXY: '1' },
    {
      servers,
      entries: {
        provider: 'test/support/entries/provider.ts',
        adminSync: 'test/support/entries/admin-sync.ts',
      },
      environment: { provider: environment, adminSync: environment },
    },
  )
  const { database, inbox } = product

  /** A connection each time: the server is killed now and then. */
  async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    for (let tries = 1; ; tries++) {
      const client = new pg.Client({ connectionString: database.superuser })
      client.on('error', () => {})
      try {
        await client.connect()
        return (await client.query<T>(text, values)).rows
      } catch (error) {
        if (tries === 20) throw error
        await sleep(250)
      } finally {
        await client.end().catch(() => undefined)
      }
    }
  }
  await query(`UPDATE ellipro.setting SET value = 100000 WHERE name = 'activations_per_hour'`)

  async function askKeycloak<T>(path: string): Promise<T> {
    for (let tries = 1; ; tries++)
      try {
        const authorization = `Bearer ${await fetchAdminToken(keycloak!)}`
        const realm = product.installation.keycloak.realm
        const answer = await fetch(`${product.urls.keycloak}/admin/realms/${realm}${path}`, {
          headers: { authorization },
        })
        if (!answer.ok) throw new Error(`Keycloak answers ${answer.status}`)
        return (await answer.json()) as T
      } catch (error) {
        if (tries === 20) throw error
        await sleep(250)
      }
  }

  const sample = generateSample()
  const logins = sample.logins.filter(({ disabled, shared }) => !disabled && !shared)
  let next = 0
  const contactOf = ({ login }: Who) => {
    const contract = logins.find((one) => one.login === login)?.contract_id
    return sample.contracts.find(({ id }) => id === contract)?.contact_email ?? ''
  }
  const mailsTo = (address: string) =>
    inbox.mails.filter((mail) => mail.to.some((one) => one.toLowerCase() === address.toLowerCase())).length
  const accountOf = ({ login }: Who) => logins.find((one) => one.login === login)?.id

  return {
    product,
    checkpoints,
    newPerson() {
      const found = logins[next++]
      if (!found) throw new Error('The sample has no more logins')
      const { login, password } = found
      // A network (/24) of their own each: limits are the networks'.
      const network = `10.${12 + Math.floor(next / 250)}.${next % 250}.1`
      return { login, password, address: `person${next}@matrix.example`, network }
    },
    async kill(victim) {
      if (victim === 'mail') await inbox.stop()
      else if (victim === 'postgres') await postgres.kill()
      else if (victim === 'keycloak') await keycloak.kill()
      else await product.kill(victim)
    },
    async start(victim) {
      if (victim === 'mail') await inbox.start()
      else if (victim === 'postgres') await postgres.start()
      else if (victim === 'keycloak') await keycloak.start()
      else await product.start(victim)
    },
    async passTime() {
      await query(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'`)
      await query('UPDATE pgboss.queue SET monitor_on = NULL, monitor_claim_on = NULL')
      const boss = createBoss(database.sync, createLog('test', 'silent'), { worker: false })
      await boss.start()
      await boss.supervise()
      await boss.stop({ graceful: false })
    },
    hurry() {
      const ended = new AbortController()
      const hurrying = (async () => {
        for (; !ended.signal.aborted; await sleep(500))
          // The channel on which pg-boss's workers listen: a retry that is due does not announce itself.
          await query(
            `WITH due AS (UPDATE pgboss.job SET start_after = now() WHERE state = 'retry' RETURNING name)
             SELECT pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), name) FROM due`,
          ).catch(() => undefined)
      })()
      return async () => {
        ended.abort()
        await hurrying
      }
    },
    async settle(who) {
      let left: string[] = []
      await until('the jobs come to an end', async () => {
        const jobs = await query<{ line: string }>(
          `SELECT j.name || ' ' || j.state::text AS line
             FROM pgboss.job j JOIN ellipro.activation a ON a.id::text = j.data ->> 'activationId'
            WHERE a.account = $1 AND j.state < 'completed' AND j.start_after < now() + interval '1 minute'
           UNION ALL
           SELECT 'outbox ' || o.kind FROM ellipro.outbox o JOIN ellipro.activation a ON a.id = o.activation_id
            WHERE a.account = $1`,
          [accountOf(who)],
        )
        left = jobs.map(({ line }) => line)
        return left.length === 0
      }).catch((error: unknown) => {
        throw new Error(`${String(error)} for ${who.address}: ${left.join(', ')}`, { cause: error })
      })
    },
    async look(who) {
      const account = accountOf(who)
      const activations = await query<{ id: string; state: string }>(
        'SELECT id, state FROM ellipro.activation WHERE account = $1 ORDER BY created_at',
        [account],
      )
      const [opened] = await query<{ userId: string; unlinked: boolean }>(
        `SELECT k.user_id AS "userId", a.unlinked_at IS NOT NULL AS unlinked
           FROM ellipro.keycloak_user k JOIN ellipro.activation a ON a.id = k.opened_by WHERE a.account = $1`,
        [account],
      )
      const found = await askKeycloak<{ id: string }[]>(
        `/users?exact=true&email=${encodeURIComponent(who.address)}`,
      )
      const users: Outcome['users'] = []
      for (const { id } of found)
        users.push({ id, links: (await askKeycloak<unknown[]>(`/users/${id}/federated-identity`)).length })
      const [dead] = await query<{ count: number }>(
        `SELECT count(*)::integer AS count FROM pgboss.job WHERE name = 'dead-letter'`,
      )
      return {
        activations,
        users,
        opened,
        mails: { toPerson: mailsTo(who.address), toContact: mailsTo(contactOf(who)) },
        deadLetters: dead?.count ?? 0,
      }
    },
    complaints: () =>
      (['provider', 'adminSync'] as const).flatMap((part) =>
        product
          .readLog(part)
          .split('\n')
          .filter((line) => line !== '' && !/"level":"(debug|info)"/.test(line))
          .slice(-12)
          .map((line) => `${part}: ${line.slice(0, 300)}`),
      ),
  }
}
