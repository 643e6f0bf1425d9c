/**
 * Part `passes`: what it costs to find out what changed, among 10,000 accounts and among 100,000.
 *
 *   100 changes   an administrator takes a flag from a hundred users; `watchConsole` reads Keycloak's events, and the passes
 *                 of their cases put it back. It must cost the same whatever the number of accounts
 *   sweeps        `sweepFlags` (users with the flag) and `sweepAccounts` (all), against the bare paging of the same users
 *                 with the same account: the pages and nothing else
 *
 * The accounts are written straight into the two databases; Keycloak reads them like any other.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { sweepAccounts } from '../admin-sync/accounts/sweep.ts'
import { createSweepStore } from '../admin-sync/accounts/sweep-store.ts'
import { sweepFlags, watchConsole } from '../admin-sync/cases/watch-console.ts'
import { passCase } from '../admin-sync/cases/sync-case.ts'
import { readAdminSyncConfig } from '../admin-sync/config.ts'
import { createDependencies } from '../admin-sync/dependencies.ts'
import { readerClient } from '../admin-sync/realm/permissions.ts'
import { createPool } from '../core/database/pool.ts'
import { createLog } from '../core/log.ts'
import type { PartResult } from './parts.ts'
import { scaled } from './scale.ts'
import { askAdmin, readToken, type KeycloakStage, type Stage } from './stage.ts'
import { compare, median, round, type Cell } from './statistics.ts'
import { inParallel } from './web.ts'

const sizes = [scaled(10_000), scaled(100_000)] as const
const changed = scaled(100)
/** One account in ten is of a shared login. */
const flaggedOf = 10
const pageSize = 1000
/** As admin-sync does passes. */
const passesAtOnce = 3

/** Adds accounts until there are `count`, opened and in order, each tenth of a login with an open case. */
async function fill(stage: Stage, keycloakDatabase: pg.Pool, from: number, count: number): Promise<void> {
  await keycloakDatabase.query(
    `WITH made AS (
       INSERT INTO user_entity (id, realm_id, username, email, email_constraint, email_verified, enabled, created_timestamp)
       SELECT 'bench-' || n, realm.id, 'person' || n || '@bench.example', 'person' || n || '@bench.example',
              'person' || n || '@bench.example', true, true, 1700000000000
         FROM realm, generate_series($1::integer, $2::integer) n WHERE realm.name = 'ellipro'
       RETURNING id, substr(id, 7)::integer AS n)
     INSERT INTO user_attribute (id, user_id, name, value)
     SELECT gen_random_uuid()::text, made.id, attribute.name, attribute.value
       FROM made, LATERAL (VALUES ('cofacering_login', 'banc.' || n), ('company', 'Banc d’essai'), ('contract', 'BENCH'),
                                  ('shared_login', 'true'), ('ticket', n::text), ('ticket_status', 'open'))
                  AS attribute (name, value)
      WHERE attribute.name NOT IN ('shared_login', 'ticket', 'ticket_status') OR n % $3::integer = 0`,
    [from, count, flaggedOf],
  )
  await keycloakDatabase.query('ANALYZE user_entity, user_attribute')
  await stage.database.query(
    `WITH opened AS (
       INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at, unlinked_at)
       SELECT 'opened', 'bench-' || n, 'banc.' || n, 'Banc d’essai', 'BENCH', 'person' || n || '@bench.example', 'fr',
              now(), now(), now()
         FROM generate_series($1::integer, $2::integer) n RETURNING id, account, address_key, substr(account, 7)::integer AS n),
     account AS (
       INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by)
       SELECT address_key, account, 'opened', id FROM opened),
     cases AS (
       INSERT INTO ellipro.login_case (reference, account, login, company, contract, last_error)
       SELECT ellipro.new_reference(), account, 'banc.' || n, 'Banc d’essai', 'BENCH', 'legacy_login_unknown'
         FROM opened WHERE n % $3::integer = 0 RETURNING id, substr(account, 7) AS n, date_trunc('milliseconds', now()) AS at),
     source AS (INSERT INTO ellipro.case_source (case_id, source, at) SELECT id, 'legacy_flag', at FROM cases),
     ticket AS (
       INSERT INTO ellipro.ticket (case_id, connector, external_id, status) SELECT id, 'email', n, 'open' FROM cases)
     INSERT INTO ellipro.ticket_note (case_id, subject, text, posted_at)
     SELECT id, 'source:legacy_flag:' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'told', now() FROM cases`,
    [from, count, flaggedOf],
  )
  await stage.database.query('ANALYZE')
}

/** An administrator takes the flag away, by REST as the console does. Other ones each time. */
async function takeFlags(keycloak: KeycloakStage, turn: number): Promise<void> {
  await inParallel(changed, 2, async (i) => {
    const path = `/users/bench-${flaggedOf * (1 + turn * changed + i)}`
    const user = (await (await keycloak.admin('GET', path)).json()) as {
      attributes: Record<string, string[]>
    }
    const { shared_login: _, ...attributes } = user.attributes
    await (await keycloak.admin('PUT', path, { ...user, attributes })).arrayBuffer()
  })
}

const against = (name: string, ours: number[], peer: number[]) =>
  compare(name, ours, peer, { unit: 'ms', goal: 1.3, better: 'lower' })

export async function benchPasses(stage: Stage, repetitions: number): Promise<PartResult> {
  const keycloak = await stage.keycloak()
  const keycloakDatabase = new pg.Pool({ connectionString: stage.superuserUrl('keycloak'), max: 1 })
  const config = readAdminSyncConfig(stage.adminSyncEnvironment)
  const log = createLog('bench', 'silent')
  const pool = createPool(config.ADMIN_SYNC_DATABASE_URL, 'ellipro-bench', log)
  let requests = 0
  const { cases, close } = createDependencies(
    config,
    log,
    pool,
    async () => {},
    () => void requests++,
  )
  const locked = { ...cases, hold: () => Promise.reject(new Error('not here')) }

  /** @returns milliseconds, and requests to Keycloak */
  async function measure(work: () => Promise<unknown>): Promise<{ ms: number; requests: number }> {
    const [before, startedAt] = [requests, performance.now()]
    await work()
    return { ms: performance.now() - startedAt, requests: requests - before }
  }

  async function followChanges(): Promise<void> {
    const { touched } = await watchConsole(locked)
    if (touched !== changed) throw new Error(`Of ${changed} changes, ${touched} were seen`)
    const { rows } = await pool.query<{ id: string }>(
      `DELETE FROM ellipro.case_outbox WHERE kind = 'sync-case' RETURNING subject_id AS id`,
    )
    let written = 0
    await inParallel(rows.length, passesAtOnce, async (i) => {
      const report = await passCase(locked, rows[i]!.id)
      written += report?.written.length ?? 0
    })
    if (written !== changed) throw new Error(`Of ${changed} flags, ${written} were put back`)
  }

  /** The pages and nothing else. */
  const pageBarely = (query: string) => async () => {
    const token = await readToken(keycloak, readerClient, stage.secrets.readerClient)
    for (let first = 0, length = pageSize; length === pageSize; first += pageSize) {
      const url = `${keycloak.url}/admin/realms/ellipro/users?first=${first}&max=${pageSize}&${query}`
      length = ((await (await askAdmin(url, 'GET', token)).json()) as object[]).length
      requests++
    }
  }
  const bareFlags = pageBarely('briefRepresentation=false&q=shared_login:true')
  const bareAll = pageBarely('briefRepresentation=true')
  const flags = () => sweepFlags(locked)
  const accounts = () =>
    sweepAccounts(randomUUID(), { reader: cases.reader, store: createSweepStore(pool), log })

  const tableRows: Cell[][] = []
  const note = (accountCount: number, what: string, measured: { ms: number; requests: number }[]) => {
    tableRows.push([
      accountCount,
      what,
      round(median(measured.map(({ ms }) => ms)) / 1000),
      median(measured.map((one) => one.requests)),
    ])
    return measured.map(({ ms }) => ms)
  }

  try {
    // Tokens, code and connections are warm before anything counts.
    await fill(stage, keycloakDatabase, 1, sizes[0])
    await watchConsole(locked)
    const changes: number[][] = []
    const sweeps: { flags: number[]; bareFlags: number[]; all: number[]; bareAll: number[] }[] = []
    for (const [i, size] of sizes.entries()) {
      if (i > 0) await fill(stage, keycloakDatabase, sizes[0] + 1, size)
      // The same number of events lies in the overlap, whatever was measured before.
      await (await keycloak.admin('DELETE', '/admin-events')).arrayBuffer()
      await pageBarely(`briefRepresentation=true&search=nobody`)()
      const measured = { changes: [], flags: [], bareFlags: [], all: [], bareAll: [] } as Record<
        'changes' | 'flags' | 'bareFlags' | 'all' | 'bareAll',
        { ms: number; requests: number }[]
      >
      for (let n = 0; n < repetitions; n++) {
        await takeFlags(keycloak, i * repetitions + n)
        measured.changes.push(await measure(followChanges))
        // Before and after ours, so that neither finds the pages warmer than the other.
        measured.bareFlags.push(await measure(bareFlags))
        measured.flags.push(await measure(flags))
        measured.bareFlags.push(await measure(bareFlags))
      }
      // Minutes each, with everything in them many times.
      measured.bareAll.push(await measure(bareAll))
      measured.all.push(await measure(accounts))
      measured.bareAll.push(await measure(bareAll))
      changes.push(note(size, `${changed} changes by the events, with their passes`, measured.changes))
      sweeps.push({
        flags: note(size, 'sweep of the flags', measured.flags),
        bareFlags: note(size, 'bare paging of the users with the flag', measured.bareFlags),
        all: note(size, 'sweep of the accounts', measured.all),
        bareAll: note(size, 'bare paging of all users, brief', measured.bareAll),
      })
    }
    const [few, many] = sweeps
    return {
      results: [
        against(
          `${changed} changes among ${sizes[1]} accounts, against among ${sizes[0]}`,
          changes[1]!,
          changes[0]!,
        ),
        against(`sweep of the flags against bare paging, ${sizes[0]} accounts`, few!.flags, few!.bareFlags),
        against(`sweep of the flags against bare paging, ${sizes[1]} accounts`, many!.flags, many!.bareFlags),
        against(`sweep of the accounts against bare paging, ${sizes[1]} accounts`, many!.all, many!.bareAll),
      ],
      tables: {
        passes: { columns: ['accounts', 'what', 'seconds', 'requests to Keycloak'], rows: tableRows },
      },
    }
  } finally {
    await close()
    await Promise.all([pool.end(), keycloakDatabase.end()])
  }
}
