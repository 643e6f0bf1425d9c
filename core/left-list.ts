/**
 * The list of logins that are left, as a table that a spreadsheet opens and the desk calls through (table.ts). Names come
 * from outside: each is one line, and nothing that is a text is taken for a number. Pure.
 */
import { byteOrderMark, tableLine } from './table.ts'
import { oneLine, type Language } from './text.ts'
import type { LeftState } from './migration.ts'

/** As `ellipro.migration_left` gives it; `null` where nothing is known. */
export type LeftLogin = {
  login: string
  company: string | null
  contract: string | null
  contactName: string | null
  contactPhone: string | null
  contactEmail: string | null
  /** Cofacering says so, or it has an open case. */
  shared: boolean
  /** At Cofacering, as of the import. ISO 8601. */
  lastSignInAt: string | null
  state: LeftState
}

/** Which of them. */
export type LeftFilter = {
  states: readonly LeftState[]
  /** Only those that Cofacering last saw before so many years ago, or never. */
  quietYears?: number | undefined
  /** Only those that it saw within so many years. */
  activeYears?: number | undefined
}

const words = {
  fr: {
    columns: [
      'Identifiant',
      'Société',
      'Contrat',
      'Contact',
      'Téléphone',
      'E-mail',
      'Partagé',
      'Dernière connexion',
      'Situation',
    ],
    yes: 'oui',
    no: 'non',
    states: {
      untouched: 'jamais commencé',
      lapsed: 'commencé, non terminé',
      under_way: 'en cours',
      agent: 'attend un conseiller',
      closed: 'accès fermé, à libérer',
    },
  },
  en: {
    columns: [
      'Login',
      'Company',
      'Contract',
      'Contact',
      'Telephone',
      'E-mail',
      'Shared',
      'Last sign-in',
      'State',
    ],
    yes: 'yes',
    no: 'no',
    states: {
      untouched: 'never begun',
      lapsed: 'begun, not finished',
      under_way: 'under way',
      agent: 'waits for an agent',
      closed: 'access closed, to be released',
    },
  },
} satisfies Record<
  Language,
  { columns: string[]; yes: string; no: string; states: Record<LeftState, string> }
>

export const renderLeftHeader = (language: Language): string =>
  byteOrderMark + renderLine(words[language].columns)

export function renderLeftLine(language: Language, login: LeftLogin): string {
  const { yes, no, states } = words[language]
  return renderLine([
    login.login,
    login.company,
    login.contract,
    login.contactName,
    groupDigits(login.contactPhone),
    login.contactEmail,
    login.shared ? yes : no,
    login.lastSignInAt && dayInParis(login.lastSignInAt),
    states[login.state],
  ])
}

const renderLine = (fields: (string | null)[]): string =>
  tableLine(
    fields.map((field) => keepDigits(oneLine(field ?? ''))),
    '…',
  )

/**
 * A spreadsheet takes digits for a number, without their leading zeros and with fifteen places. An apostrophe in front
 * keeps them as they are written.
 */
const keepDigits = (text: string): string => (/^(0\d+|\d{12,})$/.test(text.trim()) ? `'${text}` : text)

/** A French number in one piece becomes one in pairs, which is how it is dialled and stays a text. */
const groupDigits = (phone: string | null): string | null =>
  phone !== null && /^0\d{9}$/.test(phone) ? (phone.match(/\d{2}/g)?.join(' ') ?? phone) : phone

const paris = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Paris' })
/** YYYY-MM-DD */
const dayInParis = (moment: string): string => paris.format(new Date(moment))
