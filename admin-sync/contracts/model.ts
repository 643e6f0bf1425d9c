/**
 * What a contract consists of, on its way from Cofacering to Ellipro: the kinds of records that a source gives, and the
 * document that the workspace takes. One vocabulary for files, queries, tables, the workspace's API and the digest.
 *
 *   company   a country (ISO 3166-1 alpha-2) and its national number there; in FR the SIREN
 *   money     whole hundredths (`cents`) of a currency (ISO 4217)
 *   date      `YYYY-MM-DD`; moment: ISO 8601 with its offset
 *
 * No text but the body of a message holds a control character; an absent value is `null`, never an empty text.
 */
import { z } from 'zod'
import { analyses, reports } from '../../core/offer.ts'

export { analyses, reports }

/** Columns of each kind in a source, in order: names of CSV columns, of JSON members, and of columns of a query. */
export const columns = {
  contracts: [
    'contract',
    'company',
    'country',
    'number',
    'tariff',
    'fee_cents',
    'currency',
    'signed_on',
    'contact_name',
    'contact_email',
    'contact_phone',
    // Several values are separated by a space.
    'reports',
    'analyses',
    'score',
  ],
  prices: ['contract', 'item', 'amount_cents', 'currency'],
  countries: ['contract', 'country'],
  portfolio: ['contract', 'country', 'number', 'name', 'reference', 'added_on'],
  monitoring: ['contract', 'country', 'number', 'kind', 'recipient', 'since'],
  logins: ['account', 'login', 'contract', 'shared', 'disabled', 'created_on', 'last_sign_in_at'],
  messages: ['account', 'message', 'sent_at', 'sender', 'subject', 'body'],
  // `content` in base64.
  attachments: ['account', 'message', 'place', 'name', 'media_type', 'content'],
} as const
export type Kind = keyof typeof columns
export const kinds = Object.keys(columns) as Kind[]
/** Kinds that make up the document of a contract; the others are about logins. */
export const contractKinds = ['contracts', 'prices', 'countries', 'portfolio', 'monitoring'] as const

/** What an alert is about. */
export const alertKinds = ['accounts', 'address', 'insolvency', 'officers', 'payments', 'score'] as const

// Counted in characters, as PostgreSQL and JSON Schema do; `max()` would count UTF-16 code units.
const plain = (max: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${max}}$`, 'u'),
      `must have 1 to ${max} characters, none of them a control character`,
    )
    .meta({ minLength: 1, maxLength: max })
const country = z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code')
const date = z.iso.date()
const money = z.strictObject({
  cents: z.int().min(0),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
})
const company = { country, number: plain(32), name: plain(255) }

/** The body of `PUT /contracts/{contract}`, and what `GET /contracts/{contract}` answers. The order of lists means nothing. */
export const contractDocument = z.strictObject({
  contract: plain(64),
  company: z.strictObject(company),
  tariff: z.strictObject({
    name: plain(100),
    /** A year, excluding VAT. */
    fee: money,
    prices: z.array(z.strictObject({ item: plain(64), ...money.shape })),
  }),
  signedOn: date,
  contact: z.strictObject({
    name: plain(255).nullable(),
    email: plain(254).nullable(),
    phone: plain(64).nullable(),
  }),
  reports: z.array(z.enum(reports)),
  analyses: z.array(z.enum(analyses)),
  score: z.boolean(),
  /** Whose reports are read on line. */
  countries: z.array(country),
  portfolio: z.array(z.strictObject({ ...company, reference: plain(255).nullable(), addedOn: date })),
  monitoring: z.array(
    z.strictObject({
      country,
      number: plain(32),
      kind: z.enum(alertKinds),
      /** E-mail address that the alerts go to. */
      recipient: plain(254),
      since: date,
    }),
  ),
})
export type ContractDocument = z.infer<typeof contractDocument>
