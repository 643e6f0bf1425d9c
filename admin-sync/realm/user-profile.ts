/**
 * The user profile: stock attributes without mandatory names, and ours, which only administrators see and edit (the
 * person neither sees nor sends them: `activation` decides who may sign in). They appear in the console under their
 * own heading, as fields and drop-downs, with labels from the realm's texts.
 *
 * Attributes declared in the console are left alone. Values of undeclared attributes are dropped by Keycloak.
 */
import { off } from './compare.ts'

const administratorsOnly = { view: ['admin'], edit: ['admin'] }
const everybody = { view: ['admin', 'user'], edit: ['admin', 'user'] }

export const attributeGroup = {
  name: 'ellipro',
  displayHeader: '${ellipro.profile}',
  displayDescription: '${ellipro.profile.description}',
}

/** Keys of stock attributes that are ours. */
export const stockAttributes: readonly Record<string, unknown>[] = [
  // Its owner changes it through UPDATE_EMAIL only, which needs the right to edit here.
  { name: 'email', permissions: everybody, required: { roles: ['user'] } },
  // Cofacering does not know who is behind a login: nobody is stopped at a form that asks for a name.
  { name: 'firstName', required: off },
  { name: 'lastName', required: off },
]

const label = (name: string) => `\${ellipro.profile.${name}}`
const optionLabels = (name: string, options: readonly string[]) =>
  Object.fromEntries(options.map((option) => [option, label(`${name}.${option}`)]))

function line(name: string, max: number) {
  return {
    name,
    displayName: label(name),
    group: attributeGroup.name,
    permissions: administratorsOnly,
    multivalued: false,
    validations: { length: { max } },
  }
}
function choice(name: string, options: readonly string[], multivalued = false) {
  return {
    name,
    displayName: label(name),
    group: attributeGroup.name,
    permissions: administratorsOnly,
    multivalued,
    validations: { options: { options: [...options] } },
    annotations: {
      inputType: multivalued ? 'multiselect' : 'select',
      inputOptionLabels: optionLabels(name, options),
    },
  }
}
const yesNo = ['true', 'false']

export const ownAttributes: readonly Record<string, unknown>[] = [
  /** `pending` from creation to the opening of the account, then absent: the flows refuse while it is there. */
  choice('activation', ['pending']),
  /** Key of our record of a user that we made: how a user made by a process that died is recognised. */
  line('activation_record', 64),
  /** For the confirmation mail: which of its two texts, masked login, company, and the address of "it was not me". */
  choice('activation_kind', ['legacy', 'granted']),
  line('activation_login', 64),
  line('activation_company', 255),
  line('activation_withdraw', 1024),

  line('cofacering_login', 255),
  { ...line('contract', 64), multivalued: true },
  line('company', 255),
  choice('shared_login', yesNo),
  line('ticket', 64),
  choice('ticket_status', ['open', 'waiting', 'solved', 'closed']),

  /** Written by admin-sync alone: as many of `contract` as a token holds, and how many there are. */
  { ...line('contracts_claim', 64), multivalued: true },
  { ...line('contracts_total', 5), validations: { integer: { min: 0, max: 99_999 } } },
  choice('reports', ['essentiel', 'efficient', 'expert'], true),
  choice('score', yesNo),
  choice('analyses', ['classic', 'optimum'], true),
  { ...line('countries', 3), validations: { integer: { min: 0, max: 300 } } },
]
