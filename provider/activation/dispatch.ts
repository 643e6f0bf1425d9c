/**
 * Decides where a person goes next, from what is known of the login and of this browser. Every screen asks here;
 * none of them knows which other one follows. Pure: no clock, no database, no request.
 *
 * | login is held by      | this browser's activation | next                                  |
 * |-----------------------|---------------------------|---------------------------------------|
 * | a closed account      | any                       | desk: only the desk opens it again    |
 * | this very activation  | confirmed                 | opening                               |
 * | anybody or nobody     | waiting                   | waiting, unless another person asks   |
 * | anybody               | any other                 | moved: "it is me" or "someone else"   |
 * | nobody                | mailed                    | sent, unless another person asks      |
 * | nobody                | none                      | redirection                           |
 */
import type { LoginFacts } from './store.ts'

export type Step =
  | { screen: 'redirection' }
  | { screen: 'sent'; id: string }
  | { screen: 'opening'; id: string }
  | { screen: 'waiting'; id: string }
  | { screen: 'moved' }
  | { screen: 'desk' }

/**
 * @param asksAnew the person said that the pending activation or request of this browser is a colleague's: several
 *   people may use one login and one computer, and each has one of their own
 */
export function nextStep({ holder, own }: LoginFacts, asksAnew = false): Step {
  if (holder?.state === 'closed') return { screen: 'desk' }
  if (holder && own?.isHolder && own.state === 'confirmed') return { screen: 'opening', id: own.id }
  if (own?.state === 'waiting' && !asksAnew) return { screen: 'waiting', id: own.id }
  if (holder) return { screen: 'moved' }
  if (own?.state === 'mailed' && !asksAnew) return { screen: 'sent', id: own.id }
  return { screen: 'redirection' }
}

/** The path of a step's screen. */
export function pathOf(step: Step): string {
  if (step.screen === 'sent') return `/activation/${step.id}`
  if (step.screen === 'opening' || step.screen === 'waiting') return `/activation/${step.id}/${step.screen}`
  return `/${step.screen}`
}
