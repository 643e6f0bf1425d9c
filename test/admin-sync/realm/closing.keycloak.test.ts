/** COFACERING_CLOSES_AT on a real Keycloak: what the login page says before and after, and what still leads to our OP. */
import { expect, test } from 'vitest'
import { applyRealm } from '../../../admin-sync/realm/apply.ts'
import { diffRealm } from '../../../admin-sync/realm/diff.ts'
import { prepareRealm } from './realm-config.ts'
import { Web } from './web.ts'

const { config, admin, issuer } = await prepareRealm()
await applyRealm(config)
const at = new Date('2026-12-31T17:00:00Z')
const before = { ...config, closing: { at, over: false } }
const after = { ...config, closing: { at, over: true } }

const loginUrl = (more = '') =>
  `${issuer}/protocol/openid-connect/auth?${new URLSearchParams({
    client_id: 'portal',
    redirect_uri: `${config.providerUrl}/callback`,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString()}${more}`
/** The login page in French. */
const readLogin = async () => (await new Web().open(loginUrl('&ui_locales=fr'))).body.replaceAll(/\s+/g, ' ')
const objects = async (wanted: typeof after) => (await diffRealm(wanted)).changes.map(({ object }) => object)

test('without a date the login page says nothing of it', async () => {
  const page = await readLogin()
  expect(page).toContain('id="social-cofacering"')
  expect(page).not.toContain('ell-closing')
})

test('before it, the login page announces it beside the button', async () => {
  expect(await objects(before)).toEqual(['texts in fr', 'texts in en'])
  await applyRealm(before)
  const page = await readLogin()
  expect(page).toContain('id="social-cofacering"')
  expect(page).toContain('Cofacering ferme le jeudi 31 décembre 2026 à 18 h (heure de Paris)')
})

test('after it, diff shows and apply hides the button, once; what names it still leads to our OP', async () => {
  expect(await objects(after)).toContain('identity provider cofacering')
  await applyRealm(after)
  expect(await objects(after)).toEqual([])
  const page = await readLogin()
  expect(page).not.toContain('social-cofacering')
  expect(page).toContain('Cofacering est fermé depuis le jeudi 31 décembre 2026 à 18 h (heure de Paris)')
  expect(page).not.toContain('Continuer avec Cofacering')
  // An application's own button, and the sign-in at the end of an activation under way.
  const web = new Web()
  const brokered = await web.open(loginUrl('&kc_idp_hint=cofacering'))
  const { location } = await web.follow(brokered, config.providerUrl)
  expect(location).toMatch(new RegExp(`^${config.providerUrl}/oidc/auth\\?`))
  expect((await admin.realm.findIdentityProvider('cofacering'))?.enabled).toBe(true)
})
