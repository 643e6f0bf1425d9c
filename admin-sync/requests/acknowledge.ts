/**
 * The jobs `acknowledge` and `tell-refusal`: what a person who asked is told by mail, each once. Their mailbox is
 * proved, so the mails count for the address alone and no more of them leave in a day than that allows; what waits is
 * not lost, and the state page says it meanwhile.
 */
import { UpstreamError } from '../../core/errors.ts'
import type { CaseDependencies, CaseJob } from '../cases/job.ts'
import { stateCode, stateUrl } from './link.ts'
import { createRequestStore, type Request, type RequestStore } from './store.ts'

/** "We have your request": reference, hours and telephone, what comes next, the link to the state page. */
export const acknowledge: CaseJob = (dependencies, id) =>
  sendOnce(dependencies, id, {
    isDue: ({ state, isAcknowledged }) => (state === 'proved' || state === 'granting') && !isAcknowledged,
    send: ({ address, locale, reference }, url) =>
      dependencies.mailer.sendAccessAcknowledged({
        to: address,
        reference: `${id}.acknowledged`,
        language: locale,
        caseReference: reference,
        stateUrl: url,
      }),
    record: (store, request) => store.recordAcknowledged(request),
  })

/** The answer of an agent who refused, in the agent's words. */
export const tellRefusal: CaseJob = (dependencies, id) =>
  sendOnce(dependencies, id, {
    isDue: ({ state, isTold }) => state === 'refused' && !isTold,
    send: ({ address, locale, reference, reason }, url) =>
      dependencies.mailer.sendAccessRefused({
        to: address,
        reference: `${id}.refused`,
        language: locale,
        caseReference: reference,
        reason: reason ?? '',
        stateUrl: url,
      }),
    record: (store, request) => store.recordTold(request),
  })

async function sendOnce(
  { pool, linkKey, providerUrl, hold }: CaseDependencies,
  id: string,
  mail: {
    isDue: (request: Request) => boolean
    send: (request: Request, url: string) => Promise<void>
    record: (store: RequestStore, request: Request) => Promise<unknown>
  },
): Promise<string> {
  const store = createRequestStore(pool)
  const first = await store.readRequest(id)
  if (!first || !mail.isDue(first)) return 'nothing'
  return hold(first.addressKey, async (checkpoint) => {
    const request = await store.readRequest(id)
    if (!request || !mail.isDue(request)) return 'nothing'
    const budget = await store.readBudget(null, request.addressKey)
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    const code = stateCode(linkKey, id)
    await checkpoint('store-codes')
    if (!(await store.storeState(id, code.hash))) return 'superseded'
    await checkpoint('send')
    await mail.send(request, stateUrl(providerUrl, id, code))
    await checkpoint('record')
    await mail.record(store, request)
    return 'sent'
  })
}
