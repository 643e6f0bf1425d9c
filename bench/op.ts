/**
 * Part `op`: the OP alone on PostgreSQL, from the authorization request to the ID token, against a bare oidc-provider
 * with the plainest PostgreSQL adapter; each a process of its own, on one database server. Keycloak's part is played
 * here: a redirect URI that nobody opens, and client assertions signed before the clock starts.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { PartResult } from './parts.ts'
import { insertOpened, prove } from './people.ts'
import { measureCpu } from './processes.ts'
import { scaled } from './scale.ts'
import { compare, median, round } from './statistics.ts'
import type { Part, Stage } from './stage.ts'
import { Browser, inParallel, keepConnections } from './web.ts'

const [verifier, challenge] = [
  'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
]
const atOnce = 4
const signInsEach = scaled(250)

type Walker = { loginHint: string; cookie?: readonly [name: string, value: string] }
type Round = { perSecond: number; cpuMs: number; databaseMs: number }

export async function benchOp(stage: Stage, repetitions: number): Promise<PartResult> {
  const client = await startClient()
  // All people of the bench come from one network.
  const environment = {
    KEYCLOAK_URL: client.url,
    KEYCLOAK_REALM: 'r',
    AUTHORIZATIONS_PER_NETWORK: '1000000',
  }
  const provider = await stage.start('provider', environment)
  const peer = await stage.start('peer', {
    PEER_DATABASE_URL: await stage.createDatabase('peer'),
    PEER_CLIENT_JWKS_URI: client.jwksUri,
    PEER_REDIRECT_URIS: client.redirectUri('bare'),
  })
  const agents = Array.from({ length: atOnce }, keepConnections)

  async function walk(
    issuer: string,
    redirectUri: string,
    { loginHint, cookie }: Walker,
    assertion: string,
    lane: number,
  ) {
    const browser = new Browser(agents[lane]!)
    if (cookie) browser.give(issuer, cookie[0], cookie[1])
    const query = new URLSearchParams({
      client_id: 'keycloak',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
      state: 'state',
      nonce: 'nonce',
      prompt: 'login',
      login_hint: loginHint,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    const back = await browser.walk(`${issuer}/auth?${query.toString()}`, redirectUri)
    const code = back.searchParams.get('code')
    if (!code) throw new Error(`No code: ${back.search}`)
    const answer = await browser.open(`${issuer}/token`, {
      form: {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
    })
    if (answer.status !== 200) throw new Error(`No token: ${answer.status} ${answer.body}`)
  }

  async function measure(part: Part, issuer: string, alias: string, walkers: Walker[]): Promise<Round> {
    const assertions = await Promise.all(walkers.map(() => client.assert(issuer)))
    const startedAt = performance.now()
    const { cpuMs } = await measureCpu({ op: part.child, database: stage.postgres }, () =>
      inParallel(walkers.length, atOnce, (i, lane) =>
        walk(issuer, client.redirectUri(alias), walkers[i]!, assertions[i]!, lane),
      ),
    )
    return {
      perSecond: (walkers.length * 1000) / (performance.now() - startedAt),
      cpuMs: cpuMs['op']! / walkers.length,
      databaseMs: cpuMs['database']! / walkers.length,
    }
  }
  const ours = async (count: number) => {
    const people = await prove(stage.database, await insertOpened(stage.database, count))
    const walkers = people.map(({ handle, proof }) => ({
      loginHint: handle,
      cookie: [`op_proof_${handle}`, proof] as const,
    }))
    return measure(provider, `${provider.url}/oidc`, 'cofacering', walkers)
  }
  const theirs = (count: number) =>
    measure(
      peer,
      peer.url,
      'bare',
      Array.from({ length: count }, () => ({ loginHint: randomUUID() })),
    )

  try {
    // Both are compiled at their best by then.
    for (let i = 0; i < 2; i++) {
      await ours(signInsEach)
      await theirs(signInsEach)
    }
    const rounds: { ours: Round[]; peer: Round[] } = { ours: [], peer: [] }
    for (let i = 0; i < repetitions; i++) {
      rounds.ours.push(await ours(signInsEach))
      rounds.peer.push(await theirs(signInsEach))
    }
    const row = (name: string, list: Round[]) => [
      name,
      round(median(list.map(({ perSecond }) => perSecond))),
      round(median(list.map(({ cpuMs }) => cpuMs))),
      round(median(list.map(({ databaseMs }) => databaseMs))),
    ]
    const perSecond = (list: Round[]) => list.map((one) => one.perSecond)
    return {
      results: [
        compare('OP alone on PostgreSQL', perSecond(rounds.ours), perSecond(rounds.peer), {
          unit: 'sign-ins a second',
          goal: 0.9,
          better: 'higher',
        }),
      ],
      tables: {
        op: {
          columns: ['', 'sign-ins a second', 'CPU ms of the OP', 'CPU ms of PostgreSQL'],
          rows: [row('our OP', rounds.ours), row('bare oidc-provider', rounds.peer)],
        },
      },
    }
  } finally {
    await Promise.all([provider.stop(), peer.stop()])
    client.close()
  }
}

/** The RP's side: a key, its public half at an address, and assertions. */
async function startClient() {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'client', alg: 'RS256', use: 'sig' }
  const server = createServer((_req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    jwksUri: `${url}/realms/r/protocol/openid-connect/certs`,
    redirectUri: (alias: string) => `${url}/realms/r/broker/${alias}/endpoint`,
    assert: (audience: string) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'RS256', kid: 'client' })
        .setIssuer('keycloak')
        .setSubject('keycloak')
        .setAudience(audience)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(privateKey),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
