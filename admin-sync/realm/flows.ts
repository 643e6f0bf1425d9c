/**
 * Sign-in flows that refuse.
 *
 * A user whose activation is pending (attribute `activation` = `pending`) has a mailbox that is perhaps proved and
 * nothing else: forgot-password would make that a live account. Each way to a session ends at the same message.
 *
 * - copies of the stock browser, reset-credentials and direct-grant flows, since built-in flows cannot be changed (and
 *   what an upgrade changes in those does not reach the copies: compare them at each upgrade)
 * - browser: also when a session exists already, which the plain copy would let pass
 * - reset: after the mail (before it, anyone who types an address would learn that it is pending)
 * - after a brokered sign-in; it ends with an explicit "allow", without which nobody passes
 * - first brokered sign-in of an unlinked login: always refused, so that nothing is created or matched by address
 */
import { off } from './compare.ts'

export const browserFlow = 'ellipro browser'
export const resetFlow = 'ellipro reset'
export const directGrantFlow = 'ellipro direct'
export const firstBrokerFlow = 'cofacering refuse unlinked'
export const postBrokerFlow = 'cofacering after sign-in'

export type Requirement = 'REQUIRED' | 'ALTERNATIVE' | 'CONDITIONAL' | 'DISABLED'
export type Step = {
  authenticator: string
  requirement: Requirement
  priority: number
  config?: { alias: string; values: Record<string, unknown> }
}
/** Wholly ours: other steps in it are removed. */
export type Subflow = {
  subflow: string
  description: string
  requirement: Requirement
  priority: number
  steps: readonly (Step | Subflow)[]
}
export type OwnedFlow = {
  alias: string
  description: string
  /** Stock flow that it starts as; the copy's own steps are the administrator's, except `set`. */
  copyOf?: string
  /** Steps of the copy whose requirement is ours. */
  set?: readonly { authenticator: string; requirement: Requirement }[]
  /** Subflows put into the flow itself or into a subflow of the copy. */
  insert?: readonly { into: string; subflow: Subflow }[]
  /** All steps, for a flow that is no copy. */
  steps?: readonly (Step | Subflow)[]
}

/** "If the activation is pending, refuse with our message." The condition needs to know the user: place it after that. */
function refusePending(name: string, priority: number): Subflow {
  return {
    subflow: name,
    description: 'Refuse un compte dont l’activation est en attente.',
    requirement: 'CONDITIONAL',
    priority,
    steps: [
      {
        authenticator: 'conditional-user-attribute',
        requirement: 'REQUIRED',
        priority: 10,
        config: {
          alias: `${name} if`,
          values: {
            attribute_name: 'activation',
            attribute_expected_value: 'pending',
            not: off,
            regex: off,
            include_group_attributes: off,
          },
        },
      },
      {
        authenticator: 'deny-access-authenticator',
        requirement: 'REQUIRED',
        priority: 20,
        config: { alias: `${name} text`, values: { denyErrorMessage: 'accountPending' } },
      },
    ],
  }
}

export const flows: readonly OwnedFlow[] = [
  {
    alias: browserFlow,
    description: 'Connexion Ellipro',
    copyOf: 'browser',
    // Its place is taken by the subflow below.
    set: [{ authenticator: 'auth-cookie', requirement: 'DISABLED' }],
    insert: [
      {
        into: browserFlow,
        subflow: {
          subflow: 'ellipro sso',
          description: 'Session existante, refusée si l’activation du compte est en attente.',
          requirement: 'ALTERNATIVE',
          priority: 5,
          steps: [
            { authenticator: 'auth-cookie', requirement: 'REQUIRED', priority: 10 },
            refusePending('refuse pending sso', 20),
          ],
        },
      },
      // After the password (10): a wrong one tells nothing. Before the second factor (20).
      { into: `${browserFlow} forms`, subflow: refusePending('refuse pending browser', 15) },
    ],
  },
  {
    alias: resetFlow,
    description: 'Mot de passe oublié',
    copyOf: 'reset credentials',
    // After the mail (20), before the new password (30).
    insert: [{ into: resetFlow, subflow: refusePending('refuse pending reset', 25) }],
  },
  {
    alias: directGrantFlow,
    description: 'Mot de passe envoyé par une application (aucune n’y est autorisée)',
    copyOf: 'direct grant',
    // After the password (20), before the second factor (30).
    insert: [{ into: directGrantFlow, subflow: refusePending('refuse pending direct', 25) }],
  },
  {
    alias: firstBrokerFlow,
    description: 'Refuse un identifiant Cofacering qui n’est lié à aucun compte.',
    steps: [
      {
        authenticator: 'deny-access-authenticator',
        requirement: 'REQUIRED',
        priority: 10,
        config: { alias: `${firstBrokerFlow} text`, values: { denyErrorMessage: 'cofaceringNotLinked' } },
      },
    ],
  },
  {
    alias: postBrokerFlow,
    description: 'Après une connexion par Cofacering : refuse un compte dont l’activation est en attente.',
    steps: [
      refusePending('refuse pending broker', 10),
      { authenticator: 'allow-access-authenticator', requirement: 'REQUIRED', priority: 20 },
    ],
  },
]
