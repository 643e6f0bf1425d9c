/**
 * What a database administrator does once, before anything of ours runs: roles and databases. `npm start` and the
 * tests call it with a superuser; docs/operations.md shows the same statements for a server of one's own.
 *
 * The separation of provider and admin-sync begins here: provider's role owns nothing and is a member of nothing.
 */
import pg from 'pg'

export type RolePasswords = Record<
  'keycloak' | 'ellipro_sync' | 'ellipro_provider' | 'cofacering_reader',
  string
>

export type DatabaseNames = { keycloak: string; ellipro: string; cofacering: string }
const databaseNames: DatabaseNames = {
  keycloak: 'keycloak',
  ellipro: 'ellipro',
  cofacering: 'cofacering',
}

/** Creates or updates the roles: idempotent, safe to run by several processes at once. */
async function ensureRoles(
  client: pg.Client,
  passwords: RolePasswords,
  providerConnections: number,
): Promise<void> {
  await client.query('BEGIN')
  // Two processes that create one role at once would fail in the catalogue; the second waits here instead.
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('ellipro bootstrap', 0))`)
  const roles: [name: string, options: string][] = [
    ['ellipro_owner', 'NOLOGIN'],
    ['keycloak', `LOGIN PASSWORD ${client.escapeLiteral(passwords.keycloak)}`],
    // NOINHERIT: the owner's rights are taken on with SET ROLE for migrations, and only there.
    ['ellipro_sync', `LOGIN NOINHERIT PASSWORD ${client.escapeLiteral(passwords.ellipro_sync)}`],
    [
      'ellipro_provider',
      `LOGIN CONNECTION LIMIT ${providerConnections} PASSWORD ${client.escapeLiteral(passwords.ellipro_provider)}`,
    ],
    ['cofacering_reader', `LOGIN PASSWORD ${client.escapeLiteral(passwords.cofacering_reader)}`],
  ]
  for (const [name, options] of roles) {
    const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name])
    const verb = rowCount === 0 ? 'CREATE' : 'ALTER'
    await client.query(`${verb} ROLE ${name} NOSUPERUSER NOCREATEDB NOCREATEROLE ${options}`)
  }
  await client.query('GRANT ellipro_owner TO ellipro_sync')
  await client.query('COMMIT')
}

/** Creates one database for one owner; nobody else may even connect without a grant. */
async function ensureDatabase(
  client: pg.Client,
  name: string,
  owner: string,
  readers: string[],
): Promise<void> {
  const quoted = client.escapeIdentifier(name)
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
  if (rowCount === 0) {
    try {
      await client.query(`CREATE DATABASE ${quoted} OWNER ${owner} ENCODING 'UTF8' TEMPLATE template0`)
    } catch (error) {
      // 42P04: another process was first.
      if ((error as { code?: string }).code !== '42P04') throw error
    }
  }
  await client.query(`REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC`)
  for (const reader of readers) await client.query(`GRANT CONNECT ON DATABASE ${quoted} TO ${reader}`)
}

/**
 * Makes the roles and the three databases of the design on a server.
 * @param superuserUrl postgres:// URL of a role that may create roles and databases
 * @param providerConnections that role ellipro_provider may have at once, over all replicas; -1: any number
 * @throws the errors of `pg`
 */
export async function bootstrapDatabases(
  superuserUrl: string,
  passwords: RolePasswords,
  names: Partial<DatabaseNames> = databaseNames,
  providerConnections = -1,
): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    await ensureRoles(client, passwords, providerConnections)
    if (names.keycloak) await ensureDatabase(client, names.keycloak, 'keycloak', [])
    if (names.ellipro) {
      await ensureDatabase(client, names.ellipro, 'ellipro_owner', ['ellipro_sync', 'ellipro_provider'])
      // pg-boss makes its own schema, as ellipro_sync: provider has no right on it at all.
      // Imports of contracts have temporary tables.
      await client.query(
        `GRANT CREATE, TEMPORARY ON DATABASE ${client.escapeIdentifier(names.ellipro)} TO ellipro_sync`,
      )
    }
    if (names.cofacering) {
      const { rows } = await client.query<{ me: string }>('SELECT quote_ident(current_user) AS me')
      await ensureDatabase(client, names.cofacering, rows[0]?.me ?? 'postgres', ['cofacering_reader'])
    }
  } finally {
    await client.end()
  }
}

/** The same server seen by another role and database. */
export function connectionUrl(serverUrl: string, role: string, password: string, database: string): string {
  const url = new URL(serverUrl)
  url.username = encodeURIComponent(role)
  url.password = encodeURIComponent(password)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}
