/** Keycloak's metadata and nothing else: for tests in which Keycloak is in trouble before it is asked anything more. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

export type KeycloakMetadata = {
  /** Where it listens. */
  url: string
  /** What its metadata says; `url` unless something stands before it. */
  publicUrl: string
  issuer: () => string
}

/** Call it at the top of a test file; it ends with the file. */
export async function startKeycloakMetadata(): Promise<KeycloakMetadata> {
  const issuer = () => `${keycloak.publicUrl}/realms/ellipro`
  const server = createServer((req, res) => {
    const known = req.url === '/realms/ellipro/.well-known/openid-configuration'
    const at = (path: string) => `${issuer()}/protocol/openid-connect/${path}`
    res.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
    res.end(
      JSON.stringify({
        issuer: issuer(),
        authorization_endpoint: at('auth'),
        token_endpoint: at('token'),
        jwks_uri: at('certs'),
        end_session_endpoint: at('logout'),
        authorization_response_iss_parameter_supported: true,
      }),
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keycloak: KeycloakMetadata = { url, publicUrl: url, issuer }
  return keycloak
}
