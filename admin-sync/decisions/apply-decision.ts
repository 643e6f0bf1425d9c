/**
 * The job `apply-decision`: an agent decided on a case, and provider stored what it was with the ID token of the round
 * trip. The token counts for exactly this decision (core/nonce.ts) or for nothing.
 *
 *   1  the token, and the account of its owner as Keycloak has it now: an agent's?
 *   2  what Cofacering says about the login
 *   3  in one transaction, alone on the login: what is there (decision-store.ts), the verdict (rules.ts), its effects
 *
 * A decision "the holder left" that waits for a second agent comes here again when its time is over (hand-overs.ts): it
 * was verified then, and its agent must still be one. Killed anywhere and run again, each decision is settled once.
 */
import { decisionNonce, type DecisionContent } from '../../core/nonce.ts'
import type { CaseDependencies, CaseJob } from '../cases/job.ts'
import { identifyAgent, readAgent, type Identified } from '../staff/agent.ts'
import { readSubmitted, rejectUnverified, settle, type Submitted } from './decision-store.ts'

export const applyDecision: CaseJob = async (dependencies, id, checkpoint) => {
  const { pool, log } = dependencies
  const submitted = await readSubmitted(pool, id)
  if (!submitted) return 'nothing'
  const found = await findAgent(dependencies, submitted)
  if (found.status === 'refused') {
    await checkpoint('reject')
    // Whoever may not even see cases is not told which rule was in the way.
    const code = found.code.startsWith('token_') ? found.code : 'not_allowed'
    if (!(await rejectUnverified(pool, id, submitted.state, code))) return 'superseded'
    log.warn({
      event: 'decision.rejected',
      decision: id,
      case: submitted.content.caseId,
      code: found.code,
      ...(found.userId !== undefined && { user_id: found.userId }),
    })
    return `rejected:${code}`
  }
  const knownDomains = await readKnownDomains(dependencies, submitted)
  await checkpoint('settle')
  const settled = await settle(pool, id, found.agent, knownDomains)
  if (!settled) return 'superseded'
  const { verdict } = settled
  if (verdict.outcome === 'waiting') return 'waiting'
  const code = verdict.outcome === 'rejected' ? verdict.code : undefined
  log[code ? 'warn' : 'info']({
    event: `decision.${verdict.outcome}`,
    decision: id,
    case: submitted.content.caseId,
    kind: submitted.content.kind,
    user_id: found.agent.userId,
    ...(code && { code }),
  })
  return code ? `rejected:${code}` : verdict.outcome
}

function findAgent(dependencies: CaseDependencies, submitted: Submitted): Promise<Identified> {
  const { content, idToken, receivedAt, userId } = submitted
  // Verified when it was taken.
  if (submitted.state === 'awaiting_second') return readAgent(dependencies, userId ?? '')
  if (idToken === null)
    return Promise.resolve({ status: 'refused', code: 'token_malformed', userId: undefined })
  return identifyAgent(dependencies, idToken, { nonce: decisionNonce(content), receivedAt })
}

/** @returns `undefined` when Cofacering has no such login: nobody can be opened on it */
async function readKnownDomains(
  { legacy }: CaseDependencies,
  { account, content }: Submitted,
): Promise<readonly string[] | undefined> {
  const needed: readonly DecisionContent['kind'][] = ['open', 'holder_left']
  if (!needed.includes(content.kind)) return []
  const login = await legacy.findLogin(account)
  if (!login || login.disabled) return undefined
  return (await legacy.findContract(login.contract))?.knownDomains ?? []
}
