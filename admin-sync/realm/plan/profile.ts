/** Stages for what is compared by name in a list: user profile, required actions, texts. */
import { languages, type Language } from '../../../core/text.ts'
import type { RequiredAction, UserProfile } from '../../keycloak/representations.ts'
import { compare, merge } from '../compare.ts'
import { requiredActions } from '../required-actions.ts'
import type { Stage } from '../stage.ts'
import { describeTexts } from '../texts.ts'
import { attributeGroup, ownAttributes, stockAttributes } from '../user-profile.ts'

export const profileStage: Stage<UserProfile> = {
  name: 'user profile',
  none: {},
  read: (admin) => admin.readUserProfile(),
  plan(current) {
    const attributes = mergeByName(current.attributes, [...stockAttributes, ...ownAttributes], 'attribute')
    const groups = mergeByName(current.groups, [attributeGroup], 'group')
    // ENABLED lets people write attributes of any name into their account, and applications read them.
    const open = String(current.unmanagedAttributePolicy) === 'ENABLED'
    const differences = [
      ...attributes.differences,
      ...groups.differences,
      ...(open ? [{ key: 'unmanagedAttributePolicy', from: 'ENABLED', to: 'not set' }] : []),
    ]
    if (differences.length === 0) return []
    const profile = { ...current, attributes: attributes.merged, groups: groups.merged } as UserProfile
    if (open) delete profile.unmanagedAttributePolicy
    return [
      {
        object: 'user profile',
        action: 'change',
        differences,
        write: (admin) => admin.updateUserProfile(profile),
      },
    ]
  },
}

const name = (entry: object) => (entry as { name: string }).name

/** Keeps the order and the entries of others; new ones go to the end. */
function mergeByName(current: readonly object[] = [], wanted: readonly object[], kind: string) {
  const differences = wanted.flatMap((entry) => {
    const found = current.find((other) => name(other) === name(entry))
    const label = `${kind} ${name(entry)}`
    return found ? compare(found, entry, label) : [{ key: label, from: 'not set', to: 'new' }]
  })
  const merged = [
    ...current.map((entry) => {
      const ours = wanted.find((other) => name(other) === name(entry))
      return ours ? merge(entry, ours) : entry
    }),
    ...wanted
      .filter((entry) => !current.some((other) => name(other) === name(entry)))
      .map((entry) => merge(undefined, entry)),
  ]
  return { differences, merged }
}

export const requiredActionsStage: Stage<RequiredAction[]> = {
  name: 'required actions',
  none: [],
  read: (admin) => admin.listRequiredActions(),
  plan: (current) =>
    Object.entries(requiredActions).flatMap(([alias, wanted]) => {
      const action = current.find((other) => other.alias === alias)
      const differences = compare(action ?? {}, wanted)
      if (differences.length === 0) return []
      return [
        {
          object: `required action ${alias}`,
          action: 'change' as const,
          differences,
          write: (admin) => admin.updateRequiredAction(merge(action ?? { alias }, wanted) as RequiredAction),
        },
      ]
    }),
}

export const textsStage: Stage<Partial<Record<Language, Record<string, string>>>> = {
  name: 'texts',
  none: {},
  async read(admin) {
    const texts: Partial<Record<Language, Record<string, string>>> = {}
    for (const language of languages) texts[language] = await admin.readTexts(language)
    return texts
  },
  plan: (current, config) =>
    languages.flatMap((language) => {
      const wanted = describeTexts(config, language)
      // Compared key by key here: the keys hold dots.
      const changed = Object.entries(wanted).filter(([key, text]) => current[language]?.[key] !== text)
      if (changed.length === 0) return []
      return [
        {
          object: `texts in ${language}`,
          action: 'change' as const,
          differences: changed.map(([key, to]) => ({ key, from: current[language]?.[key] ?? 'not set', to })),
          write: (admin) => admin.mergeTexts(language, Object.fromEntries(changed)),
        },
      ]
    }),
}
