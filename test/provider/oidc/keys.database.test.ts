/** Invariant 8, the keys: thumbprints as kid, sealed at rest, published before use, replaced without a restart. */
import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, type JSONWebKeySet } from 'jose'
import { describe, expect, it } from 'vitest'
import { createPool } from '../../../core/database/pool.ts'
import { createLog } from '../../../core/log.ts'
import { maintainKeys, publishedBeforeUseSeconds, publishSuccessor } from '../../../provider/oidc/keys.ts'
import { createSeal } from '../../../provider/seal.ts'
import { createDatabase } from '../../support/postgres.ts'
import { Browser } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'
import { createOpener } from '../support/opened.ts'
import { afterAll } from 'vitest'

const database = await createDatabase()
const keycloak = await startKeycloakClient()
const { origin, dependencies, clock } = await startInstance(database.provider, { KEYCLOAK_URL: keycloak.url })
const opener = createOpener(database.sync)
const seal = createSeal(dependencies.config.PROVIDER_SEALING_KEY, 'op signing keys')

const published = async () => (await (await fetch(`${origin}/oidc/jwks`)).json()) as JSONWebKeySet
const kids = async () => (await published()).keys.map(({ kid }) => kid)

async function begin() {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  const request = keycloak.request(origin, { login_hint: await opener.prove(browser, origin, opened) })
  return { browser, request, interaction: await browser.open(request.url) }
}
async function finish({ browser, request, interaction }: Awaited<ReturnType<typeof begin>>) {
  const page = await browser.follow(interaction, keycloak.redirectUri)
  const code = new URL(page.location!).searchParams.get('code')!
  const { body } = await keycloak.redeem(origin, { code, verifier: request.verifier })
  return decodeProtectedHeader(String(body['id_token'])).kid
}

describe('the signing keys of the OP', () => {
  it('have their thumbprint as kid and show no private part', async () => {
    const { keys } = await published()
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(key.kid).toBe(await calculateJwkThumbprint(key))
      expect(key).not.toHaveProperty('d')
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    }
  })

  it('are sealed in the database, and do not open with another key or under another kid', async () => {
    const { rows } = await dependencies.pool.query<{ kid: string; sealed_private_jwk: Buffer; row: string }>(
      'SELECT kid, sealed_private_jwk, k::text AS row FROM provider.oidc_key k',
    )
    const { kid, sealed_private_jwk: sealed } = rows[0]!
    const { d } = JSON.parse(seal.open(sealed, kid)!.toString()) as { d: string }
    expect(d).toMatch(/^[\w-]{43}$/)
    expect(rows[0]!.row).not.toContain(d)
    expect(sealed.toString('latin1')).not.toContain(d)
    expect(createSeal(randomBytes(32), 'op signing keys').open(sealed, kid)).toBeUndefined()
    expect(seal.open(sealed, 'another kid')).toBeUndefined()
  })

  it('refuse to start under another sealing key, and say which variable is wrong', async () => {
    const wrong = createSeal(randomBytes(32), 'op signing keys')
    await expect(maintainKeys(dependencies.pool, wrong, Date.now())).rejects.toThrow(/PROVIDER_SEALING_KEY/)
  })

  it('are made once when replicas start together on an empty table', async () => {
    const empty = await createDatabase()
    const pool = createPool(empty.provider, 'test', createLog('test', 'silent'))
    afterAll(() => pool.end())
    const started = await Promise.all(Array.from({ length: 5 }, () => maintainKeys(pool, seal, Date.now())))
    expect(new Set(started.map(([first, ...rest]) => [first.kid, rest.length].join())).size).toBe(1)
  })

  it('are replaced without a restart: published first, signing later, and what was begun before finishes', async () => {
    const [old] = await kids()
    const begunBefore = await begin()
    await publishSuccessor(dependencies.pool, seal, Date.now() + clock.offsetMs)
    await dependencies.op.refreshKeys()

    const [stillOld, next] = await kids()
    expect(stillOld).toBe(old)
    expect(next).toBeDefined()
    expect(await finish(await begin())).toBe(old)

    const begunWhilePublished = await begin()
    clock.offsetMs += (publishedBeforeUseSeconds + 1) * 1000
    await dependencies.op.refreshKeys()
    expect(await kids()).toEqual([next, old])
    // sign-ins begun under either instance finish, signed with the new key
    expect(await finish(begunBefore)).toBe(next)
    expect(await finish(begunWhilePublished)).toBe(next)
    expect(await finish(await begin())).toBe(next)

    clock.offsetMs += 2 * 86_400_000
    await dependencies.op.refreshKeys()
    expect(await kids()).toEqual([next])
  })

  it('get a successor by themselves after three months', async () => {
    const [current] = await kids()
    clock.offsetMs += 91 * 86_400_000
    await dependencies.op.refreshKeys()
    expect(await kids()).toHaveLength(2)
    expect((await kids())[0]).toBe(current)
  })
})
