/**
 * The alarm on the hourly number of activations. The cap itself stands in the database; whoever has taken provider over
 * would fill it up, and would write no log line about it: so it is admin-sync that looks, every few minutes.
 */
import type pg from 'pg'
import type { Log } from '../../core/log.ts'

export type Rate = {
  /** Activations of the last hour, over all logins. */
  startedLastHour: number
  /** Setting `activations_per_hour`. */
  hourlyCap: number
}

/** Share of the cap from which people should look. */
const alarmShare = 0.8
const watchMs = 300_000

export async function readRate(pool: pg.Pool): Promise<Rate> {
  const { rows } = await pool.query<{ started: string; cap: number }>(
    `SELECT (SELECT count(*) FROM ellipro.activation WHERE kind = 'legacy' AND created_at > now() - interval '1 hour') AS started,
            ellipro.setting_value('activations_per_hour') AS cap`,
  )
  return { startedLastHour: Number(rows[0]?.started), hourlyCap: Number(rows[0]?.cap) }
}

/** Looks once; a database that does not answer is said elsewhere, and looked at again the next time. */
export async function checkRate(pool: pg.Pool, log: Log): Promise<void> {
  const { startedLastHour, hourlyCap } = await readRate(pool)
  if (startedLastHour >= hourlyCap * alarmShare)
    log.error({ event: 'activations.near_cap', started_last_hour: startedLastHour, hourly_cap: hourlyCap })
}

/** @returns stops looking */
export function watchRate(pool: pg.Pool, log: Log): () => void {
  const timer = setInterval(() => {
    checkRate(pool, log).catch((err: unknown) => log.warn({ event: 'activations.rate_unknown', err }))
  }, watchMs)
  return () => clearInterval(timer)
}
