/**
 * What can be wrong with a line of a source, and what is said of it. The codes are stable: reports, tables and tests
 * know them. An error sets its line aside (or the contract that it names); a warning is only told. Pure.
 */
import type { Kind } from '../model.ts'

export type Severity = 'error' | 'warning'
type Sentence = { severity: Severity; fr: string; en: string }

const error = (fr: string, en: string): Sentence => ({ severity: 'error', fr, en })
const warning = (fr: string, en: string): Sentence => ({ severity: 'warning', fr, en })

export const problems = {
  // ── of the line as it stands in its file
  quote: error(
    'un guillemet est de trop, ou manque : la ligne n’a pas pu être lue',
    'a quote too many, or one that is missing: the line could not be read',
  ),
  column_count: error(
    'la ligne n’a pas autant de colonnes que l’en-tête',
    'not as many columns as the header',
  ),
  json: error('la ligne n’est pas un objet JSON', 'the line is not a JSON object'),
  json_member: error('membre JSON inconnu', 'unknown JSON member'),
  json_value: error(
    'valeur JSON qui n’est ni un texte, ni un nombre entier, ni vrai ou faux',
    'a JSON value that is neither a text, nor a whole number, nor true or false',
  ),
  not_text: error(
    'caractère qu’aucun texte ne peut contenir (NUL, moitié de caractère)',
    'a character that no text may hold (NUL, half of a character)',
  ),

  // ── of a single value
  value_missing: error('une valeur obligatoire manque', 'a value that must be there is missing'),
  too_long: error('texte trop long', 'text too long'),
  control_character: error('caractère de commande dans un texte', 'a control character in a text'),
  siren: error('ce n’est pas un SIREN (9 chiffres, clé de contrôle)', 'not a SIREN (9 digits, check digit)'),
  country: error(
    'code de pays inconnu (ISO 3166-1, deux lettres)',
    'unknown country code (ISO 3166-1, two letters)',
  ),
  currency: error('code de monnaie inconnu (ISO 4217)', 'unknown currency code (ISO 4217)'),
  amount: error('ce n’est pas un montant en centimes entiers', 'not an amount in whole cents'),
  date: error('cette date n’existe pas (AAAA-MM-JJ)', 'no such date (YYYY-MM-DD)'),
  moment: error(
    'ce n’est pas un instant ISO 8601 avec son décalage horaire',
    'not an ISO 8601 moment with its offset',
  ),
  boolean: error('ni « true » ni « false »', 'neither “true” nor “false”'),
  entitlement: error('droit inconnu', 'unknown entitlement'),
  alert_kind: error('type d’alerte inconnu', 'unknown kind of alert'),
  email: error('ce n’est pas une adresse e-mail', 'not an e-mail address'),
  place: error('le rang n’est pas un entier à partir de 1', 'the place is not a whole number from 1'),
  media_type: error('ce n’est pas un type de média', 'not a media type'),
  base64: error('le contenu n’est pas en base64', 'the content is not base64'),

  // ── of lines among each other
  line_repeated: warning(
    'ligne identique à une autre : gardée une seule fois',
    'identical to another line: kept once',
  ),
  line_contradicts: error(
    'contredit une autre ligne qui a la même clé : aucune des deux n’est reprise',
    'contradicts another line with the same key: neither is taken',
  ),
  contract_twice: error(
    'ce contrat figure plusieurs fois : il n’est pas repris',
    'this contract stands more than once: it is not taken',
  ),
  contract_unknown: error('aucun contrat de ce numéro', 'no contract of this number'),
  company_unknown: error(
    'alerte sur une société qui n’est pas dans le portefeuille du contrat',
    'alert on a company that is not in the portfolio of the contract',
  ),
  account_unknown: error('aucun identifiant de cette clé', 'no login of this key'),
  message_unknown: error('aucun message de cette clé', 'no message of this key'),
} as const satisfies Record<string, Sentence>
export type ProblemCode = keyof typeof problems

/** A problem as reports have it. */
export type ImportProblem = {
  severity: Severity
  code: ProblemCode
  kind: Kind
  /** The file, or the query. */
  place: string
  /** Line of the file, or number of the row. */
  line: number | null
  contract: string | null
  /** The value in question, at most 200 characters. */
  value: string | null
}
