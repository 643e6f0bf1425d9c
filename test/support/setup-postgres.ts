/** Vitest's global set-up of the suites that need PostgreSQL. */
import type { TestProject } from 'vitest/node'
import { sharedServers, stopSharedServers } from './servers.ts'

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  project.provide('postgres', await sharedServers().postgres())
  // test/run.ts stops them itself, after its last suite
  return process.env['TEST_RUN'] ? () => Promise.resolve() : stopSharedServers
}
