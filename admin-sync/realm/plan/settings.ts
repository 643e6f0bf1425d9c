/** Stages `realm` (it exists) and `settings` (its own keys, mail server and events included). */
import { createHmac } from 'node:crypto'
import type { Realm, RealmDraft } from '../../keycloak/representations.ts'
import { compare, merge, type Difference } from '../compare.ts'
import type { RealmConfig } from '../config.ts'
import {
  describeSettings,
  neededEventTypes,
  refusedEventTypes,
  themeName,
  usualEventTypes,
} from '../settings.ts'
import type { Stage } from '../stage.ts'

/**
 * Keycloak never shows the mail password again, so a change of it could not be seen. This realm attribute holds an
 * HMAC of it, keyed with the operator's secret, which nobody can guess at.
 */
const smtpMark = 'ellipro.smtp.mark'

/** The realm is made closed and empty; every other stage then fills it, flows before the settings that use them. */
export const realmStage: Stage<Realm | undefined> = {
  name: 'realm',
  none: undefined,
  read: (admin) => admin.findRealm(),
  plan: (current, config) =>
    current
      ? []
      : [
          {
            object: `realm ${config.realm}`,
            action: 'create',
            differences: [],
            write: (admin) =>
              admin.createRealm({ realm: config.realm, enabled: true, registrationAllowed: false }),
          },
        ],
}

export const settingsStage: Stage<Realm | undefined> = {
  name: 'settings',
  none: undefined,
  read: (admin) => admin.findRealm(),
  plan(current, config, server) {
    const wanted = describeSettings(config, server)
    const mark = markPassword(config)
    const differences = [
      ...compare(current ?? {}, wanted),
      ...compareEventTypes(current),
      ...(current?.attributes?.[smtpMark] === mark
        ? []
        : [{ key: 'smtpServer.password', from: '***', to: mark === undefined ? 'not set' : '***' }]),
    ]
    if (differences.length === 0) return []
    const owned = merge(pick(current ?? {}, Object.keys(wanted)), wanted) as RealmDraft
    const update: RealmDraft = {
      ...owned,
      ...(compareEventTypes(current).length > 0 && {
        enabledEventTypes: chooseEventTypes(current),
      }),
      // Both maps are replaced whole by Keycloak: what others put there goes back with ours.
      attributes: { ...(owned.attributes as Record<string, string>), ...(mark && { [smtpMark]: mark }) },
      smtpServer: {
        ...(owned.smtpServer as Record<string, string>),
        ...(config.smtp.password !== undefined && { password: config.smtp.password }),
      },
    }
    if (mark === undefined) {
      delete update.attributes?.[smtpMark]
      delete (update.smtpServer as Record<string, string>)['password']
    }
    return [
      {
        object: `settings of realm ${config.realm}`,
        action: 'change',
        differences,
        write: (admin) => admin.updateRealm(update),
      },
    ]
  },
  warn(_current, _config, server) {
    const missing = [
      ...(server.loginThemes.includes(themeName) ? [] : ['login']),
      ...(server.emailThemes.includes(themeName) ? [] : ['email']),
    ]
    return missing.length === 0
      ? []
      : [
          `theme ${themeName} (${missing.join(', ')}) is not installed on this server: the realm keeps the theme it has`,
        ]
  },
}

/** Types that an administrator chose stay, except those that would keep a secret of ours. An empty list means nearly all. */
function chooseEventTypes(current: Realm | undefined): string[] {
  const enabled = current?.enabledEventTypes ?? []
  const kept = enabled.length === 0 ? usualEventTypes : enabled
  return [...new Set([...kept, ...neededEventTypes])].filter((type) => !refusedEventTypes.includes(type))
}

function compareEventTypes(current: Realm | undefined): Difference[] {
  const enabled = current?.enabledEventTypes ?? []
  const wanted = chooseEventTypes(current)
  const added = wanted.filter((type) => !enabled.includes(type))
  const removed = enabled.filter((type) => !wanted.includes(type))
  if (added.length + removed.length === 0) return []
  const to = [
    added.length > 0 && `also ${added.join(', ')}`,
    removed.length > 0 && `without ${removed.join(', ')}`,
  ]
  return [
    { key: 'enabledEventTypes', from: enabled.join(', ') || 'nearly all', to: to.filter(Boolean).join('; ') },
  ]
}

function markPassword({ smtp, operatorSecret }: RealmConfig): string | undefined {
  return smtp.password === undefined
    ? undefined
    : createHmac('sha256', operatorSecret).update(smtp.password).digest('base64url')
}

function pick(object: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)))
}
