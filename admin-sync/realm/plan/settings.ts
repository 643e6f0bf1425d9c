/** Stages `realm` (it exists) and `settings` (its own keys, mail server and events included). */
import { createHmac } from 'node:crypto'
import type { Realm, RealmDraft } from '../../keycloak/representations.ts'
import { compare, merge, type Difference } from '../compare.ts'
import type { RealmConfig } from '../config.ts'
import { describeSettings, neededEventTypes, themeName } from '../settings.ts'
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
        enabledEventTypes: [...new Set([...(current?.enabledEventTypes ?? []), ...neededEventTypes])],
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

function compareEventTypes(current: Realm | undefined): Difference[] {
  const enabled = current?.enabledEventTypes ?? []
  const missing = enabled.length === 0 ? [] : neededEventTypes.filter((type) => !enabled.includes(type))
  return missing.length === 0
    ? []
    : [{ key: 'enabledEventTypes', from: enabled.join(', '), to: `also ${missing.join(', ')}` }]
}

function markPassword({ smtp, operatorSecret }: RealmConfig): string | undefined {
  return smtp.password === undefined
    ? undefined
    : createHmac('sha256', operatorSecret).update(smtp.password).digest('base64url')
}

function pick(object: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)))
}
