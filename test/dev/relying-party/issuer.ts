/**
 * An OpenID Provider in this process, in the place of Keycloak: same protocol, and the test decides what its
 * "login page" answers, holds its key, and can take it down.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { Provider, type ClientMetadata, type InteractionResults } from 'oidc-provider'

/** @param claimsOf more claims of a person, by `sub`, as the scope `ellipro` gives them */
export async function startIssuer(
  clients: ClientMetadata[],
  claimsOf: (sub: string) => Record<string, unknown> = () => ({}),
) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const kid = 'test-key'
  const server = createServer()
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  /** What the person does on the login page. */
  const answer: { next: InteractionResults[] } = { next: [] }

  const provider = new Provider(url, {
    clients,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['a test key that signs cookies'] },
    claims: {
      openid: ['sub', 'contracts', 'contracts_total', 'reports', 'analyses'],
      email: ['email'],
      profile: ['name'],
    },
    conformIdTokenClaims: false,
    scopes: ['openid', 'email', 'profile'],
    pkce: { required: () => true },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = form
        },
      },
    },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ ...claimsOf(sub), sub, email: `${sub}@moreau.example`, name: 'Chloé <Moreau>' }),
    }),
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client!.clientId,
        accountId: ctx.oidc.session!.accountId!,
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
    // The library refuses loopback addresses for its own calls, and the applications are there.
    fetch: (address, options) => {
      const { dispatcher: _dispatcher, ...rest } = options as RequestInit & { dispatcher?: unknown }
      return fetch(address, rest)
    },
  })
  const callback = provider.callback()
  server.on('request', (req, res) => {
    if (!req.url?.startsWith('/interaction/')) {
      void callback(req, res)
      return
    }
    const result = answer.next.shift() ?? { login: { accountId: 'chloe' } }
    void provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false })
  })

  return {
    url,
    answer,
    /** A logout token for the portal, with changes; `undefined` leaves a claim out. */
    signLogoutToken: (
      claims: Record<string, unknown>,
      { typ = 'logout+jwt', key = privateKey }: { typ?: string; key?: typeof privateKey } = {},
    ) => {
      const now = Math.floor(Date.now() / 1000)
      const all = {
        iss: url,
        aud: 'portal',
        iat: now,
        exp: now + 60,
        jti: crypto.randomUUID(),
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      }
      const payload = JSON.parse(JSON.stringify(all)) as JWTPayload
      return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid, typ }).sign(key)
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    restart: () => listen(port),
  }
}
