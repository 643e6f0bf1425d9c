/**
 * The job `send-confirmation`: step 6 of an activation.
 *
 *   1  live, and a mail is due?                      4  our pending user of the address, made or brought up to date
 *   2  what Cofacering says about the login          5  the codes of the link, as digests, before the mail leaves
 *   3  who has the address at Keycloak?              6  Keycloak's own mail; then state and ledger
 *
 * The mail of a `granted` activation is one that an agent asked for: it is recorded, and not bound by a budget.
 *
 * An address that has an account is never touched: the activation is refused, which nobody outside can tell from
 * `mailed`, and the owner of the address gets a mail of ours (invariant 4). A crash between mail and ledger costs one
 * mail more, with the same link.
 */
import { maskLogin } from '../../core/mask.ts'
import { UpstreamError } from '../../core/errors.ts'
import { domainOf, isKnownDomain } from '../cases/signals.ts'
import type { User } from '../keycloak/representations.ts'
import type { AccountDependencies, AccountJob, Checkpoint, Outcome } from './job.ts'
import type { LegacyLogin } from './legacy-data.ts'
import { confirmUrl, contractUrl, makeCodes, withdrawUrl } from './link.ts'
import { createPendingUser, findUser, type MailAttributes } from './pending-user.ts'
import type { Activation, Refusal } from './store.ts'

export const sendConfirmation: AccountJob = async (dependencies, activation, checkpoint) => {
  const { store, legacy } = dependencies
  if (!isMailDue(activation)) return 'nothing'

  const login = await legacy.findLogin(activation.account)
  // A disabled login cannot have signed in: whoever wrote this activation did not ask Cofacering.
  if (!login || login.disabled) return refuse(dependencies, activation, 'account_unknown')
  if (activation.state === 'refused') return sendNotice(dependencies, activation, login, checkpoint)

  if (activation.kind === 'granted') {
    // Of a holder who left: the old access is closed first, and asks for this mail then (closing-store.ts).
    if (await store.isPredecessorOpen(activation.id)) return 'predecessor_open'
  } else {
    // Tried again by the sweep, should there be room before the activation's time is over.
    const budget = await store.readBudget(activation.account, activation.addressKey)
    if (budget !== 'ok') return note(dependencies, activation, budget)
  }

  // Before anything else of it: it counts for whoever adds the contract to an account, too.
  await store.setNeedsAgent(activation.id, await needsAgent(dependencies, activation, login))
  const codes = makeCodes(dependencies.linkKey, activation.id, activation.mailGeneration)
  const user = await preparePendingUser(
    dependencies,
    activation,
    {
      locale: activation.locale,
      activation_kind: activation.kind,
      activation_login: maskLogin(login.login),
      // As long as the user profile allows.
      activation_company: login.company.slice(0, 255),
      activation_withdraw: withdrawUrl(dependencies.providerUrl, activation.id, codes.w),
    },
    checkpoint,
  )
  if ('refusal' in user) {
    await checkpoint('refuse')
    if (user.refusal !== 'address_taken') return refuse(dependencies, activation, user.refusal)
    const refused = await store.refuse(activation.id, ['requested', 'mailed'], 'address_taken')
    if (!refused) return 'superseded'
    await sendNotice(dependencies, { ...activation, state: 'refused' }, login, checkpoint)
    return 'refused:address_taken'
  }

  const { id, mailGeneration, secondsLeft } = activation
  // Read before this mail counts: another mail of the address that is used first would make this link say
  // "already confirmed" and lead nowhere. The other form of the mail works whatever happened meanwhile.
  const repeated = user.verified || (await store.hasMailUnderWay(activation.addressKey))
  await checkpoint('store-codes')
  if (!(await store.storeCodes(id, mailGeneration, codes.linkHash, codes.withdrawHash))) return 'superseded'

  await checkpoint('send')
  const mail = {
    clientId: 'activation',
    redirectUri: confirmUrl(dependencies.providerUrl, id, codes.k),
    lifespanSeconds: secondsLeft,
  }
  if (repeated) await dependencies.keycloak.executeActionsEmail(user.id, ['VERIFY_EMAIL'], mail)
  else await dependencies.keycloak.sendVerifyEmail(user.id, mail)

  await checkpoint('record')
  await store.recordActivationMail(id, mailGeneration, 'confirmation')
  return 'sent'
}

/** The first address of a shared login is anybody's, unless it is of the company. */
async function needsAgent(
  { legacy, sharedFirstAddress }: AccountDependencies,
  { kind, address }: Activation,
  login: LegacyLogin,
): Promise<boolean> {
  if (sharedFirstAddress === 'open' || kind !== 'legacy' || !login.shared) return false
  const contract = await legacy.findContract(login.contract)
  return !isKnownDomain(domainOf(address), contract?.knownDomains ?? [])
}

/** Pure. Refused for its address: outwardly `mailed`, so it has its mails too, of another kind. */
function isMailDue(activation: Activation): boolean {
  const { state, reason, secondsLeft, mailedGeneration, mailGeneration } = activation
  if (secondsLeft <= 0 || mailedGeneration >= mailGeneration) return false
  return state === 'requested' || state === 'mailed' || (state === 'refused' && reason === 'address_taken')
}

type Prepared = { id: string; verified: boolean } | { refusal: Refusal }

/** Our user of the address, ready for its mail; or why this activation cannot have one. */
async function preparePendingUser(
  dependencies: AccountDependencies,
  activation: Activation,
  mail: MailAttributes,
  checkpoint: Checkpoint,
): Promise<Prepared> {
  const { store } = dependencies
  const found = await findUser(dependencies, activation)
  if (found.kind === 'ours') return refreshUser(dependencies, activation, found.user, mail, checkpoint)
  if (found.kind === 'foreign') {
    if (found.record) await store.dropUnusedRecord(found.record.record)
    return { refusal: 'address_taken' }
  }
  if (found.kind === 'gone') {
    await store.markUserDeleted(found.record.record)
    // Deleted after this activation had made or used it: an administrator said no, and a late job does not undo that.
    // A later activation is a new request, and gets a user of its own.
    if (activation.mailedGeneration > 0 || found.record.createdAt >= activation.createdAt)
      return { refusal: 'user_gone' }
  }
  const known = found.kind === 'absent' ? found.record : undefined
  const created = await createPendingUser(dependencies, activation, known, mail, checkpoint)
  return 'refusal' in created ? created : { id: created.userId, verified: false }
}

/** The mail prints what stands on the user: that of the activation whose mail leaves now. */
async function refreshUser(
  { keycloak }: AccountDependencies,
  activation: Activation,
  user: User,
  mail: MailAttributes,
  checkpoint: Checkpoint,
): Promise<Prepared> {
  if (user.enabled === false) return { refusal: 'user_disabled' }
  if (user.email?.toLowerCase() !== activation.address.toLowerCase()) return { refusal: 'address_changed' }
  await checkpoint('update-user')
  const attributes = Object.fromEntries(Object.entries(mail).map(([name, value]) => [name, [value]]))
  const written = await keycloak.updateUserMerged(user.id, { attributes })
  if (!written) throw new UpstreamError('keycloak', 404, 'retry', 'user_vanished')
  return { id: user.id, verified: user.emailVerified === true }
}

/**
 * "You already have an account": once a generation, under the same budget as every mail. Its link adds the contract of
 * this login to that account (cases/add-contract.ts).
 */
async function sendNotice(
  { store, mailer, linkKey, providerUrl }: AccountDependencies,
  activation: Activation,
  login: LegacyLogin,
  checkpoint: Checkpoint,
): Promise<Outcome> {
  const { id, mailGeneration } = activation
  // An agent asked for the mail of a granted one.
  const budget =
    activation.kind === 'granted' ? 'ok' : await store.readBudget(activation.account, activation.addressKey)
  if (budget !== 'ok') {
    await store.noteError(id, budget)
    return budget
  }
  const codes = makeCodes(linkKey, id, mailGeneration, 'contract')
  await checkpoint('store-codes')
  if (!(await store.storeCodes(id, mailGeneration, codes.linkHash, codes.withdrawHash))) return 'superseded'
  await checkpoint('send')
  await mailer.sendAlreadyAccount({
    to: activation.address,
    reference: `${id}.${mailGeneration}`,
    language: activation.locale,
    login: maskLogin(login.login),
    company: login.company,
    isGranted: activation.kind === 'granted',
    contractUrl: contractUrl(providerUrl, id, codes.k),
    withdrawUrl: withdrawUrl(providerUrl, id, codes.w),
  })
  await checkpoint('record')
  await store.recordActivationMail(id, mailGeneration, 'already-account')
  return 'notice_sent'
}

async function refuse(
  { store }: AccountDependencies,
  activation: Activation,
  reason: Refusal,
): Promise<Outcome> {
  const refused = await store.refuse(activation.id, ['requested', 'mailed', 'refused'], reason)
  return refused ? `refused:${reason}` : 'superseded'
}

async function note({ store }: AccountDependencies, { id }: Activation, code: string): Promise<Outcome> {
  await store.noteError(id, code)
  return code
}
