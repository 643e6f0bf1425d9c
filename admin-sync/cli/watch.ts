/** Commands that look and change nothing, and the two that help work along: `status`, `accounts sweep`, `jobs`. */
import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { UpstreamError } from '../../core/errors.ts'
import { createLegacyData } from '../accounts/legacy-data.ts'
import { readStatus } from '../accounts/report.ts'
import { createSweepStore } from '../accounts/sweep-store.ts'
import { foundTrouble, sweepAccounts } from '../accounts/sweep.ts'
import { statusConfig, sweepConfig } from '../config.ts'
import { listDeadLetters } from '../jobs/dead-letters.ts'
import { readOldestJob, withBoss } from '../jobs/inspect.ts'
import { connect } from '../keycloak/connect.ts'
import { redriveJobs } from '../operators/jobs.ts'
import { printDeadLetters, printStatus, printSweep, type Status } from '../print.ts'
import { readerClient } from '../realm/permissions.ts'
import {
  add,
  databaseUrl,
  operatorOf,
  operatorOptions,
  quiet,
  withPool,
  type Environment,
} from './command.ts'

export function addWatch(program: Command, env: Environment): void {
  add(program, 'status', 'how far the migration is, and what is stuck', async () => {
    const status = await collectStatus(env)
    return { value: status, text: printStatus(status), exitCode: status.deadLetters.length > 0 ? 1 : 0 }
  })

  const accounts = program.command('accounts').description('accounts at Keycloak')
  add(accounts, 'sweep', 'close accounts that are gone; 1 when something is wrong', async () => {
    const config = readConfig(sweepConfig, env)
    const clientSecret = config.READER_CLIENT_SECRET
    const reader = connect({
      url: config.KEYCLOAK_URL,
      realm: config.KEYCLOAK_REALM,
      credential: { kind: 'client', clientId: readerClient, clientSecret },
    })
    const result = await withPool(env, (pool) =>
      sweepAccounts(randomUUID(), { reader, store: createSweepStore(pool), log: quiet }),
    )
    return { value: result, text: printSweep(result), exitCode: foundTrouble(result) ? 1 : 0 }
  })

  const jobs = program.command('jobs').description('jobs that need an operator')
  add(jobs, 'dead', 'list the dead letters; 1 when there are any', async () => {
    const dead = (await withBoss(databaseUrl(env), quiet, listDeadLetters)) ?? []
    return { value: dead, text: printDeadLetters(dead), exitCode: dead.length > 0 ? 1 : 0 }
  })
  add(
    jobs,
    'redrive [id]',
    'try dead letters again: one, or all',
    async (id, options) => {
      const operator = operatorOf(options)
      const moved = await withPool(env, (pool) =>
        withBoss(databaseUrl(env), quiet, (boss) => redriveJobs(pool, boss, id, operator)),
      )
      const redriven = moved ?? 0
      const text = `${redriven} ${redriven === 1 ? 'job goes' : 'jobs go'} back to work.`
      return { value: { redriven }, text, exitCode: id !== undefined && redriven === 0 ? 1 : 0 }
    },
    operatorOptions({ reasonAlways: true }),
  )
}

async function collectStatus(env: Environment): Promise<Status> {
  const config = readConfig(statusConfig, env)
  const legacy = createLegacyData(config.LEGACY_DATABASE_URL, quiet)
  try {
    const numbers = await withPool(env, readStatus)
    const jobs = await withBoss(config.ADMIN_SYNC_DATABASE_URL, quiet, async (boss) => ({
      deadLetters: await listDeadLetters(boss),
      oldestJob: await readOldestJob(boss),
    }))
    // The rest is worth knowing while Cofacering does not answer.
    const legacyLogins = await legacy.countLogins().catch((error: unknown) => {
      if (error instanceof UpstreamError) return undefined
      throw error
    })
    return {
      closesAt: config.COFACERING_CLOSES_AT,
      legacyLogins,
      ...numbers,
      ...(jobs ?? { deadLetters: [], oldestJob: undefined }),
    }
  } finally {
    await legacy.close()
  }
}
