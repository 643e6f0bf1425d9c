/**
 * What each value of a line must be, as conditions of SQL on the texts of the stage. A rule says when it is broken; of a
 * value that is not there only `value_missing` is. Pure: texts of SQL, built from our own names and from codes alone.
 */
import { listCountries } from '../../../core/offer.ts'
import { alertKinds, analyses, reports, type Kind } from '../model.ts'
import type { ProblemCode } from './problems.ts'

/** A change of what is right makes every contract be looked at again: a new number says so. */
export const rulesVersion = 1

/** ISO 4217 of today, sorted: the platform's list. */
export const listCurrencies = (): string[] => Intl.supportedValuesOf('currency')

export type Rule = {
  code: ProblemCode
  /** Whose value the report shows. */
  column: string
  /** SQL, true for a line that breaks the rule; of a column that is NULL neither true nor needed. */
  broken: string
  /** However many lines there are: it is enough to look at each value once. */
  hasFewValues?: true
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`
const listed = (values: readonly string[]) => values.map(quote).join(', ')

const needed = (...names: string[]): Rule[] =>
  names.map((column) => ({ code: 'value_missing', column, broken: `${column} IS NULL` }))
/** C0, DEL and C1: what \p{Cc} is. The reader of the lines has marked those where one can be (stage.ts). */
const control = (column: string): Rule => ({
  code: 'control_character',
  column,
  broken: `(control AND ${column} ~ '[\\u0001-\\u001f\\u007f-\\u009f]')`,
})
const plain = (column: string, maximum: number): Rule[] => [
  // Bytes are known, characters are counted: that only where there may be too many.
  {
    code: 'too_long',
    column,
    broken: `(octet_length(${column}) > ${maximum} AND length(${column}) > ${maximum})`,
  },
  control(column),
]
const rule =
  (code: ProblemCode, broken: (column: string) => string) =>
  (column: string): Rule => ({ code, column, broken: broken(column) })

const country = rule('country', (column) => `${column} NOT IN (${listed(listCountries())})`)
const currency = rule('currency', (column) => `${column} NOT IN (${listed(listCurrencies())})`)
// 15 digits: what a number of JSON keeps exactly.
const amount = rule('amount', (column) => `${column} !~ '^[0-9]{1,15}$'`)
const date = (column: string): Rule => ({
  code: 'date',
  column,
  broken: `(${column} !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' OR NOT pg_input_is_valid(${column}, 'date'))`,
  hasFewValues: true,
})
const moment = rule(
  'moment',
  (column) =>
    `${column} !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$' OR NOT pg_input_is_valid(${column}, 'timestamptz')`,
)
const boolean = rule('boolean', (column) => `${column} NOT IN ('true', 'false')`)
const among = (code: ProblemCode, values: readonly string[]) =>
  rule(code, (column) => `${column} NOT IN (${listed(values)})`)
const allAmong = (code: ProblemCode, values: readonly string[]) =>
  rule(code, (column) => `NOT string_to_array(${column}, ' ') <@ ARRAY[${listed(values)}]`)
const email = rule(
  'email',
  (column) => `${column} !~ '^[^[:space:]@<>"(),:;]+@[^[:space:]@<>"(),:;]+[.][^[:space:]@<>"(),:;.]+$'`,
)

/** Sum of the digits of each number of three digits as Luhn counts them, when its second one is doubled, and when not. */
const luhn = (doublesSecond: boolean): string =>
  Array.from({ length: 1000 }, (_, group) =>
    [Math.floor(group / 100), Math.floor(group / 10) % 10, group % 10].reduce((sum, digit, i) => {
      const counted = (i === 1) === doublesSecond ? digit * 2 : digit
      return sum + (counted > 9 ? counted - 9 : counted)
    }, 0),
  ).join(',')
const sumOf = (group: string, doublesSecond: boolean) =>
  `('{${luhn(doublesSecond)}}'::smallint[])[1 + ${group}]`
/** By three looks into a table, not nine multiplications: this is asked for each line of millions. */
const isSiren = (column: string): string => {
  const n = `${column}::integer`
  return `CASE WHEN ${column} ~ '^[0-9]{9}$'
    THEN (${sumOf(`${n} / 1000000`, true)} + ${sumOf(`${n} / 1000 % 1000`, false)} + ${sumOf(`${n} % 1000`, true)}) % 10 = 0 ELSE false END`
}
const company: Rule[] = [
  ...needed('country', 'number'),
  country('country'),
  { code: 'siren', column: 'number', broken: `country = 'FR' AND NOT ${isSiren('number')}` },
  ...plain('number', 32),
]

export const rules: Record<Kind, readonly Rule[]> = {
  contracts: [
    ...needed('contract', 'company', 'tariff', 'fee_cents', 'currency', 'signed_on', 'score'),
    ...plain('contract', 64),
    ...plain('company', 255),
    ...company,
    ...plain('tariff', 100),
    amount('fee_cents'),
    currency('currency'),
    date('signed_on'),
    ...plain('contact_name', 255),
    ...plain('contact_email', 254),
    email('contact_email'),
    ...plain('contact_phone', 64),
    allAmong('entitlement', reports)('reports'),
    allAmong('entitlement', analyses)('analyses'),
    boolean('score'),
  ],
  prices: [
    ...needed('contract', 'item', 'amount_cents', 'currency'),
    ...plain('item', 64),
    amount('amount_cents'),
    currency('currency'),
  ],
  countries: [...needed('contract', 'country'), country('country')],
  portfolio: [
    ...needed('contract', 'name', 'added_on'),
    ...company,
    ...plain('name', 255),
    ...plain('reference', 255),
    date('added_on'),
  ],
  monitoring: [
    ...needed('contract', 'kind', 'recipient', 'since'),
    ...company,
    among('alert_kind', alertKinds)('kind'),
    ...plain('recipient', 254),
    email('recipient'),
    date('since'),
  ],
  logins: [
    ...needed('account', 'login', 'contract', 'shared', 'disabled'),
    ...plain('account', 255),
    ...plain('login', 255),
    boolean('shared'),
    boolean('disabled'),
    date('created_on'),
    moment('last_sign_in_at'),
  ],
  messages: [
    ...needed('account', 'message', 'sent_at', 'sender'),
    ...plain('message', 64),
    moment('sent_at'),
    ...plain('sender', 998),
    ...plain('subject', 998),
  ],
  attachments: [
    ...needed('account', 'message', 'place', 'name', 'media_type'),
    { code: 'place', column: 'place', broken: `place !~ '^[1-9][0-9]{0,5}$'` },
    ...plain('name', 255),
    ...plain('media_type', 127),
    {
      code: 'media_type',
      column: 'media_type',
      broken: `media_type !~ '^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$'`,
    },
    {
      code: 'base64',
      column: 'content',
      broken: `content !~ '^[A-Za-z0-9+/]*={0,2}$' OR length(content) % 4 <> 0`,
    },
  ],
}

/** Columns that tell one record of the kind from another. */
export const keys: Record<Kind, readonly string[]> = {
  contracts: ['contract'],
  prices: ['contract', 'item'],
  countries: ['contract', 'country'],
  portfolio: ['contract', 'country', 'number'],
  monitoring: ['contract', 'country', 'number', 'kind', 'recipient'],
  logins: ['account'],
  messages: ['account', 'message'],
  attachments: ['account', 'message', 'place'],
}

/** Whose lines they are: a contract, or a login. */
export const ownerOf = (kind: Kind): 'contract' | 'account' =>
  kind === 'messages' || kind === 'attachments' ? 'account' : 'contract'
