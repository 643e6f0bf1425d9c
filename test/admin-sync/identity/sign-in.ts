/**
 * Signs somebody in at a client of the realm, as a browser and the client together would, and gives the tokens.
 * The password is typed on Keycloak's page.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Web } from '../realm/web.ts'

export type Tokens = { idToken: string; accessToken: string; refreshToken: string }

export const providerClient = {
  clientId: 'cofacering-provider',
  secret: 'provider-secret-of-a-test',
  path: '/staff/callback',
}
export const portalClient = { clientId: 'portal', secret: 'portal-secret-of-a-test', path: '/callback' }

/** @param o.origin where the client's redirect URIs begin @param o.extra of the authorization request */
export async function signInAt(o: {
  issuer: string
  origin: string
  client?: { clientId: string; secret: string; path: string }
  nonce: string
  address: string
  password: string
  web?: Web
  extra?: Record<string, string>
}): Promise<Tokens> {
  const { clientId, secret, path } = o.client ?? providerClient
  const redirectUri = `${o.origin}${path}`
  const verifier = randomBytes(32).toString('base64url')
  const endpoint = `${o.issuer}/protocol/openid-connect`
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email',
    nonce: o.nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...o.extra,
  })
  const web = o.web ?? new Web()
  let page = await web.follow(await web.open(`${endpoint}/auth?${query.toString()}`), redirectUri)
  // A browser with a session comes back at once.
  if (page.location === undefined)
    page = await web.follow(
      await web.submit(page, { username: o.address, password: o.password }),
      redirectUri,
    )
  const code = new URL(page.location ?? '').searchParams.get('code')
  if (!code) throw new Error(`no code: ${page.location ?? page.url}`)
  const answer = await fetch(`${endpoint}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: secret,
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  })
  const tokens = (await answer.json()) as Record<string, string>
  return {
    idToken: tokens['id_token'] ?? '',
    accessToken: tokens['access_token'] ?? '',
    refreshToken: tokens['refresh_token'] ?? '',
  }
}

/** The payload of a JWT, unverified. */
export function readClaims(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}
