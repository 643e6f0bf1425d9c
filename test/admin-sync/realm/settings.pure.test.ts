/** Planning the realm's settings without a server. */
import { expect, test } from 'vitest'
import type { RealmConfig } from '../../../admin-sync/realm/config.ts'
import { usualEventTypes } from '../../../admin-sync/realm/settings.ts'
import { settingsStage } from '../../../admin-sync/realm/plan/settings.ts'

const config: RealmConfig = {
  keycloakUrl: 'https://login.example',
  realm: 'ellipro',
  operatorSecret: 'operator-secret-of-a-test',
  readerSecret: 'reader-secret-of-a-test',
  workspaceSecret: 'workspace-secret-of-a-test',
  providerSecret: 'provider-secret-of-a-test',
  administrator: { username: 'admin', password: 'admin' },
  providerUrl: 'https://cofacering.example',
  applications: [],
  desk: {
    telephone: '',
    price: '',
    email: '',
    hours: { fr: '', en: '' },
    helpUrl: 'https://cofacering.example/help',
  },
  smtp: {
    host: 'mail.example',
    port: 587,
    from: 'no-reply@example.fr',
    fromName: 'Ellipro',
    user: 'mailer',
    password: 'password-of-the-mail-server',
    security: 'starttls',
  },
}
const themed = { version: '26.7.5', loginThemes: ['keycloak.v2', 'ellipro'], emailThemes: ['ellipro'] }
const stock = { version: '26.7.5', loginThemes: ['keycloak.v2'], emailThemes: ['keycloak'] }

const plannedKeys = (server: typeof themed, current = {}) =>
  settingsStage
    .plan({ realm: 'ellipro', ...current }, config, server)
    .flatMap(({ differences }) => differences.map(({ key }) => key))

test('our theme is set where the server has it', () => {
  expect(plannedKeys(themed)).toEqual(expect.arrayContaining(['loginTheme', 'emailTheme']))
  expect(settingsStage.warn?.(undefined, config, themed)).toEqual([])
})

test('a server without our theme keeps the one it has, and that is said', () => {
  const keys = plannedKeys(stock)
  expect(keys).not.toContain('loginTheme')
  expect(keys).not.toContain('emailTheme')
  expect(settingsStage.warn?.(undefined, config, stock).join()).toContain('ellipro')
})

test('event types that an administrator chose are kept and ours are added, but none that would keep a k', () => {
  const planned = settingsStage.plan(
    { realm: 'ellipro', enabledEventTypes: ['LOGIN', 'CODE_TO_TOKEN', 'CUSTOM_REQUIRED_ACTION'] },
    config,
    themed,
  )
  const difference = planned[0]?.differences.find(({ key }) => key === 'enabledEventTypes')
  expect(difference?.to).toContain('UPDATE_EMAIL')
  expect(difference?.to).toContain('without CUSTOM_REQUIRED_ACTION')
  expect(difference?.to).not.toContain('CODE_TO_TOKEN')
})

test('a realm where nobody chose event types, which means nearly all, gets a list without those that would keep a k', () => {
  expect(plannedKeys(themed, { enabledEventTypes: [] })).toContain('enabledEventTypes')
  expect(plannedKeys(themed, { enabledEventTypes: [...usualEventTypes] })).not.toContain('enabledEventTypes')
  expect(usualEventTypes).not.toContain('CUSTOM_REQUIRED_ACTION')
})

test('the password of the mail server is in no printed line', () => {
  expect(JSON.stringify(settingsStage.plan(undefined, config, themed))).not.toContain('password-of-the-mail')
})
