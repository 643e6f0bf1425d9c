/**
 * Plays Keycloak towards the OP where Keycloak itself is not what is tested: publishes a key where Keycloak would, and
 * makes the authorization requests and client assertions that it would.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { afterAll } from 'vitest'

export type AuthorizationRequest = { url: string; verifier: string; state: string; nonce: string }

export type KeycloakClient = {
  /** KEYCLOAK_URL for provider. */
  url: string
  redirectUri: string
  /** The key that Keycloak signs with, and its public half as it is published. */
  signing: { privateKey: CryptoKey; publicJwk: JWK; kid: string }
  /** An authorization request as Keycloak makes it; `extra` adds or (with `undefined`) removes parameters. */
  request(provider: string, extra?: Record<string, string | undefined>): AuthorizationRequest
  /** A client assertion, good for one use. */
  assert(provider: string, claims?: Record<string, unknown>): Promise<string>
  /** Redeems a code; with the parts of another request it must fail. */
  redeem(
    provider: string,
    o: { code: string; verifier: string; assertion?: string; redirectUri?: string },
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

/** Call it at the top of a test file; it ends with the file. */
export async function startKeycloakClient(): Promise<KeycloakClient> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const server = createServer((req, res) => {
    const known = req.url === '/realms/ellipro/protocol/openid-connect/certs'
    res.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
    res.end(JSON.stringify(known ? { keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] } : {}))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const redirectUri = `${url}/realms/ellipro/broker/cofacering/endpoint`
  const assert: KeycloakClient['assert'] = (provider, claims = {}) =>
    new SignJWT({ jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'RS256', kid })
      .setIssuer('keycloak')
      .setSubject('keycloak')
      .setAudience(`${provider}/oidc`)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey)
  return {
    url,
    redirectUri,
    signing: { privateKey, publicJwk: jwk, kid },
    assert,
    request(provider, extra = {}) {
      const [verifier, state, nonce] = [1, 2, 3].map(() => randomBytes(32).toString('base64url')) as [
        string,
        string,
        string,
      ]
      const parameters: Record<string, string | undefined> = {
        client_id: 'keycloak',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: redirectUri,
        state,
        nonce,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        prompt: 'login',
        ...extra,
      }
      const query = new URLSearchParams(
        Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined),
      )
      return { url: `${provider}/oidc/auth?${query.toString()}`, verifier, state, nonce }
    },
    async redeem(provider, o) {
      const answer = await fetch(`${provider}/oidc/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: 'keycloak',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: o.assertion ?? (await assert(provider)),
          code: o.code,
          code_verifier: o.verifier,
          redirect_uri: o.redirectUri ?? redirectUri,
        }),
      })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },
  }
}
