/** A taken-over provider cannot take the connections of everybody: `database bootstrap` on a server of the test's own. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { bootstrapDatabases, connectionUrl } from '../../../admin-sync/database/bootstrap.ts'
import { rolePasswords } from '../../../dev/secrets.ts'
import { startOwnServers } from '../../support/own-servers.ts'

const { postgres } = await startOwnServers()
const { secrets, url } = postgres
const provider = connectionUrl(url, 'ellipro_provider', secrets.databaseProvider, 'own_template')
const sync = connectionUrl(url, 'ellipro_sync', secrets.databaseSync, 'own_template')

test('the role of provider has its number of connections, and admin-sync connects all the same', async () => {
  await bootstrapDatabases(url, rolePasswords(secrets), {}, 3)
  const clients = Array.from({ length: 5 }, () => new pg.Client({ connectionString: provider }))
  const outcomes = await Promise.allSettled(clients.map((client) => client.connect()))
  const refused = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as { code: string }] : [],
  )
  expect(refused.map(({ code }) => code)).toEqual(['53300', '53300'])
  const other = new pg.Client({ connectionString: sync })
  await other.connect()
  await Promise.all([other.end(), ...clients.map((client) => client.end().catch(() => undefined))])
})
