/** Commands for whoever installs and upgrades: `database bootstrap`, `migrate`, `realm apply|diff|probe`. */
import type { Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { migrate } from '../../core/database/migrate.ts'
import { bootstrapConfig } from '../config.ts'
import { bootstrapDatabases } from '../database/bootstrap.ts'
import { applyRealm } from '../realm/apply.ts'
import { readProbeConfig, readRealmConfig } from '../realm/config.ts'
import { diffRealm } from '../realm/diff.ts'
import { printPlan, printProbe } from '../realm/print.ts'
import { probeRealm } from '../realm/probe.ts'
import { add, databaseUrl, type Environment } from './command.ts'

export function addInstallation(program: Command, env: Environment): void {
  const database = program.command('database').description('the PostgreSQL server')
  add(database, 'bootstrap', 'make or update the roles and databases, as a superuser', async () => {
    const config = readConfig(bootstrapConfig, env)
    const passwords = {
      keycloak: config.KEYCLOAK_DATABASE_PASSWORD,
      ellipro_sync: config.ELLIPRO_SYNC_PASSWORD,
      ellipro_provider: config.ELLIPRO_PROVIDER_PASSWORD,
      cofacering_reader: config.COFACERING_READER_PASSWORD,
    }
    const { SUPERUSER_DATABASE_URL, PROVIDER_CONNECTIONS } = config
    await bootstrapDatabases(SUPERUSER_DATABASE_URL, passwords, undefined, PROVIDER_CONNECTIONS)
    return { value: { bootstrapped: true }, text: 'Roles and databases are there.' }
  })
  add(program, 'migrate', 'bring the database to this release', async () => {
    const applied = await migrate(databaseUrl(env))
    const text =
      applied.length > 0
        ? `Applied: ${applied.join(', ')}`
        : 'The database is at this release: nothing to do.'
    return { value: { applied }, text }
  })

  const realm = program.command('realm').description('the realm as code')
  add(realm, 'apply', 'bring the realm to what the code says', async () => {
    const plan = await applyRealm(readRealmConfig(env))
    return { value: plan, text: printPlan(plan, true) }
  })
  add(realm, 'diff', 'print what apply would change; 1 when there is something', async () => {
    const plan = await diffRealm(readRealmConfig(env))
    return { value: plan, text: printPlan(plan, false), exitCode: plan.changes.length > 0 ? 1 : 0 }
  })
  add(realm, 'probe', 'prove that the credentials can do what they must and nothing more', async () => {
    const report = await probeRealm(readProbeConfig(env))
    return { value: report, text: printProbe(report), exitCode: report.passed ? 0 : 1 }
  })
}
