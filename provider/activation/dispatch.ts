/**
 * Decides where a person goes next, from what is known of the login and of this browser. Every screen asks here;
 * none of them knows which other one follows. Pure: no clock, no database, no request.
 *
 * | login is held by      | this browser's activation | next                                  |
 * |-----------------------|---------------------------|---------------------------------------|
 * | a closed account      | any                       | desk: only the desk opens it again    |
 * | this very activation  | confirmed                 | opening                               |
 * | anybody               | any other                 | moved: "it is me" or "someone else"   |
 * | nobody                | mailed                    | sent, unless another person asks      |
 * | nobody                | waiting                   | moved                                 |
 * | nobody                | none                      | redirection                           |
 */
import type { LoginFacts } from './store.ts'

export type Step =
  | { screen: 'redirection' }
  | { screen: 'sent'; id: string }
  | { screen: 'opening'; id: string }
  | { screen: 'moved' }
  | { screen: 'desk' }

/**
 * @param asksAnew the person said that the pending activation of this browser is a colleague's: several people may
 *   use one login and one computer, and each has an activation of their own
 */
export function nextStep({ holder, own }: LoginFacts, asksAnew = false): Step {
  if (holder?.state === 'closed') return { screen: 'desk' }
  if (holder && own?.isHolder && own.state === 'confirmed') return { screen: 'opening', id: own.id }
  if (holder || own?.state === 'waiting') return { screen: 'moved' }
  if (own?.state === 'mailed' && !asksAnew) return { screen: 'sent', id: own.id }
  return { screen: 'redirection' }
}

/** The path of a step's screen. */
export function pathOf(step: Step): string {
  if (step.screen === 'sent') return `/activation/${step.id}`
  if (step.screen === 'opening') return `/activation/${step.id}/opening`
  return `/${step.screen}`
}
