/**
 * The operator's commands: `npm run admin-sync -- <command>`. Each file of cli/ is a topic.
 *
 *   database bootstrap         roles and databases, once, as a superuser
 *   migrate                    brings the database to this release
 *   realm apply|diff|probe     the realm as code: write it, compare it, test the credentials
 *   status                     how far the migration is, and what is stuck; no personal data
 *   find <login, e-mail or reference>     one person's activations, for the desk on the telephone; personal data
 *   activations resend|withdraw <id, login or e-mail>     a fresh mail; stops an activation
 *   left <file.csv>            the logins that are left, for the desk to call through; personal data
 *   accounts sweep             accounts that are gone at Keycloak are closed; links that should be gone are reported
 *   logins release <login>     lets the login of a closed account, or of a holder who left, be activated again
 *   cases list|show <reference, login or id>     shared logins, and what waits for an agent; personal data
 *   cases sync [--dry-run]     a pass over them now, or what it would do
 *   tickets verify             what is set up wrong at the help desk
 *   cases import <file.csv>    logins that are known to be shared get their cases
 *   import [folder] [--dry-run]     contracts from an export in files, or from the database of Cofacering
 *   contracts transfer --all|<contract>… [--dry-run]     carries contracts to the Ellipro workspace
 *   contracts verify [--html <file>]     compares all of them with the workspace; personal data
 *   people export|erase <e-mail>     what is stored about a person; personal data
 *   jobs dead                  jobs that ended without success      jobs redrive [id]    tries them again
 *   audit list                 what was done by hand: when, by whom, why
 *
 * With --json the answer is one JSON value on standard output. Exit codes: 0 done; 1 something is wrong with what was
 * asked or found (a difference, a failed check, dead letters, nobody found); 2 the configuration cannot be used;
 * 3 a system could not be asked, try again.
 */
import { Command } from 'commander'
import { ConfigError, UpstreamError } from '../core/errors.ts'
import { addCases, addTickets } from './cli/cases.ts'
import { addContracts } from './cli/contracts.ts'
import { addDesk } from './cli/desk.ts'
import { addImport } from './cli/import.ts'
import { addInstallation } from './cli/installation.ts'
import { addPeople } from './cli/people.ts'
import { addWatch } from './cli/watch.ts'
import { SourceError } from './contracts/source/port.ts'

function createProgram(env: NodeJS.ProcessEnv): Command {
  const program = new Command('admin-sync').description('Operates the move from Cofacering to Ellipro.')
  addInstallation(program, env)
  addWatch(program, env)
  addDesk(program, env)
  addCases(program, env)
  addTickets(program, env)
  addImport(program, env)
  addContracts(program, env)
  addPeople(program, env)
  return program
}

/** @returns the exit code */
function explain(error: unknown): 1 | 2 | 3 {
  if (error instanceof ConfigError) {
    console.error(error.message)
    return 2
  }
  if (error instanceof UpstreamError && error.cause instanceof SourceError) {
    // Queries on Cofacering that cannot be used: an operator mends them.
    console.error(error.cause.message)
    return 2
  }
  if (error instanceof UpstreamError && error.code === 'import_running') {
    console.error('Another import is at work. Wait until it has ended, or stop it; it can be gone on with.')
    return 3
  }
  if (error instanceof UpstreamError) {
    const hint =
      error.disposition === 'retry' ? 'try again when it answers' : 'see docs/operations.md for what it needs'
    console.error(
      `${error.service} could not do it: ${error.code}${error.status ? ` (HTTP ${error.status})` : ''}; ${hint}.`,
    )
    return 3
  }
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && /^(E[A-Z]+|08\d{3}|28P01|3D000|57P03)$/.test(code)) {
    console.error(
      `The database could not be asked (${code}): is ADMIN_SYNC_DATABASE_URL right, and the server up?`,
    )
    return 3
  }
  if (code === '42P01' || code === '3F000') {
    console.error('The database is not prepared: run `admin-sync migrate`.')
    return 3
  }
  console.error(error instanceof Error ? error.message : error)
  return 1
}

try {
  await createProgram(process.env).parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}
