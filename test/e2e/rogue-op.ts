/**
 * Our OP in the hands of an attacker: the same address, the same issuer, the real signing keys, and an ID token for
 * whatever subject the attacker names. Stands in for a provider that was taken over.
 */
import { createServer, type Server } from 'node:http'
import { SignJWT, importJWK, type JWK } from 'jose'
import type { Place } from '../../dev/environment.ts'

/** @param key private JWK of the OP, with its `kid` */
export async function startRogueOp(place: Place, key: JWK, sub: string): Promise<Server> {
  const origin = `http://${place.host}:${place.port}`
  const issuer = `${origin}/oidc`
  const { d: _d, ...publicKey } = key
  const nonces = new Map<string, string>()
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', origin)
    if (url.pathname === '/oidc/auth') {
      // No login page: the attacker is whoever they want to be.
      const code = crypto.randomUUID()
      nonces.set(code, url.searchParams.get('nonce') ?? '')
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', url.searchParams.get('state') ?? '')
      back.searchParams.set('iss', issuer)
      res.writeHead(303, { location: back.href }).end()
    } else if (url.pathname === '/oidc/token') {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => {
        const code = new URLSearchParams(Buffer.concat(chunks).toString()).get('code') ?? ''
        void answer(code).then((body) =>
          res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        )
      })
    } else if (url.pathname === '/oidc/jwks') {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [publicKey] }))
    } else res.writeHead(404).end()
  })
  const answer = async (code: string) => ({
    access_token: crypto.randomUUID(),
    token_type: 'Bearer',
    expires_in: 300,
    id_token: await new SignJWT({ nonce: nonces.get(code) ?? '' })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid ?? '' })
      .setIssuer(issuer)
      .setSubject(sub)
      .setAudience('keycloak')
      .setIssuedAt()
      .setExpirationTime('5 minutes')
      .sign(await importJWK(key, 'ES256')),
  })
  await new Promise<void>((done) => server.listen(place.port, place.host, done))
  return server
}
