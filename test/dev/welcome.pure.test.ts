/** The screen that `npm start` ends with names everything that somebody needs to try the product. */
import { expect, test } from 'vitest'
import { sampleLogins } from '../../dev/cofacering/sample-logins.ts'
import { sampleAgents } from '../../dev/sample-agents.ts'
import { makeSecrets } from '../../dev/secrets.ts'
import { renderWelcome, type Welcome } from '../../dev/welcome.ts'

const secrets = makeSecrets()
const welcome: Welcome = {
  portalUrl: 'http://127.0.0.1:1/portal',
  secondApplicationUrl: 'http://127.0.0.1:1/second',
  providerUrl: 'http://127.0.0.1:1/provider',
  staffUrl: 'http://127.0.0.1:1/provider/staff',
  inboxUrl: 'http://127.0.0.1:1/inbox',
  keycloakUrl: 'http://127.0.0.1:1/keycloak',
  realm: 'ellipro',
  administrator: { username: 'admin', password: secrets.keycloakAdmin },
  passwords: secrets,
  ticketsTo: 'tickets@ellipro.example',
  database: 'postgres',
  folder: '/folder',
  seconds: '3 s',
}

test.each(['fr', 'en'] as const)('says in %s where everything is, and who signs in with what', (language) => {
  const screen = renderWelcome(welcome, language)
  for (const text of [
    welcome.portalUrl,
    welcome.staffUrl,
    welcome.inboxUrl,
    welcome.ticketsTo,
    ...sampleLogins.flatMap(({ login, password, note }) => [login, password, note[language]]),
    ...sampleAgents.flatMap(({ address, password, note }) => [address, secrets[password], note[language]]),
  ])
    expect(screen).toContain(text)
  expect(screen).not.toContain('undefined')
})

test('two agents can decide together, one leads, one colleague does neither, and no two passwords are the same', () => {
  expect(sampleAgents.map(({ role }) => role)).toEqual([
    'relation-client',
    'relation-client',
    'migration-lead',
    undefined,
  ])
  expect(new Set(sampleAgents.map(({ password }) => secrets[password])).size).toBe(4)
  // What the realm asks of a password.
  for (const { password } of sampleAgents) expect(secrets[password].length).toBeGreaterThanOrEqual(12)
})
