/**
 * A small OP in place of ours, and a small application beside it, for what Keycloak does towards both: it signs anybody
 * in as the `sub` that the test sets, with the key that the test sets, and keeps what Keycloak sent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'

export type TestOp = {
  origin: string
  /** Who signs in next. */
  sub: string
  /** Signs with a key that is not published, as a forger would. */
  forge: boolean
  /** Added to the claims of the next ID tokens. */
  claims: JWTPayload
  /** Query of the last authorization request. */
  authorization: Record<string, string>
  /** Form of the last token request. */
  token: Record<string, string>
  /** Paths asked for. */
  paths: string[]
  /** Logout tokens that the application was sent. */
  logoutTokens: string[]
  close(): Promise<void>
}

const json = (body: unknown) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

export async function startTestOp(): Promise<TestOp> {
  const published = await generateKeyPair('ES256')
  const forged = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(published.publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = await answer(request)
    response.writeHead(status, headers)
    response.end(body)
  }
  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const op: TestOp = {
    origin,
    sub: 'nobody',
    forge: false,
    claims: {},
    authorization: {},
    token: {},
    paths: [],
    logoutTokens: [],
    async close() {
      server.closeAllConnections()
      await new Promise<void>((done) => {
        server.close(() => done())
      })
    },
  }
  async function answer(request: IncomingMessage) {
    const url = new URL(request.url ?? '/', origin)
    op.paths.push(url.pathname)
    const form = Object.fromEntries(new URLSearchParams(await readBody(request)))
    switch (url.pathname) {
      case '/oidc/auth': {
        op.authorization = Object.fromEntries(url.searchParams)
        const back = new URL(op.authorization['redirect_uri'] ?? '')
        back.searchParams.set('code', 'test-code')
        back.searchParams.set('state', op.authorization['state'] ?? '')
        back.searchParams.set('iss', `${origin}/oidc`)
        return { status: 303, headers: { location: back.href }, body: '' }
      }
      case '/oidc/token':
        op.token = form
        return json({ access_token: 'test', token_type: 'Bearer', expires_in: 60, id_token: await sign() })
      case '/oidc/jwks':
        return json({ keys: [jwk] })
      case '/backchannel-logout':
        op.logoutTokens.push(form['logout_token'] ?? '')
        return { status: 200, headers: {}, body: '' }
      default:
        return { status: 404, headers: {}, body: '' }
    }
  }

  function sign(): Promise<string> {
    return new SignJWT({ nonce: op.authorization['nonce'], ...op.claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'test' })
      .setIssuer(`${origin}/oidc`)
      .setAudience('keycloak')
      .setSubject(op.sub)
      .setIssuedAt()
      .setExpirationTime('1 minute')
      .sign(op.forge ? forged.privateKey : published.privateKey)
  }
  return op
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
