/** The portal in this process, with its workspace, before an issuer that says whose the contracts are. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import type { ContractDocument } from '../../../admin-sync/contracts/model.ts'
import { createLog } from '../../../core/log.ts'
import { createWorkspace } from '../../../dev/portal/workspace.ts'
import { openWorkspaceDatabase } from '../../../dev/portal/workspace/database.ts'
import { createStore } from '../../../dev/portal/workspace/store.ts'
import { createApp } from '../../../dev/relying-party/app.ts'
import { createWorkspaceDatabase } from '../../support/workspace.ts'
import { startIssuer } from '../relying-party/issuer.ts'

/**
 * @param claimsOf claims by the `sub` that the issuer's next answer signs in
 * @param databaseUrl how the portal reaches its workspace's database, e.g. through a proxy
 */
export async function startPortal(
  claimsOf: (sub: string) => Record<string, unknown>,
  databaseUrl: (url: string) => string = (url) => url,
) {
  const database = await createWorkspaceDatabase()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const secret = 'a-secret-for-the-test-only'
  const issuer = await startIssuer(
    [
      {
        client_id: 'portal',
        client_secret: secret,
        redirect_uris: [`${url}/callback`],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claimsOf,
  )
  const logged: string[] = []
  const log = (event: string, fields?: object) => void logged.push(JSON.stringify({ event, ...fields }))
  const config = {
    HOST: '127.0.0.1',
    PORT: 0,
    ISSUER: issuer.url,
    CLIENT_ID: 'portal',
    CLIENT_SECRET: secret,
    APP_URL: url,
    OTHER_APP_URL: url,
    WORKSPACE_DATABASE_URL: databaseUrl(database.url),
    PROVIDER_URL: 'https://activation.ellipro.example',
  }
  const extension = createWorkspace(config, createLog('test', 'silent'), log)
  server.on(
    'request',
    createApp(
      { key: 'portal', name: { fr: 'Portail Ellipro', en: 'Ellipro portal' } },
      config,
      log,
      extension,
    ),
  )
  const own = openWorkspaceDatabase(database.url, createLog('test', 'silent'))
  const store = createStore(own)
  afterAll(async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
    await Promise.all([extension.close?.(), own.close(), issuer.stop()])
  })
  return {
    url,
    issuer,
    store,
    logged,
    database: own,
    carry: (document: ContractDocument, final = true) =>
      store.put({ document, digest: digestContract(document).digest, final }, crypto.randomUUID()),
  }
}

/** SIRENs are not looked at here: nine digits. */
export function makePortfolio(length: number): ContractDocument['portfolio'] {
  return Array.from({ length }, (_, index) => ({
    country: 'FR',
    number: String(index).padStart(9, '0'),
    name: `Société ${String(length - index).padStart(5, '0')}`,
    reference: index % 10 === 0 ? `REF-${index}` : null,
    addedOn: `20${String(10 + (index % 10))}-01-15`,
  }))
}
