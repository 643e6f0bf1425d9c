/**
 * The mails that Keycloak cannot send for us: "you already have an account", the notices to a contract's contact, to
 * the address that a person had before, and to somebody whose access was closed. Nothing in them was typed by anybody: login, company and contract
 * come from the legacy data, and addresses are masked.
 *
 * Each method resolves when the mail server has taken the mail, and throws UpstreamError('smtp') else: `retry` when it
 * could not be asked or said "later", `fail` when it will not take this mail.
 */
import type { Desk } from '../../core/desk.ts'
import { loadTexts, type Language } from '../../core/text.ts'
import type { Smtp } from '../realm/config.ts'
import { accessAcknowledgedMail } from './access-acknowledged.ts'
import { accessProofMail } from './access-proof.ts'
import { accessRefusedMail } from './access-refused.ts'
import { accountClosedMail } from './account-closed.ts'
import { addressChangedMail } from './address-changed.ts'
import { alreadyAccountMail } from './already-account.ts'
import { caseNoticeMail } from './case-notice.ts'
import { contactNoticeMail } from './contact-notice.ts'
import { handOverWarningMail } from './hand-over-warning.ts'
import { holderQuestionMail } from './holder-question.ts'
import { describeFailure, domainOf, openTransport, type Patience } from './transport.ts'

export type MailerOptions = Smtp & {
  desk: Desk
  portalUrl: string
  /** Milliseconds. */
  patience?: Patience
}

/** `reference` makes the Message-ID, so that a mail sent twice after a crash is one mail to most mail programs. */
type Envelope = { to: string; reference: string }
export type AlreadyAccount = Envelope & {
  language: Language
  /** Masked. */
  login: string
  company: string
  /** An agent opened the access: there is no password first typed. */
  isGranted: boolean
  contractUrl: string
  withdrawUrl: string
}
export type ContactNotice = Envelope & {
  contactName: string
  /** Masked. */
  login: string
  company: string
  contract: string
  /** Masked. */
  address: string
}
export type AddressChanged = Envelope & {
  language: Language
  /** Masked. */
  newAddress: string
  /** When it was changed. */
  at: Date
}
export type HandOverWarning = Envelope & {
  language: Language
  /** When the account is closed, unless somebody objects. */
  closesAt: Date
}
export type AccessProof = Envelope & {
  language: Language
  /** Masked. */
  login: string
  company: string
  /** In which the link works. */
  hoursLeft: number
  proofUrl: string
  withdrawUrl: string
}
export type AccessAcknowledged = Envelope & { language: Language; caseReference: string; stateUrl: string }
export type AccessRefused = AccessAcknowledged & {
  /** As the agent typed it; empty when there is none. */
  reason: string
}
export type HolderQuestion = Envelope & {
  language: Language
  /** Masked. */
  login: string
  company: string
  /** `name` as typed, `undefined` when not given. */
  people: readonly { name: string | undefined; domain: string }[]
  answerUrl: string
}
export type CaseNotice = Envelope & {
  contactName: string
  /** Masked. */
  login: string
  company: string
  contract: string
  /** Masked addresses: for which an account was asked, and for which one was opened. */
  asked: readonly string[]
  opened: readonly string[]
}
export type AccountClosed = Envelope & {
  language: Language
  /** The account goes on, without the contract of this login, which is masked; absent: the account was closed. */
  removed?: { login: string; company: string }
}
/** Subject, and the body in both forms. */
export type Content = { subject: string; html: string; text: string }

export type Mailer = {
  sendAlreadyAccount(mail: AlreadyAccount): Promise<void>
  sendContactNotice(mail: ContactNotice): Promise<void>
  sendAddressChanged(mail: AddressChanged): Promise<void>
  sendAccountClosed(mail: AccountClosed): Promise<void>
  sendHandOverWarning(mail: HandOverWarning): Promise<void>
  sendAccessProof(mail: AccessProof): Promise<void>
  sendAccessAcknowledged(mail: AccessAcknowledged): Promise<void>
  sendAccessRefused(mail: AccessRefused): Promise<void>
  sendHolderQuestion(mail: HolderQuestion): Promise<void>
  sendCaseNotice(mail: CaseNotice): Promise<void>
  close(): void
}

export function createMailer(options: MailerOptions): Mailer {
  const texts = loadTexts(new URL('../text/', import.meta.url))
  const { desk, portalUrl, patience } = options
  const transport = openTransport(options, patience)
  const domain = domainOf(options.from)

  async function send({ to, reference }: Envelope, content: Content): Promise<void> {
    try {
      await transport.sendMail({
        from: { name: options.fromName, address: options.from },
        // As an object it is one address, whatever it holds.
        to: { name: '', address: to },
        messageId: `<${reference}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        ...content,
      })
    } catch (error) {
      throw describeFailure(error)
    }
  }

  return {
    sendAlreadyAccount: (mail) =>
      send(
        mail,
        alreadyAccountMail(texts[mail.language], mail, { language: mail.language, desk, portalUrl }),
      ),
    sendContactNotice: (mail) => send(mail, contactNoticeMail(texts, mail, desk)),
    sendAddressChanged: (mail) =>
      send(mail, addressChangedMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendAccountClosed: (mail) =>
      send(mail, accountClosedMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendHandOverWarning: (mail) =>
      send(mail, handOverWarningMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendAccessProof: (mail) =>
      send(mail, accessProofMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendAccessAcknowledged: (mail) =>
      send(mail, accessAcknowledgedMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendAccessRefused: (mail) =>
      send(mail, accessRefusedMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendHolderQuestion: (mail) =>
      send(mail, holderQuestionMail(texts[mail.language], mail, { language: mail.language, desk })),
    sendCaseNotice: (mail) => send(mail, caseNoticeMail(texts, mail, desk)),
    close: () => transport.close(),
  }
}
