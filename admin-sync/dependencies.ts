/** Everything that the jobs work with, made from the configuration. Nothing here asks anybody anything yet. */
import type pg from 'pg'
import { readDesk } from '../core/desk.ts'
import type { Log } from '../core/log.ts'
import { createAddressChangeStore } from './accounts/address-change-store.ts'
import type { Enqueue } from './accounts/job.ts'
import { createLegacyData } from './accounts/legacy-data.ts'
import { createAccountStore } from './accounts/store.ts'
import { createSweepStore } from './accounts/sweep-store.ts'
import type { AdminSyncConfig } from './config.ts'
import { createIdTokenVerifier } from './identity/verify-id-token.ts'
import { createAddressLocks } from './jobs/address-lock.ts'
import { readLegacyQueries } from './contracts/source/queries.ts'
import { createSqlSource } from './contracts/source/sql.ts'
import { createWorkspace } from './contracts/target/http.ts'
import { caseLockConnections, type CaseWorkDependencies } from './jobs/case-work.ts'
import { contractLockConnections, type ContractWorkDependencies } from './jobs/contract-work.ts'
import { lockConnections, type WorkDependencies } from './jobs/work.ts'
import { connect, type OnAnswer } from './keycloak/connect.ts'
import { createTokens } from './keycloak/transport.ts'
import { createMailer } from './mail/mailer.ts'
import { operatorClient, readerClient, workspaceClient } from './realm/permissions.ts'
import { readSmtp } from './realm/config.ts'
import { chooseHelpDesk } from './tickets/config.ts'
import { connectHelpDesk } from './tickets/connect.ts'

/** `close` ends the connections that were made here; the pool is the caller's. */
export function createDependencies(
  config: AdminSyncConfig,
  log: Log,
  pool: pg.Pool,
  enqueue: Enqueue,
  keycloakAnswered: OnAnswer = () => {},
): {
  work: WorkDependencies
  cases: CaseWorkDependencies
  contracts: ContractWorkDependencies
  close: () => Promise<void>
} {
  const account = (clientId: string, clientSecret: string) =>
    connect({
      url: config.KEYCLOAK_URL,
      realm: config.KEYCLOAK_REALM,
      credential: { kind: 'client', clientId, clientSecret },
      onAnswer: keycloakAnswered,
    })
  const locks = createAddressLocks(
    config.ADMIN_SYNC_DATABASE_URL,
    log,
    lockConnections + caseLockConnections + contractLockConnections,
  )
  const legacy = createLegacyData(config.LEGACY_DATABASE_URL, log)
  const mailer = createMailer({
    ...readSmtp(config),
    desk: readDesk(config),
    portalUrl: config.PORTAL_URL,
  })
  const tickets = connectHelpDesk(chooseHelpDesk(config))
  const shared = {
    keycloak: account(operatorClient, config.OPERATOR_CLIENT_SECRET),
    reader: account(readerClient, config.READER_CLIENT_SECRET),
    legacy,
    mailer,
    linkKey: config.ADMIN_SYNC_LINK_KEY,
    providerUrl: config.PROVIDER_URL,
    locks,
    log,
  }
  return {
    work: {
      ...shared,
      store: createAccountStore(pool, enqueue),
      sharedFirstAddress: config.SHARED_FIRST_ADDRESS,
      sweepStore: createSweepStore(pool),
      addressChanges: createAddressChangeStore(pool),
    },
    cases: {
      ...shared,
      pool,
      tickets,
      verifyIdToken: createIdTokenVerifier(config.KEYCLOAK_URL, config.KEYCLOAK_REALM),
    },
    contracts: {
      keycloak: shared.keycloak,
      reader: shared.reader,
      locks,
      log,
      pool,
      workspace: createWorkspace({
        url: config.WORKSPACE_URL,
        tokens: createTokens(config.KEYCLOAK_URL, config.KEYCLOAK_REALM, {
          kind: 'client',
          clientId: workspaceClient,
          clientSecret: config.WORKSPACE_CLIENT_SECRET,
        }),
      }),
      source:
        config.CONTRACT_SOURCE === 'sql'
          ? createSqlSource(config.LEGACY_DATABASE_URL, readLegacyQueries(config.LEGACY_QUERIES_FILE))
          : undefined,
    },
    async close() {
      await Promise.all([locks.close(), legacy.close()])
      mailer.close()
      tickets.close()
    },
  }
}
