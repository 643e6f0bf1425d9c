/**
 * The job `notify-closed`: whose account was closed because they left is told so, once, at the address that the account
 * has at Keycloak now; and so is whoever had the contract beside others, and keeps the account. If it was a mistake, or
 * somebody else's doing, this mail is how they find out.
 */
import { UpstreamError } from '../../core/errors.ts'
import { maskLogin } from '../../core/mask.ts'
import { languages } from '../../core/text.ts'
import { isForbidden } from '../keycloak/connect.ts'
import type { User } from '../keycloak/representations.ts'
import type { AccountDependencies, AccountJob } from './job.ts'

export const notifyClosed: AccountJob = async (dependencies, activation) => {
  const { store, mailer, holdAddress } = dependencies
  const { id, account, state, reason, locale } = activation
  const isClosed = ['withdrawn', 'closed'].includes(state) && ['released', 'replaced'].includes(reason ?? '')
  if (!isClosed || (await store.hasClosedNotice(id))) return 'nothing'
  const holding = await store.findHolding(id)
  const user = holding && (await findClosedUser(dependencies, holding.userId))
  const to = user?.email
  if (!user || to === undefined || to === '') return 'no_address'
  // An administrator has let the person in again: then nothing is closed.
  if (holding.own && user.enabled !== false) return 'enabled_again'
  const removed = holding.own ? undefined : await dependencies.legacy.findLogin(account)

  const addressKey = to.toLowerCase()
  return holdAddress(addressKey, async (checkpoint) => {
    if (await store.hasClosedNotice(id)) return 'nothing'
    const budget = await store.readBudget(account, addressKey)
    // Not lost, only later: the budget is there again within a day.
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    await checkpoint('send')
    const chosen = (user.attributes as Record<string, string[]> | undefined)?.['locale']?.[0]
    await mailer.sendAccountClosed({
      to,
      reference: `${id}.closed`,
      language: languages.find((language) => language === chosen) ?? locale,
      ...(removed && { removed: { login: maskLogin(removed.login), company: removed.company } }),
    })
    await checkpoint('record')
    await store.recordClosedNotice(id, addressKey)
    return 'sent'
  })
}

async function findClosedUser({ keycloak }: AccountDependencies, userId: string): Promise<User | undefined> {
  try {
    return await keycloak.getUser(userId)
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}
