/**
 * One project a suite, told apart by the file's name:
 *   *.pure.test.ts       nothing but this process
 *   *.database.test.ts   PostgreSQL
 *   *.keycloak.test.ts   PostgreSQL and Keycloak
 *   *.browser.test.ts    these and Chromium
 *   *.helpdesk.test.ts   these and Request Tracker 5, from Debian's packages
 *   *.long.test.ts       these, minutes long: only with `npm run test:long`
 *   *.proxy.test.ts      these and nginx: only with `npm run test:long`
 * test/run.ts runs them in this order and reports; `npx vitest run --project pure` works too.
 */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const projects = [
  { name: 'pure', setup: [], testSeconds: 10 },
  { name: 'database', setup: ['test/support/setup-postgres.ts'], testSeconds: 30 },
  { name: 'keycloak', setup: ['test/support/setup-keycloak.ts'], testSeconds: 60 },
  { name: 'browser', setup: ['test/support/setup-keycloak.ts'], testSeconds: 180 },
  { name: 'helpdesk', setup: ['test/support/setup-help-desk.ts'], testSeconds: 180 },
  { name: 'long', setup: ['test/support/setup-keycloak.ts'], testSeconds: 600 },
  { name: 'proxy', setup: ['test/support/setup-keycloak.ts'], testSeconds: 180 },
]

export default defineConfig({
  test: {
    projects: projects.map(({ name, setup, testSeconds }) => ({
      test: {
        name,
        include: [`test/**/*.${name}.test.ts`],
        globalSetup: setup,
        pool: 'forks' as const,
        // the pure ones leave nothing behind for one another, and most of their time would be loading modules again
        isolate: name !== 'pure',
        // what a test prints is shown when it fails
        silent: 'passed-only' as const,
        slowTestThreshold: 5000,
        testTimeout: testSeconds * 1000,
        // the first file to need Keycloak may wait for its build
        hookTimeout: setup.length === 0 ? 10_000 : 420_000,
        // One core of two would be left idle: most of a test is waiting for PostgreSQL or Keycloak.
        ...(['pure', 'database', 'keycloak'].includes(name) && {
          maxWorkers: Math.max(2, availableParallelism() - 1),
        }),
        // a browser journey takes both cores of a small machine: one at a time
        fileParallelism: !['browser', 'helpdesk', 'long', 'proxy'].includes(name),
        sequence: { groupOrder: projects.findIndex((project) => project.name === name) },
      },
    })),
  },
})
