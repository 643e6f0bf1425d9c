/**
 * The OP: oidc-provider for exactly one RP, Keycloak. It owns the endpoints below /oidc, the interaction's cookies and
 * the exchange of signing keys without a restart. It does not decide who somebody is: an authorization request whose
 * browser brings the proof of an activation (proof.ts) is answered at once, every other one gets the login page.
 *
 *   GET  /oidc/.well-known/openid-configuration    metadata, for Keycloak and for people
 *   GET  /oidc/jwks                                 public keys, for Keycloak
 *   GET  /oidc/auth                                 authorization request, brought by a browser from Keycloak
 *   GET  /oidc/auth/{uid}                           back from the login page, for whoever chose to go back
 *   POST /oidc/token                                code for ID token, by Keycloak with a client assertion
 *
 * The OP keeps no session: every authorization request without a proof, whatever its `prompt`, ends at the login page,
 * and every one with `prompt=none` with `login_required`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import { errors, Provider, type KoaContextWithOIDC } from 'oidc-provider'
import type pg from 'pg'
import { ScreenError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { ActivationStore } from '../activation/store.ts'
import type { ProviderConfig } from '../config.ts'
import { classifyError } from '../error-handler.ts'
import { createSeal } from '../seal.ts'
import { contextOf } from '../web/context.ts'
import { sendContinue } from '../web/continue.ts'
import type { Cookies } from '../web/cookies.ts'
import { renderErrorPage } from '../web/error-page.ts'
import { createAdapterFactory } from './adapter.ts'
import { createClientKeysFetch } from './client-keys.ts'
import { clientJwksUri, defineOp, describeGrant } from './definition.ts'
import { maintainKeys, type SigningKeys } from './keys.ts'
import { takeProof } from './proof.ts'

export type InteractionDetails = { uid: string; loginHint?: string; uiLocales?: string }

export type Op = {
  /** Mounted at /oidc, before any body parser; paths that are not endpoints go on to the next handler. */
  handler: RequestHandler
  /** What an interaction page needs; `undefined` when the interaction expired or belongs to another browser. */
  details(req: IncomingMessage, res: ServerResponse): Promise<InteractionDetails | undefined>
  /**
   * Back to Keycloak's login page (`access_denied`), by a page that continues: it is the answer of a form.
   * @throws ScreenError `error.interaction`, when the interaction is gone
   */
  abort(req: IncomingMessage, res: Response): Promise<void>
  /** Looks whether signing keys are due or were changed by another replica; main.ts calls it every 30 seconds. */
  refreshKeys(): Promise<void>
}

export type OpParts = {
  config: ProviderConfig
  log: Log
  pool: pg.Pool
  store: Pick<ActivationStore, 'subjectCorrelation' | 'takeProof'>
  cookies: Cookies
  now: () => number
}

/**
 * @throws ConfigError when the sealing key does not open the keys in the database
 * @throws the errors of `pg`
 */
export async function createOp({ config, cookies, log, pool, store, now }: OpParts): Promise<Op> {
  const seal = createSeal(config.PROVIDER_SEALING_KEY, 'op signing keys')
  const adapter = createAdapterFactory(pool, describeGrant)
  const fetchClientKeys = createClientKeysFetch(clientJwksUri(config), log, now)
  /** Keycloak has no cookie of the browser; the code that it brings is a person's. */
  async function correlate(ctx: KoaContextWithOIDC, sub: string): Promise<void> {
    contextOf(ctx.res as Response).correlation.takeOver(await store.subjectCorrelation(sub))
  }
  const build = (keys: SigningKeys) => {
    const definition = defineOp(config, {
      keys,
      adapter,
      fetch: fetchClientKeys,
      renderError,
      takeProof: (ctx) =>
        takeProof(
          { cookies, log, store },
          ctx.req as Request,
          ctx.res as Response,
          ctx.oidc.params?.['login_hint'],
        ),
      onRedemption: correlate,
    })
    const provider = createProvider(config, log, definition)
    return { provider, callback: provider.callback(), kids: kidsOf(keys) }
  }

  let current = build(await maintainKeys(pool, seal, now()))

  return {
    handler(req, res, next) {
      if (!isEndpoint(req.method, req.path)) return next()
      // Known to the library whatever is configured; the answer would be a form with an inline script.
      if (![undefined, 'query'].includes(req.query['response_mode'] as string | undefined))
        throw new ScreenError('error.authorization_request', 400)
      assertPublicUrl(req, config)
      void current.callback(req, res)
    },
    async details(req, res) {
      const interaction = await findInteraction(current.provider, req, res)
      if (!interaction) return undefined
      const { login_hint, ui_locales } = interaction.params
      return {
        uid: interaction.uid,
        ...(typeof login_hint === 'string' && { loginHint: login_hint }),
        ...(typeof ui_locales === 'string' && { uiLocales: ui_locales }),
      }
    },
    async abort(req, res) {
      const url = await endInteraction(current.provider, req, res, {
        error: 'access_denied',
        error_description: 'End-User chose to go back',
      })
      await sendContinue(res, url)
    },
    async refreshKeys() {
      const keys = await maintainKeys(pool, seal, now())
      if (kidsOf(keys) === current.kids) return
      // What was begun before goes on: artefacts are in the database, and old keys stay published.
      current = build(keys)
      log.info({ event: 'op.keys_changed', kid: keys[0].kid, published: keys.length })
    },
  }
}

const kidsOf = (keys: SigningKeys) => keys.map(({ kid }) => kid).join(' ')
const idsOf = (ctx: KoaContextWithOIDC) => contextOf(ctx.res as Response).ids

const endpoints: [method: string, path: RegExp][] = [
  ['GET', /^\/\.well-known\/openid-configuration$/],
  ['GET', /^\/jwks$/],
  ['GET', /^\/auth(\/[\w-]+)?$/],
  ['POST', /^\/token$/],
]

/** The library also answers paths that we do not want (its sign-out form, CORS); this list is what there is. */
function isEndpoint(method: string, path: string): boolean {
  return endpoints.some(([m, pattern]) => m === method && pattern.test(path))
}

/** The library makes URLs from the request; ours are fixed by configuration, whatever headers say. */
function assertPublicUrl(req: IncomingMessage, config: ProviderConfig): void {
  const { protocol, host } = new URL(config.PROVIDER_URL)
  req.headers['x-forwarded-proto'] = protocol.slice(0, -1)
  req.headers['x-forwarded-host'] = host
  // Without it the library would let scripts of any site read its answers.
  delete req.headers.origin
}

function createProvider(
  config: ProviderConfig,
  log: Log,
  definition: ConstructorParameters<typeof Provider>[1],
): Provider {
  const provider = new Provider(`${config.PROVIDER_URL}/oidc`, definition)
  // Believes the two headers that assertPublicUrl has just written.
  provider.proxy = true
  provider.use(forgetSession(provider))
  provider.on('authorization.error', (ctx, { error }) =>
    log.info({ event: 'op.authorization_refused', ...idsOf(ctx), error }),
  )
  provider.on('grant.error', (ctx, { error }) =>
    log.warn({ event: 'op.grant_refused', ...idsOf(ctx), error }),
  )
  provider.on('grant.success', (ctx) => log.info({ event: 'op.granted', ...idsOf(ctx) }))
  provider.on('server_error', (ctx, err) => log.error({ event: 'op.failed', ...idsOf(ctx), err }))
  return provider
}

/** Nothing is stored under the session's cookie (adapter.ts), so browsers are not given one. */
function forgetSession(provider: Provider): Parameters<Provider['use']>[0] {
  const name = provider.cookieName('session')
  return async (ctx, next) => {
    await next()
    const cookies = ctx.res.getHeader('Set-Cookie')
    if (!Array.isArray(cookies) || ctx.res.headersSent) return
    const kept = cookies.filter(
      (cookie) => !cookie.startsWith(`${name}=`) && !cookie.startsWith(`${name}.sig=`),
    )
    if (kept.length > 0) ctx.res.setHeader('Set-Cookie', kept)
    else ctx.res.removeHeader('Set-Cookie')
  }
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** What a request has asked for already, so that its end does not ask again. */
const found = new WeakMap<IncomingMessage, Interaction>()

async function findInteraction(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Interaction | undefined> {
  try {
    const interaction = await provider.interactionDetails(req, res)
    found.set(req, interaction)
    return interaction
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined
    throw error
  }
}

/** Stores the result and gives the URL that goes on, on our origin. One that ended meanwhile is refused (adapter.ts). */
async function endInteraction(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
  result: NonNullable<Interaction['result']>,
): Promise<string> {
  const interaction = found.get(req) ?? (await findInteraction(provider, req, res))
  if (!interaction) throw new ScreenError('error.interaction', 400)
  interaction.result = result
  try {
    await interaction.save(interaction.exp - Math.floor(Date.now() / 1000))
  } catch (error) {
    if (error instanceof errors.SessionNotFound) throw new ScreenError('error.interaction', 400)
    throw error
  }
  return interaction.returnTo
}

/** An authorization request that cannot be answered at its redirect URI gets our page; an outage says so. */
async function renderError(ctx: KoaContextWithOIDC, _out: unknown, error: Error): Promise<void> {
  // Koa leaves the answer to Express from here on.
  ctx.respond = false
  const messageKey =
    error instanceof errors.SessionNotFound ? 'error.interaction' : 'error.authorization_request'
  const page =
    ctx.status < 500
      ? { status: ctx.status, messageKey }
      : (classifyError(error) ?? { status: 500, messageKey: 'error.unexpected' })
  await renderErrorPage(ctx.res as Response, page)
}
