/** Vitest's global set-up of the suite that needs Request Tracker as well as everything else. */
import type { TestProject } from 'vitest/node'
import { sharedServers } from './servers.ts'
import setUpKeycloak from './setup-keycloak.ts'

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const tearDown = await setUpKeycloak(project)
  project.provide('requestTracker', await sharedServers().requestTracker())
  return tearDown
}
