/** What follows from the flag `shared_login` as a user has it, and from what stands beside it. Pure. */
import { planAttributes } from './attributes.ts'
import type { UserCase } from './facts.ts'

/** A user of ours, with each of the logins whose account it is. */
export type ConcernedUser = {
  userId: string
  logins: {
    account: string
    /** The login that the account was opened with. */
    isPrimary: boolean
    case:
      | (UserCase & {
          contract: string
          /** Closed, and the flag was taken from the users since. */
          isUnmarked: boolean
          /** An administrator said it on this user. */
          isSaidHere: boolean
        })
      | null
  }[]
}
export type ConsoleAction =
  /** An administrator says that the login is shared. */
  | { kind: 'ensure'; account: string }
  /** A pass has something to look at. */
  | { kind: 'touch'; caseId: string }

/**
 * A flag that is there although no case is open was set by somebody, because we take ours away when a case is closed;
 * until that is done it says nothing. One that is missing where an administrator had set it is the pass's to judge, and
 * so is everything else that differs from what the user is to have.
 */
export function planConsole(attributes: Record<string, string[]>, user: ConcernedUser): ConsoleAction[] {
  const cases = user.logins.flatMap((login) => login.case ?? [])
  const open = cases.filter(({ state }) => state === 'open')
  const isMarked = attributes['shared_login']?.[0] === 'true'
  if (isMarked && open.length === 0) {
    if (cases.some(({ isUnmarked }) => !isUnmarked)) return []
    const login = user.logins.find(({ isPrimary }) => isPrimary) ?? user.logins[0]
    return login ? [{ kind: 'ensure', account: login.account }] : []
  }
  const contracts = open.map(({ contract }) => contract)
  const differs = Object.keys(planAttributes(attributes, cases, contracts, { unmark: false })).length > 0
  return open
    .filter(({ isSaidHere }) => differs || (isSaidHere && !isMarked))
    .map(({ id }) => ({ kind: 'touch', caseId: id }))
}
