/**
 * The job `notify-contact`: the contract's contact, from the legacy data, is told once that an account was opened.
 * Whoever opens an account with a login that is not theirs is found out by this mail. Accounts that an agent opened are
 * told by requests/tell-contact.ts, together with the requests: several of a case are one mail.
 *
 * The address that was opened is shown masked: it was typed by somebody, and the contact's mailbox is unproven here.
 */
import { UpstreamError } from '../../core/errors.ts'
import { maskAddress, maskLogin } from '../../core/mask.ts'
import { oneLine } from '../../core/text.ts'
import type { AccountJob } from './job.ts'

export const notifyContact: AccountJob = async ({ store, legacy, mailer, holdAddress }, activation) => {
  if (activation.state !== 'opened' || (await store.hasContactNotice(activation.id))) return 'nothing'
  if (activation.kind === 'granted' && (await store.tellWithCase(activation.id))) return 'told_with_case'
  const login = await legacy.findLogin(activation.account)
  const contract = login && (await legacy.findContract(login.contract))
  if (!contract || contract.contactEmail === '') return 'no_contact'

  const addressKey = contract.contactEmail.toLowerCase()
  // The budget is the contact's: notices of other activations to the same mailbox wait here.
  return holdAddress(addressKey, async (checkpoint) => {
    if (await store.hasContactNotice(activation.id)) return 'nothing'
    const budget = await store.readBudget(activation.account, addressKey)
    // Not lost, only later: the budget is there again within a day.
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    await checkpoint('send')
    await mailer.sendContactNotice({
      to: contract.contactEmail,
      reference: `${activation.id}.contact`,
      contactName: contract.contactName,
      login: maskLogin(login.login),
      company: contract.company,
      contract: oneLine(login.contract),
      address: maskAddress(activation.address, contract.knownDomains),
    })
    await checkpoint('record')
    await store.recordContactNotice(activation.id, addressKey)
    return 'sent'
  })
}
