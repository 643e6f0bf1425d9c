/** The workspace as a part of the portal: its API under /workspace, and the pages of whoever is signed in. */
import type { Log } from '../../core/log.ts'
import type { Extension, LogEvent } from '../relying-party/app.ts'
import { readClaims } from './claims.ts'
import type { PortalConfig } from './config.ts'
import { renderContracts } from './pages.ts'
import { createContractPages } from './routes.ts'
import { createShelf } from './shelf.ts'
import { openWorkspaceDatabase } from './workspace/database.ts'
import { createWorkspaceRouter } from './workspace/router.ts'
import { createStore } from './workspace/store.ts'
import { createTokenCheck } from './workspace/tokens.ts'

type Needs = Pick<PortalConfig, 'WORKSPACE_DATABASE_URL' | 'ISSUER' | 'PROVIDER_URL'>

/** Asks neither PostgreSQL nor Keycloak anything before somebody comes. */
export function createWorkspace(config: Needs, databaseLog: Log, log: LogEvent): Extension {
  const database = openWorkspaceDatabase(config.WORKSPACE_DATABASE_URL, databaseLog)
  const shelf = createShelf(database)
  return {
    api: {
      path: '/workspace',
      handler: createWorkspaceRouter(createStore(database), createTokenCheck(config.ISSUER), log),
    },
    pages: (tools) => createContractPages(shelf, tools, { providerUrl: config.PROVIDER_URL, log }),
    renderHome: async (language, { claims }) => {
      const { contracts, total } = readClaims(claims)
      return renderContracts(language, contracts, total)
    },
    close: () => database.close(),
  }
}
