/**
 * The peer: a bare oidc-provider with one client (Keycloak), as its documentation shows it, and an interaction that is
 * answered at once. It signs in whoever `login_hint` names, so it is good for nothing but being measured.
 *
 * Same protocol as our OP (code, PKCE, private_key_jwt, ES256), so that what differs is what we added.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { JWK } from 'jose'
import { Provider, type Configuration } from 'oidc-provider'
import { createPostgresAdapter } from './postgres-adapter.ts'

const read = (name: string) => process.env[name] ?? ''
const issuer = read('PEER_ISSUER')
const listen = new URL(issuer)

const configuration: Configuration = {
  ...(read('PEER_DATABASE_URL') !== '' && {
    adapter: await createPostgresAdapter(read('PEER_DATABASE_URL')),
  }),
  jwks: { keys: [JSON.parse(read('PEER_KEY')) as JWK] },
  // The library's own refuses loopback addresses.
  fetch: (input, init) => {
    const { dispatcher: _guard, ...options } = (init ?? {}) as RequestInit & { dispatcher?: unknown }
    return fetch(input, options)
  },
  clients: [
    {
      client_id: 'keycloak',
      redirect_uris: read('PEER_REDIRECT_URIS').split(' '),
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'RS256',
      jwks_uri: read('PEER_CLIENT_JWKS_URI'),
      id_token_signed_response_alg: 'ES256',
    },
  ],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256'], idTokenSigningAlgValues: ['ES256'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  cookies: { keys: ['a key for a bench'] },
}
const provider = new Provider(issuer, configuration)
const callback = provider.callback()

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { params, uid, grantId } = await provider.interactionDetails(req, res)
  if (req.url !== `/interaction/${uid}`) throw new Error(`Not the interaction of this browser: ${req.url}`)
  const accountId = String(params['login_hint'])
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId, clientId: 'keycloak' })
  grant?.addOIDCScope('openid')
  const consent = { grantId: (await grant?.save()) ?? '' }
  await provider.interactionFinished(req, res, { login: { accountId }, consent })
}

createServer((req, res) => {
  const answered = req.url?.startsWith('/interaction/') ? answer(req, res) : callback(req, res)
  answered.catch((error: unknown) => {
    console.error(error)
    res.writeHead(500).end()
  })
}).listen(Number(listen.port), listen.hostname)
