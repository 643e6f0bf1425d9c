/**
 * What becomes of a decision whose agent is known. Pure: facts in, verdict out. The same rules are advice on the agents'
 * pages; here they count.
 *
 *   all          nobody on their own request; nothing on a case that has changed since the agent looked
 *   open         a domain that is not the contract's needs a call. Whoever is opened where nobody holds the login, or its
 *                holder's account is gone, holds it from then on
 *   refuse       with the agent's words
 *   holder_left  two agents, or one and two days: the first one waits, and the holder is warned
 *   not_shared   only with nothing left to decide
 */
import type { DecisionKind } from '../../core/nonce.ts'
import { domainOf, isKnownDomain } from '../cases/signals.ts'

export type DecisionFacts = {
  kind: DecisionKind
  state: 'submitted' | 'awaiting_second'
  called: string | null
  /** Of the case, as the agent saw it. */
  generation: number
  agent: { userId: string }
  /** Of the session in which the decision was taken; `null` when it is not there any more. */
  sessionUserId: string | null
  case: { state: 'open' | 'closed'; generation: number }
  /** `null` with `not_shared` only. */
  request: { state: string; address: string; isAgents: boolean } | null
  /** Who holds the login, or is about to take it over. */
  holder: { id: string; state: string; isAgents: boolean } | null
  /** An agent has chosen already who takes the place of that holder. */
  isReplaced: boolean
  /** Of this decision, when it waits for a second agent or for its time: who held the login when it was taken. */
  awaitedHolderId: string | null
  isDue: boolean
  /** Another decision "the holder left" on the same request, that waits. */
  awaiting: { id: string; userId: string; holderId: string } | null
  /** Requests of the case that are proved or being opened. */
  openRequests: number
  /** As Cofacering says it now; `undefined`: it has no such login, or a disabled one. */
  knownDomains: readonly string[] | undefined
}

export type RejectionCode =
  | 'not_allowed'
  | 'stale'
  | 'own_request'
  | 'already_decided'
  | 'needs_call'
  | 'login_unknown'
  | 'no_holder'
  | 'second_is_first'
  | 'requests_open'

export type Verdict =
  | { outcome: 'rejected'; code: RejectionCode }
  /** The first of two agents: the holder is warned. */
  | { outcome: 'awaiting_second'; holderId: string }
  /** Not its time yet. */
  | { outcome: 'waiting' }
  | { outcome: 'applied'; effect: Effect }
export type Effect =
  /** `succeeds`: the activation whose place it takes. */
  | { kind: 'open'; holds: boolean; succeeds: string | undefined }
  | { kind: 'refuse' }
  /** The holder's account is closed first. `second`: the decision of another agent that waited for this one. */
  | { kind: 'hand_over'; holderId: string; waited: string | undefined }
  | { kind: 'close' }

export function judgeDecision(facts: DecisionFacts): Verdict {
  if (facts.state === 'awaiting_second') return judgeAwaited(facts)
  if (facts.sessionUserId !== facts.agent.userId) return reject('not_allowed')
  if (isOwn(facts)) return reject('own_request')
  if (facts.generation !== facts.case.generation) return reject('stale')
  if (facts.case.state !== 'open') return reject('already_decided')
  if (facts.kind === 'not_shared')
    return facts.openRequests > 0 ? reject('requests_open') : applied({ kind: 'close' })
  const { request } = facts
  if (request?.state !== 'proved') return reject('already_decided')
  if (facts.kind === 'refuse') return applied({ kind: 'refuse' })
  if (facts.knownDomains === undefined) return reject('login_unknown')
  if (facts.called === null && !isKnownDomain(domainOf(request.address), facts.knownDomains))
    return reject('needs_call')
  return facts.kind === 'open' ? applied(planOpening(facts)) : judgeHandOver(facts)
}

/** Nobody decides for themselves, nor about who shares their own login. */
const isOwn = ({ request, holder }: DecisionFacts) => request?.isAgents === true || holder?.isAgents === true

function planOpening({ holder }: DecisionFacts): Effect {
  if (!holder) return { kind: 'open', holds: true, succeeds: undefined }
  return holder.state === 'closed'
    ? { kind: 'open', holds: true, succeeds: holder.id }
    : { kind: 'open', holds: false, succeeds: undefined }
}

function judgeHandOver({ holder, isReplaced, awaiting, agent }: DecisionFacts): Verdict {
  // An account that is gone already is no reason to wait: *open* gives the login to the next person.
  if (holder?.state !== 'opened') return reject('no_holder')
  if (isReplaced) return reject('already_decided')
  if (awaiting?.holderId !== holder.id) return { outcome: 'awaiting_second', holderId: holder.id }
  if (awaiting.userId === agent.userId) return reject('second_is_first')
  return applied({ kind: 'hand_over', holderId: holder.id, waited: awaiting.id })
}

/** Its time is over without a second agent, and nothing has happened that speaks against it. */
function judgeAwaited(facts: DecisionFacts): Verdict {
  const { request, holder, isReplaced, awaitedHolderId, isDue, knownDomains } = facts
  if (!isDue) return { outcome: 'waiting' }
  if (isOwn(facts)) return reject('own_request')
  if (facts.case.state !== 'open' || request?.state !== 'proved' || isReplaced)
    return reject('already_decided')
  if (holder?.state !== 'opened' || holder.id !== awaitedHolderId) return reject('no_holder')
  if (knownDomains === undefined) return reject('login_unknown')
  return applied({ kind: 'hand_over', holderId: holder.id, waited: undefined })
}

const reject = (code: RejectionCode): Verdict => ({ outcome: 'rejected', code })
const applied = (effect: Effect): Verdict => ({ outcome: 'applied', effect })
