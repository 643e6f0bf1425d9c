/**
 * The job `ask-holder`: whoever holds the login is told the name and the domain of each person who asks for an access
 * of their own, and may say "I know them" or "I don't". One mail for all that they were not told of.
 *
 * The holder's mailbox was proved by their own activation; when Keycloak has a verified address of another spelling
 * (the person changed it), the mail goes there. What others typed is in it as text, and makes no link.
 */
import { createHash } from 'node:crypto'
import { UpstreamError } from '../../core/errors.ts'
import { maskLogin } from '../../core/mask.ts'
import { languages, type Language } from '../../core/text.ts'
import type { CaseDependencies, CaseJob } from '../cases/job.ts'
import { holderCode, holderUrl } from './link.ts'
import { createRequestStore, type Holder } from './store.ts'

export const askHolder: CaseJob = async (dependencies, caseId) => {
  const { pool, legacy, mailer, linkKey, providerUrl, hold } = dependencies
  const store = createRequestStore(pool)
  const account = await store.readAccount(caseId)
  const holder = account === undefined ? undefined : await store.findHolder(account)
  if (!account || !holder) return 'no_holder'
  // Some seconds later there is somebody to ask.
  if (holder.state === 'confirmed') throw new UpstreamError('case', 0, 'retry', 'holder_opening')
  const mailbox = await findMailbox(dependencies, holder)
  if (!mailbox) return 'no_holder'
  const login = await legacy.findLogin(account)
  if (!login) return 'account_unknown'

  const addressKey = mailbox.address.toLowerCase()
  return hold(addressKey, async (checkpoint) => {
    const unasked = await store.listUnasked(caseId, holder.addressKey)
    if (unasked.length === 0) return 'nothing'
    const budget = await store.readBudget(null, addressKey)
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    const code = holderCode(linkKey, caseId, holder.activationId)
    await checkpoint('store-codes')
    await store.storeHolder(caseId, holder.activationId, code.hash)
    await checkpoint('send')
    const ids = unasked.map(({ id }) => id)
    await mailer.sendHolderQuestion({
      to: mailbox.address,
      // The same people are the same mail; one person more is another one.
      reference: `${caseId}.holder.${createHash('sha256').update(ids.join()).digest('hex').slice(0, 16)}`,
      language: mailbox.language,
      login: maskLogin(login.login),
      company: login.company,
      people: unasked.map(({ name, domain }) => ({ name: name ?? undefined, domain })),
      answerUrl: holderUrl(providerUrl, caseId, code),
    })
    await checkpoint('record')
    await store.recordAsked(ids, addressKey)
    return 'sent'
  })
}

/** `undefined`: nobody has an account that could be asked. */
async function findMailbox(
  { reader }: CaseDependencies,
  holder: Holder,
): Promise<{ address: string; language: Language } | undefined> {
  if (holder.state !== 'opened' || holder.userId === null) return undefined
  const user = await reader.getUser(holder.userId)
  if (!user || user.enabled === false) return undefined
  const said = user.attributes?.['locale']?.[0]
  const language = languages.find((one) => one === said) ?? holder.locale
  // An administrator may have typed another one: then the one that was proved to us is the person's.
  const address = user.emailVerified === true && user.email ? user.email : holder.address
  return { address, language }
}
