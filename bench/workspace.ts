/** A workspace that answers over HTTP, on a database of its own; whoever asks is believed. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createWorkspace } from '../admin-sync/contracts/target/http.ts'
import type { Workspace } from '../admin-sync/contracts/target/port.ts'
import { createLog } from '../core/log.ts'
import { openWorkspaceDatabase } from '../dev/portal/workspace/database.ts'
import { createWorkspaceRouter } from '../dev/portal/workspace/router.ts'
import { createStore } from '../dev/portal/workspace/store.ts'
import type { Stage } from './stage.ts'

/**
 * @param name of the database, which `close` drops
 * @returns with the superuser's URL of the database; its tables are made when the workspace is first asked
 */
export async function openWorkspace(
  stage: Stage,
  name: string,
): Promise<{ workspace: Workspace; databaseUrl: string; close: () => Promise<void> }> {
  const databaseUrl = await stage.createDatabase(name)
  const opened = openWorkspaceDatabase(databaseUrl, createLog('bench', 'silent'))
  const router = createWorkspaceRouter(
    createStore(opened),
    () => Promise.resolve(),
    () => {},
  )
  const server = createServer(express().use('/workspace', router)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    workspace: createWorkspace({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/workspace`,
      tokens: { read: () => Promise.resolve('token'), forget: () => {} },
    }),
    databaseUrl,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await opened.close()
      await stage.database.query(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}
