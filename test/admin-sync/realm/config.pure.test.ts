import { expect, test } from 'vitest'
import { ConfigError } from '../../../core/errors.ts'
import { parseApplications } from '../../../admin-sync/realm/config.ts'
import { describeTexts } from '../../../admin-sync/realm/texts.ts'

const portal = {
  clientId: 'portal',
  name: 'Portail Ellipro',
  url: 'https://portal.example/',
  redirectUri: 'https://portal.example/callback',
  postLogoutRedirectUri: 'https://portal.example/',
  backchannelLogoutUri: 'https://portal.example/backchannel-logout',
  secret: 'a secret of sixteen or more',
}

test('an application as an administrator writes it is read', () => {
  expect(parseApplications([portal])).toEqual([{ ...portal, scopes: [] }])
  const entitled = { ...portal, scopes: ['ellipro'] }
  expect(parseApplications([entitled])).toEqual([entitled])
})

test.each([
  ['a wildcard', { redirectUri: 'https://portal.example/*' }],
  ['plain http on a public host', { redirectUri: 'http://portal.example/callback' }],
  ['a host that only begins like loopback', { redirectUri: 'http://127.0.0.1.portal.example/callback' }],
  ['a fragment', { redirectUri: 'https://portal.example/callback#x' }],
  ['a relative address', { postLogoutRedirectUri: '/' }],
  ['a scheme of another kind', { url: 'javascript:alert(1)' }],
  ['a short secret', { secret: 'short' }],
  ['an unknown key', { publicClient: true }],
  ['the name of a client of ours', { clientId: 'activation' }],
  ['the name of a service account of ours', { clientId: 'admin-sync-workspace' }],
  ['a scope that is not ours to give', { scopes: ['roles'] }],
  ['a scope that is not in a list', { scopes: 'ellipro' }],
  ['a scope twice', { scopes: ['ellipro', 'ellipro'] }],
])('an application with %s is refused', (_title, change) => {
  expect(() => parseApplications([{ ...portal, ...change }])).toThrow(ConfigError)
})

test('two applications of one name are refused, and a secret is never in the message', () => {
  expect(() => parseApplications([portal, portal])).toThrow(/twice/)
  expect(() => parseApplications([{ ...portal, secret: 'geheim' }])).not.toThrow(/geheim/)
})

test('both languages have the same texts, none of which Keycloak would garble', () => {
  const providerUrl = 'https://provider.example'
  const desk = {
    telephone: "0'1 {2}",
    price: 'p',
    email: 'desk@ellipro.example',
    hours: { fr: "l'heure", en: 'hour' },
    helpUrl: 'https://cofacering.example/help',
  }
  const [french, english] = [
    describeTexts({ desk, providerUrl }, 'fr'),
    describeTexts({ desk, providerUrl }, 'en'),
  ]
  expect(Object.keys(french)).toEqual(Object.keys(english))
  // MessageFormat: a straight apostrophe only around a brace that is meant as one.
  for (const text of [...Object.values(french), ...Object.values(english)])
    expect(text.replaceAll(/'[{}]'/g, '')).not.toMatch(/['{}]/)
})
