/** What a lead asks of the list of logins that are left, as the form sends it. Pure. */
import type { LeftFilter } from '../../../core/left-list.ts'
import { leftStates } from '../../../core/migration.ts'

/** When Cofacering last saw the login. */
export const seenChoices = ['any', 'within-1', 'quiet-1', 'quiet-2', 'quiet-3', 'quiet-5'] as const

/** Days that the curve shows, the last ones. */
export const ranges = [31, 92, 366] as const
export const defaultRange = 92

/** @param body of the form; none of the states means all of them, and what is no choice of ours is none */
export function readFilter(body: unknown): LeftFilter {
  const { state, seen } = (body ?? {}) as Record<string, unknown>
  const wanted = Array.isArray(state) ? (state as unknown[]) : [state]
  const states = leftStates.filter((one) => wanted.includes(one))
  const choice = seenChoices.find((one) => one === seen) ?? 'any'
  const [kind, years] = choice.split('-')
  return {
    states: states.length > 0 ? states : leftStates,
    ...(kind === 'quiet' && { quietYears: Number(years) }),
    ...(kind === 'within' && { activeYears: Number(years) }),
  }
}

export const readRange = (wanted: unknown): number =>
  ranges.find((one) => String(one) === wanted) ?? defaultRange
