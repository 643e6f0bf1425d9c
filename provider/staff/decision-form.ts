/**
 * What an agent may decide on a case as they see it, and whether what they typed is a decision. Pure, and advice: the
 * same rules hold in admin-sync, which alone decides (nobody on their own request, an unknown domain only after a call,
 * nothing on a case that has changed).
 */
import type { DecisionContent, DecisionKind } from '../../core/nonce.ts'
import { oneLine } from '../../core/text.ts'
import { isId } from './return-path.ts'
import type { StaffCase, StaffDecision, StaffRequest } from './store.ts'

export const maxReason = 1000
export const maxCalled = 200

/** A form as it was sent; every field is whatever text came. */
export type TypedDecision = {
  id: string
  kind: string
  requestId: string
  generation: string
  reason: string
  called: string
}

export type FieldProblem = 'missing' | 'too_long'
/** Why the form as a whole is none: it stands on the page in a notice. */
export type FormRefusal =
  'stale' | 'already_decided' | 'own_request' | 'requests_open' | 'second_is_first' | 'no_holder'
type CheckedDecision =
  | { outcome: 'ok'; decision: DecisionContent }
  | { outcome: 'refused'; why: FormRefusal }
  | { outcome: 'incomplete'; errors: { reason?: FieldProblem; called?: FieldProblem } }
  /** Nobody's form looks like this. */
  | { outcome: 'malformed' }

/** What can be decided on one request now. */
export type Offers = {
  kinds: readonly ('open' | 'refuse' | 'holder_left')[]
  /** Its address is not of the contract's domains: somebody must have been called. */
  needsCall: boolean
  /** The decision "the holder left" that waits for a second agent. */
  awaiting: StaffDecision | undefined
}

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

/** A subdomain of a known domain is known. */
export function isKnownDomain(view: Pick<StaffCase, 'knownDomains'>, address: string): boolean {
  const domain = domainOf(address)
  return view.knownDomains
    .map((known) => known.trim().toLowerCase())
    .some((known) => known !== '' && (domain === known || domain.endsWith(`.${known}`)))
}

export function offersFor(view: StaffCase, request: StaffRequest): Offers {
  const awaiting = view.decisions.find(
    ({ kind, state, requestId }) =>
      kind === 'holder_left' && state === 'awaiting_second' && requestId === request.id,
  )
  const needsCall = !isKnownDomain(view, request.address)
  if (view.state !== 'open' || request.state !== 'proved' || isOwn(view, request))
    return { kinds: [], needsCall, awaiting }
  // Whoever said it first is not the second one.
  const mayReplace = view.holder?.state === 'opened' && awaiting?.isMine !== true
  return { kinds: ['open', 'refuse', ...(mayReplace ? (['holder_left'] as const) : [])], needsCall, awaiting }
}

/** Nobody decides for themselves, nor about who shares their own login. */
export const isOwn = (view: StaffCase, request?: StaffRequest): boolean =>
  request?.isOwn === true || view.holder?.isOwn === true

/** Is there anything left to decide, or to be taken up? */
export const hasOpenRequests = (view: StaffCase): boolean =>
  view.requests.some(({ state }) => state === 'proved' || state === 'granting')

/** @param fits whether a cookie can hold it on its way through Keycloak */
export function checkDecision(
  typed: TypedDecision,
  view: StaffCase,
  fits: (decision: DecisionContent) => boolean,
): CheckedDecision {
  const kind = kinds.find((k) => k === typed.kind)
  if (!kind || !isId(typed.id) || !/^\d{1,9}$/.test(typed.generation)) return { outcome: 'malformed' }
  if ((kind === 'not_shared') !== (typed.requestId === '')) return { outcome: 'malformed' }
  const request = view.requests.find(({ id }) => id === typed.requestId)
  if (kind !== 'not_shared' && !request) return { outcome: 'malformed' }
  const why = refusalOf(kind, view, request)
  if (why) return { outcome: 'refused', why }
  if (Number(typed.generation) !== view.generation) return { outcome: 'refused', why: 'stale' }

  const reason = severalLines(typed.reason)
  const called = oneLine(typed.called).trim()
  const asksForCall = request !== undefined && kind !== 'refuse' && offersFor(view, request).needsCall
  const errors: { reason?: FieldProblem; called?: FieldProblem } = {}
  if (asksForCall && called === '') errors.called = 'missing'
  if (called.length > maxCalled) errors.called = 'too_long'
  if (reason === '') errors.reason = 'missing'
  if (reason.length > maxReason) errors.reason = 'too_long'
  const decision: DecisionContent = {
    id: typed.id,
    caseId: view.id,
    requestId: request?.id,
    kind,
    reason,
    called: called === '' ? undefined : called,
    generation: view.generation,
  }
  // Letters of other scripts take more room.
  if (Object.keys(errors).length === 0 && !fits(decision)) errors.reason = 'too_long'
  return Object.keys(errors).length > 0 ? { outcome: 'incomplete', errors } : { outcome: 'ok', decision }
}

const kinds: readonly DecisionKind[] = ['open', 'refuse', 'holder_left', 'not_shared']

function refusalOf(
  kind: DecisionKind,
  view: StaffCase,
  request: StaffRequest | undefined,
): FormRefusal | undefined {
  if (isOwn(view, request)) return 'own_request'
  if (kind === 'not_shared') {
    if (view.state !== 'open') return 'already_decided'
    return hasOpenRequests(view) ? 'requests_open' : undefined
  }
  if (!request || request.state !== 'proved' || view.state !== 'open') return 'already_decided'
  if (kind !== 'holder_left') return undefined
  if (offersFor(view, request).awaiting?.isMine) return 'second_is_first'
  return view.holder?.state === 'opened' ? undefined : 'no_holder'
}

/** What was typed, with line ends as they are stored, and without characters that no text has. */
function severalLines(typed: string): string {
  return (
    typed
      .replaceAll(/\r\n?/g, '\n')
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, ' ')
      .trim()
  )
}
