/** Vitest's global set-up of the suites that need PostgreSQL and Keycloak. */
import type { TestProject } from 'vitest/node'
import { sharedServers } from './servers.ts'
import setUpPostgres from './setup-postgres.ts'

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const tearDown = await setUpPostgres(project)
  project.provide('keycloak', await sharedServers().keycloak())
  return tearDown
}
