/**
 * The workspace of the demonstration's portal over HTTP, for one test file: its real router on a real port, on a database
 * of the file. In the place of Keycloak stands an issuer of this process that gives admin-sync's client its tokens; with
 * `issuer` it is a realm of the test's Keycloak instead. For trouble on the way: test/support/fault-proxy.ts before `url`.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { connectionUrl } from '../../admin-sync/database/bootstrap.ts'
import type { ContractDocument } from '../../admin-sync/contracts/model.ts'
import { createLog } from '../../core/log.ts'
import {
  bootstrapWorkspace,
  openWorkspaceDatabase,
  workspaceRole,
} from '../../dev/portal/workspace/database.ts'
import { createWorkspaceRouter } from '../../dev/portal/workspace/router.ts'
import { createStore } from '../../dev/portal/workspace/store.ts'
import { createTokenCheck } from '../../dev/portal/workspace/tokens.ts'
import { nextDatabaseName, dropDatabaseAfterFile } from './postgres.ts'
import type { PostgresServer } from './servers.ts'

export type TestWorkspaceDatabase = { name: string; superuser: string; url: string }
export type TestIssuer = {
  /** As KEYCLOAK_URL; the realm is `ellipro`. */
  keycloakUrl: string
  /** Issuer identifier. */
  url: string
  /** Of the one client that its token endpoint knows. */
  clientSecret: string
  /** What the token endpoint does next, until it is changed. */
  answers: { lifetimeSeconds: number; status: number }
  /** How many tokens it gave. */
  given: () => number
  /** An access token of the client; with changes, `undefined` leaves a claim out. */
  sign: (changes?: Record<string, unknown>) => Promise<string>
  stop: () => Promise<void>
  start: () => Promise<void>
}
export type TestWorkspace = {
  /** As WORKSPACE_URL. */
  url: string
  database: TestWorkspaceDatabase
  /** A superuser's connections to its database, to look at what is stored, or to plant something. */
  pool: pg.Pool
  /** Of this process; nobody asks it when `issuer` names another one. */
  issuer: TestIssuer
  /** What was logged. */
  events: { event: string; [field: string]: unknown }[]
  stop: () => Promise<void>
  /** On the same port. */
  start: () => Promise<void>
}

/** An empty database of the workspace's role. */
export async function createWorkspaceDatabase(
  server: PostgresServer = inject('postgres'),
): Promise<TestWorkspaceDatabase> {
  const name = nextDatabaseName(server)
  const password = server.secrets.databaseWorkspace
  await bootstrapWorkspace(server.url, password, name)
  dropDatabaseAfterFile(server, name)
  const superuser = new URL(server.url)
  superuser.pathname = `/${name}`
  return { name, superuser: superuser.href, url: connectionUrl(server.url, workspaceRole, password, name) }
}

/**
 * Call it at the top of the test file; it ends with the file.
 * @param options.databaseUrl how the workspace reaches its database, e.g. through a proxy
 */
export async function startWorkspace(
  options: { issuer?: string; server?: PostgresServer; databaseUrl?: (url: string) => string } = {},
): Promise<TestWorkspace> {
  const [database, issuer] = await Promise.all([createWorkspaceDatabase(options.server), startTestIssuer()])
  const events: TestWorkspace['events'] = []
  const opened = openWorkspaceDatabase(
    options.databaseUrl?.(database.url) ?? database.url,
    createLog('test', 'silent'),
  )
  const app = express().use(
    '/workspace',
    createWorkspaceRouter(
      createStore(opened),
      createTokenCheck(options.issuer ?? issuer.url),
      (event, fields) => events.push({ event, ...fields }),
    ),
  )
  const http = await listen(app)
  const pool = new pg.Pool({ connectionString: database.superuser, max: 2 })
  pool.on('error', () => {}) // the server may be taken down by the test
  afterAll(async () => {
    await Promise.all([http.stop(), issuer.stop(), opened.close(), pool.end()])
  })
  return {
    url: `${http.url}/workspace`,
    database,
    pool,
    issuer,
    events,
    stop: http.stop,
    start: http.start,
  }
}

/** What the realm is for admin-sync's client of the workspace: metadata, keys and a token endpoint. */
export async function startTestIssuer(): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test-key', alg: 'RS256', use: 'sig' }
  const clientSecret = 'secret of the client of the workspace'
  const answers = { lifetimeSeconds: 60, status: 200 }
  let given = 0
  const app = express()
  const http = await listen(app)
  const url = `${http.url}/realms/ellipro`
  const sign = (changes: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: url,
      aud: 'ellipro-workspace',
      azp: 'admin-sync-workspace',
      iat: now,
      exp: now + answers.lifetimeSeconds,
      ...changes,
    }
    return new SignJWT(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>)
      .setProtectedHeader({ alg: 'RS256', kid: 'test-key', typ: 'JWT' })
      .sign(privateKey)
  }
  const path = '/realms/ellipro'
  app.get(`${path}/.well-known/openid-configuration`, (_req, res) => {
    const protocol = `${url}/protocol/openid-connect`
    res.json({ issuer: url, jwks_uri: `${protocol}/certs`, token_endpoint: `${protocol}/token` })
  })
  app.get(`${path}/protocol/openid-connect/certs`, (_req, res) => {
    res.json({ keys: [jwk] })
  })
  app.post(
    `${path}/protocol/openid-connect/token`,
    express.urlencoded({ extended: false }),
    async (req, res) => {
      const body = req.body as Record<string, string | undefined>
      const basic = Buffer.from((req.get('authorization') ?? '').replace(/^Basic /, ''), 'base64').toString()
      const [id, secret] = basic
        ? basic.split(':').map(decodeURIComponent)
        : [body['client_id'], body['client_secret']]
      if (answers.status !== 200) res.status(answers.status).json({ error: 'temporarily_unavailable' })
      else if (id !== 'admin-sync-workspace' || secret !== clientSecret)
        res.status(401).json({ error: 'unauthorized_client' })
      else {
        given += 1
        res.json({ access_token: await sign(), token_type: 'Bearer', expires_in: answers.lifetimeSeconds })
      }
    },
  )
  return {
    keycloakUrl: http.url,
    url,
    clientSecret,
    answers,
    given: () => given,
    sign,
    stop: http.stop,
    start: http.start,
  }
}

async function listen(handler: RequestListener) {
  const open = (port: number) =>
    new Promise<Server>((resolve, reject) => {
      const server = createServer(handler)
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => resolve(server))
    })
  let server: Server | undefined = await open(0)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        if (!server) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
        server = undefined
      }),
    start: async () => {
      server ??= await open(port)
    },
  }
}

/** A contract with some of everything; texts that are awkward on purpose. */
export function makeDocument(contract: string, changes: Partial<ContractDocument> = {}): ContractDocument {
  return {
    contract,
    company: { country: 'FR', number: '000123457', name: `L’Atelier d’Émile & Fils <${contract}>` },
    tariff: {
      name: 'Essentiel 2024',
      fee: { cents: 129_900, currency: 'EUR' },
      prices: [
        { item: 'rapport-efficient', cents: 450, currency: 'EUR' },
        { item: 'analyse-classic', cents: 12_000, currency: 'EUR' },
      ],
    },
    signedOn: '2019-02-28',
    contact: { name: 'Émilie Durand', email: 'emilie.durand@atelier.example', phone: null },
    reports: ['essentiel', 'efficient'],
    analyses: ['classic'],
    score: true,
    countries: ['FR', 'DE', 'BE'],
    portfolio: [
      { country: 'FR', number: '000000109', name: 'Zébulon SA', reference: '=cmd()', addedOn: '2020-01-31' },
      {
        country: 'DE',
        number: 'HRB 12345',
        name: 'Ärzte-Bedarf GmbH',
        reference: null,
        addedOn: '2021-06-01',
      },
      { country: 'FR', number: '000000117', name: '🧵 Couture', reference: 'C-0001', addedOn: '2023-12-31' },
    ],
    monitoring: [
      {
        country: 'FR',
        number: '000000109',
        kind: 'insolvency',
        recipient: 'alertes@atelier.example',
        since: '2020-02-01',
      },
      {
        country: 'FR',
        number: '000000109',
        kind: 'score',
        recipient: 'alertes@atelier.example',
        since: '2020-02-01',
      },
    ],
    ...changes,
  }
}
