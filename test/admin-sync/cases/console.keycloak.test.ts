/**
 * `shared_login` set and removed by an administrator of a real Keycloak: by its events within a minute, and by the sweep
 * when there are none. The administrator here is the one of realm master, as in the console.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { sweepFlags, watchConsole } from '../../../admin-sync/cases/watch-console.ts'
import { createConsoleStore } from '../../../admin-sync/cases/console-store.ts'
import { createBench } from '../accounts/bench.ts'
import { createDesk } from '../decisions/desk.ts'

const bench = await createBench()
const desk = createDesk(bench)
const { pool, admin, cases } = bench

const set = async (address: string, value: string | undefined) =>
  admin.updateUserMerged((await bench.user(address))?.id ?? '', {
    attributes: { shared_login: value === undefined ? undefined : [value] },
  })
const flagOf = async (address: string) =>
  (await bench.user(address))?.attributes?.['shared_login']?.[0] as unknown
const caseOf = async (account: string) => {
  const { rows } = await pool.query<{ id: string; state: string; sources: string[] }>(
    `SELECT c.id, c.state, (SELECT array_agg(source ORDER BY at) FROM ellipro.case_source s
       WHERE s.case_id = c.id AND s.removed_at IS NULL) AS sources FROM ellipro.login_case c WHERE account = $1`,
    [account],
  )
  return rows[0]
}
/** What the outbox asks for, done. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const { rows } = await pool.query<{ kind: 'sync-case' | 'push-ticket'; subject_id: string }>(
      `DELETE FROM ellipro.case_outbox WHERE kind IN ('sync-case', 'push-ticket') RETURNING kind, subject_id`,
    )
    if (rows.length === 0) return
    for (const { kind, subject_id: id } of rows) await bench.runCaseWell(kind, id)
  }
  throw new Error('does not come to rest')
}
const clearEvents = () =>
  pool.query(`UPDATE ellipro.event_cursor SET read_until = now() + interval '10 minutes'`)

beforeEach(async () => {
  await pool.query(`UPDATE ellipro.event_cursor SET read_until = now() WHERE subject = 'console-shared'`)
  await watchConsole(cases)
  await settle()
})

describe('the flag on a user', () => {
  it('opens a case, and closes it when it is removed, by the events of the console', async () => {
    const holder = await desk.createHolder()
    await set(holder.address, 'true')
    expect(await watchConsole(cases)).toMatchObject({ opened: 1 })
    await settle()
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'open', sources: ['console'] })
    // Our own writing is no news, and neither is what was read before.
    expect(await watchConsole(cases)).toMatchObject({ users: 0, opened: 0, touched: 0 })
    await set(holder.address, undefined)
    expect(await watchConsole(cases)).toMatchObject({ touched: 1 })
    await settle()
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'closed', sources: null })
    expect(await flagOf(holder.address)).toBe(undefined)
    // And once more: it is somebody's word again.
    await set(holder.address, 'true')
    expect(await watchConsole(cases)).toMatchObject({ opened: 1 })
    await settle()
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'open', sources: ['console'] })
  })

  it('that says “false” is never overwritten', async () => {
    const { holder, caseId } = await desk.createCase()
    await set(holder.address, 'false')
    await watchConsole(cases)
    await settle()
    await bench.runCaseWell('sync-case', caseId)
    expect(await flagOf(holder.address)).toBe('false')
    expect((await caseOf(holder.login.account))?.state).toBe('open')
  })

  it('is found by the sweep when its events are lost, and its removal too', async () => {
    const holder = await desk.createHolder()
    await set(holder.address, 'true')
    await clearEvents()
    expect(await watchConsole(cases)).toMatchObject({ users: 0 })
    expect(await sweepFlags(cases)).toMatchObject({ opened: 1 })
    await settle()
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'open', sources: ['console'] })
    expect(await sweepFlags(cases)).toMatchObject({ opened: 0, touched: 0 })
    await set(holder.address, undefined)
    await clearEvents()
    const swept = await sweepFlags(cases)
    expect(swept.missing).toBeGreaterThan(0)
    await settle()
    expect(await caseOf(holder.login.account)).toMatchObject({ state: 'closed' })
  })

  it('of a user who is none of ours, or an administrator’s account, opens nothing', async () => {
    const address = bench.nextAddress()
    await admin.createUser({
      username: address,
      email: address,
      enabled: true,
      attributes: { shared_login: ['true'] },
    })
    expect(await watchConsole(cases)).toMatchObject({ users: 0, opened: 0 })
    const before = await pool.query('SELECT count(*) FROM ellipro.login_case')
    await sweepFlags(cases)
    expect((await pool.query('SELECT count(*) FROM ellipro.login_case')).rows).toEqual(before.rows)
  })

  it('keeps the cursor where it is when Keycloak does not answer', async () => {
    const holder = await desk.createHolder()
    await set(holder.address, 'true')
    bench.gate.set('unavailable')
    await expect(watchConsole(cases)).rejects.toMatchObject({ service: 'keycloak' })
    bench.gate.set('open')
    expect(await watchConsole(cases)).toMatchObject({ opened: 1 })
  })
})

describe('what time makes necessary', () => {
  it('is asked for: requests that are over, and tickets whose job is lost', async () => {
    const { rows } = await pool.query<{ there: boolean }>(
      `SELECT to_regclass('pgboss.job') IS NOT NULL AS there`,
    )
    // Only a running process makes the tables of the jobs.
    if (!rows[0]?.there)
      await pool.query(`CREATE SCHEMA pgboss; GRANT USAGE ON SCHEMA pgboss TO ellipro_sync;
        CREATE TABLE pgboss.job (name text, singleton_key text, state text); GRANT SELECT ON pgboss.job TO ellipro_sync`)
    const { caseId } = await desk.createCase()
    await settle()
    const store = createConsoleStore(cases.pool)
    expect(await store.askForOverdue()).toEqual({ passes: 0, pushes: 0 })
    await pool.query(
      `INSERT INTO ellipro.access_request (case_id, address, locale, expires_at)
       VALUES ($1, 'late@client.example', 'fr', now() - interval '1 second')`,
      [caseId],
    )
    await pool.query(
      `UPDATE ellipro.ticket SET waiting_since = now() - interval '3 minutes' WHERE case_id = $1`,
      [caseId],
    )
    expect(await store.askForOverdue()).toEqual({ passes: 1, pushes: 1 })
    await settle()
    await pool.query(
      `INSERT INTO pgboss.job (name, singleton_key, state) VALUES ('push-ticket', $1, 'retry')`,
      [caseId],
    )
    await pool.query(
      `UPDATE ellipro.ticket SET waiting_since = now() - interval '3 minutes' WHERE case_id = $1`,
      [caseId],
    )
    expect(await store.askForOverdue()).toEqual({ passes: 0, pushes: 0 })
  })
})
