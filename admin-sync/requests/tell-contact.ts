/**
 * The job `tell-case-contact`: the contract's contact, from the legacy data, is told of every request for an access and
 * of every access that an agent opened. One mail for all that they were not told of; what the day's budget does not
 * allow waits, and none is lost. What a person opens alone is told by accounts/notify-contact.ts.
 *
 * The mailbox is unproven: no name, and addresses masked.
 */
import { createHash } from 'node:crypto'
import { UpstreamError } from '../../core/errors.ts'
import { maskAddress, maskLogin } from '../../core/mask.ts'
import { oneLine } from '../../core/text.ts'
import type { CaseJob } from '../cases/job.ts'
import { createRequestStore } from './store.ts'

export const tellCaseContact: CaseJob = async ({ pool, legacy, mailer, hold }, caseId) => {
  const store = createRequestStore(pool)
  const account = await store.readAccount(caseId)
  const login = account === undefined ? undefined : await legacy.findLogin(account)
  const contract = login && (await legacy.findContract(login.contract))
  if (!account || !contract || contract.contactEmail === '') return 'no_contact'

  const addressKey = contract.contactEmail.toLowerCase()
  return hold(addressKey, async (checkpoint) => {
    const news = await store.listNews(caseId)
    if (news.length === 0) return 'nothing'
    const budget = await store.readBudget(account, addressKey)
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    const masked = (isWanted: (one: (typeof news)[number]) => boolean) =>
      news.filter(isWanted).map(({ address }) => maskAddress(address, contract.knownDomains))
    const content = news.map(({ id, isRequestNew, isOpeningNew }) => [id, isRequestNew, isOpeningNew].join())
    await checkpoint('send')
    await mailer.sendCaseNotice({
      to: contract.contactEmail,
      reference: `${caseId}.contact.${createHash('sha256').update(content.join()).digest('hex').slice(0, 16)}`,
      contactName: contract.contactName,
      login: maskLogin(login.login),
      company: contract.company,
      contract: oneLine(login.contract),
      asked: masked(({ isRequestNew }) => isRequestNew),
      opened: masked(({ isOpeningNew }) => isOpeningNew),
    })
    await checkpoint('record')
    await store.recordNews(news, account, addressKey)
    return 'sent'
  })
}
