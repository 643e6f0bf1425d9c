/**
 * The job `send-proof`: the mail that proves the address of a request before an agent is bothered.
 *
 * The mailbox is unproven, so nothing that anybody typed is in the mail: login and company are Cofacering's, the login
 * masked. A crash between mail and ledger costs one mail more, with the same link.
 */
import { UpstreamError } from '../../core/errors.ts'
import { maskLogin } from '../../core/mask.ts'
import type { CaseJob } from '../cases/job.ts'
import { proofCode, proofUrl, withdrawCode, withdrawUrl } from './link.ts'
import { createRequestStore, type Request } from './store.ts'

export const sendProof: CaseJob = async ({ pool, legacy, mailer, linkKey, providerUrl, hold }, id) => {
  const store = createRequestStore(pool)
  const first = await store.readRequest(id)
  if (!first || !isDue(first)) return 'nothing'
  const login = await legacy.findLogin(first.account)
  if (!login || login.disabled) {
    await store.end(id, 'account_unknown')
    return 'ended:account_unknown'
  }
  return hold(first.addressKey, async (checkpoint) => {
    // Read again: another mail may have left while this job waited for the address.
    const request = await store.readRequest(id)
    if (!request || !isDue(request)) return 'nothing'
    // Not lost, only later: the request lives for a day, as a budget does.
    const budget = await store.readBudget(request.account, request.addressKey)
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    const generation = request.mailGeneration
    const [proof, withdraw] = [proofCode(linkKey, id, generation), withdrawCode(linkKey, id)]
    await checkpoint('store-codes')
    if (!(await store.storeProof(id, generation, proof.hash, withdraw.hash))) return 'superseded'
    await checkpoint('send')
    await mailer.sendAccessProof({
      to: request.address,
      reference: `${id}.${generation}`,
      language: request.locale,
      login: maskLogin(login.login),
      company: login.company,
      hoursLeft: Math.max(1, Math.round(request.secondsLeft / 3600)),
      proofUrl: proofUrl(providerUrl, id, proof),
      withdrawUrl: withdrawUrl(providerUrl, id, withdraw),
    })
    await checkpoint('record')
    await store.recordProof(request, generation)
    return 'sent'
  })
}

/** Pure. */
function isDue({ state, secondsLeft, mailGeneration, mailedGeneration }: Request): boolean {
  return state === 'asked' && secondsLeft > 0 && mailedGeneration < mailGeneration
}
