/**
 * The canonical digest of a contract: equal on both sides when, and only when, every field is. docs/contract-digest.md is
 * its description for whoever writes the other side, with test vectors. Pure.
 *
 *   record   its fields joined by TAB; an absent one is empty, a list is sorted and joined by spaces
 *   section  SHA-256 of its records, sorted by their UTF-8 bytes, each followed by LF
 *   contract SHA-256 of `ellipro-contract-1` LF, then for each section, in order: name TAB count TAB digest LF
 *
 * No escape is needed: no text holds a control character (model.ts).
 */
import { createHash } from 'node:crypto'
import type { ContractDocument } from './model.ts'

export const sections = ['contract', 'prices', 'countries', 'portfolio', 'monitoring'] as const
export type Section = (typeof sections)[number]
/** Lower-case hexadecimal SHA-256, and how many records there are. */
export type SectionDigest = { count: number; digest: string }
export type ContractDigest = { digest: string; sections: Record<Section, SectionDigest> }

type Field = string | number | boolean | null | readonly string[]
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

function describe(field: Field): string {
  if (field === null) return ''
  return Array.isArray(field) ? field.toSorted(byBytes).join(' ') : String(field)
}
const record = (...fields: Field[]) => fields.map(describe).join('\t')

/** The records of each section, in no particular order. */
export function listRecords(document: ContractDocument): Record<Section, string[]> {
  const { company, tariff, contact } = document
  return {
    contract: [
      record(
        document.contract,
        company.name,
        company.country,
        company.number,
        tariff.name,
        tariff.fee.cents,
        tariff.fee.currency,
        document.signedOn,
        contact.name,
        contact.email,
        contact.phone,
        document.reports,
        document.analyses,
        document.score,
      ),
    ],
    prices: tariff.prices.map(({ item, cents, currency }) => record(item, cents, currency)),
    countries: document.countries.map((country) => record(country)),
    portfolio: document.portfolio.map(({ country, number, name, reference, addedOn }) =>
      record(country, number, name, reference, addedOn),
    ),
    monitoring: document.monitoring.map(({ country, number, kind, recipient, since }) =>
      record(country, number, kind, recipient, since),
    ),
  }
}

export function digestContract(document: ContractDocument): ContractDigest {
  const records = listRecords(document)
  const digested = Object.fromEntries(
    sections.map((section) => [section, digestSection(records[section])]),
  ) as Record<Section, SectionDigest>
  const all = sections.map(
    (section) => `${section}\t${digested[section].count}\t${digested[section].digest}\n`,
  )
  return { digest: sha256(`ellipro-contract-1\n${all.join('')}`), sections: digested }
}

function digestSection(records: readonly string[]): SectionDigest {
  const sorted = records.toSorted(byBytes)
  return { count: records.length, digest: sha256(sorted.map((line) => `${line}\n`).join('')) }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
