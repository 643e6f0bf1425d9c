/**
 * Names what differs between two documents of one contract: the field of the contract, the price, country, company or
 * alert. Pure.
 */
import type { Section } from '../digest.ts'
import type { ContractDocument } from '../model.ts'

/**
 * - `field` named: the record is there on both sides, and this field of it differs
 * - `field` null: the record is on one side only, `ours` or `theirs` says what it is; the other one is null
 */
export type Difference = {
  /** `digest`: the rows are equal, but the workspace gives another digest, or received another content. */
  section: Section | 'digest'
  /** The record's key, such as `FR 552100554`; null for the contract itself. */
  record: string | null
  field: string | null
  ours: string | null
  theirs: string | null
}

type Value = string | number | boolean | null | readonly string[]
type Record_ = { key: string | null; fields: Record<string, Value> }

/** @returns nothing when they are equal; the order of lists means nothing */
export function compareDocuments(ours: ContractDocument, theirs: ContractDocument): Difference[] {
  const [mine, other] = [splitDocument(ours), splitDocument(theirs)]
  return (Object.keys(mine) as Section[]).flatMap((section) =>
    compareSection(section, mine[section], other[section]),
  )
}

function splitDocument(document: ContractDocument): Record<Section, Record_[]> {
  const { contract, company, tariff, contact, signedOn, reports, analyses, score } = document
  return {
    contract: [
      {
        key: null,
        fields: {
          contract,
          'company.name': company.name,
          'company.country': company.country,
          'company.number': company.number,
          'tariff.name': tariff.name,
          'tariff.fee.cents': tariff.fee.cents,
          'tariff.fee.currency': tariff.fee.currency,
          signedOn,
          'contact.name': contact.name,
          'contact.email': contact.email,
          'contact.phone': contact.phone,
          reports,
          analyses,
          score,
        },
      },
    ],
    prices: tariff.prices.map(({ item, ...fields }) => ({ key: item, fields })),
    countries: document.countries.map((country) => ({ key: country, fields: {} })),
    portfolio: document.portfolio.map(({ country, number, ...fields }) => ({
      key: `${country} ${number}`,
      fields,
    })),
    monitoring: document.monitoring.map(({ country, number, kind, recipient, ...fields }) => ({
      // TAB would not be a key that a person can read; no field but the number and the recipient holds a space.
      key: `${country} ${number} ${kind} ${recipient}`,
      fields,
    })),
  }
}

function compareSection(section: Section, ours: Record_[], theirs: Record_[]): Difference[] {
  const [mine, other] = [groupByKey(ours), groupByKey(theirs)]
  const differences: Difference[] = []
  for (const key of new Set([...mine.keys(), ...other.keys()])) {
    // A key stands once; a side that has it twice is told too.
    const [left, right] = withoutEqual(mine.get(key) ?? [], other.get(key) ?? [])
    for (let i = 0; i < Math.max(left.length, right.length); i++)
      differences.push(...comparePair(section, left[i], right[i]))
  }
  return differences
}

function groupByKey(records: Record_[]): Map<string | null, Record_[]> {
  const groups = new Map<string | null, Record_[]>()
  for (const record of records) {
    const group = groups.get(record.key)
    if (group) group.push(record)
    else groups.set(record.key, [record])
  }
  return groups
}

function withoutEqual(ours: Record_[], theirs: Record_[]): [Record_[], Record_[]] {
  const count = (records: Record_[]) => {
    const counts = new Map<string, number>()
    for (const record of records)
      counts.set(describeRecord(record), (counts.get(describeRecord(record)) ?? 0) + 1)
    return counts
  }
  /** Those that have no twin in the other list. */
  const without = (records: Record_[], others: Map<string, number>) =>
    records.filter((record) => {
      const left = others.get(describeRecord(record)) ?? 0
      others.set(describeRecord(record), left - 1)
      return left <= 0
    })
  return [without(ours, count(theirs)), without(theirs, count(ours))]
}

function comparePair(section: Section, ours: Record_ | undefined, theirs: Record_ | undefined): Difference[] {
  const record = (ours ?? theirs)?.key ?? null
  if (!ours || !theirs)
    return [
      {
        section,
        record,
        field: null,
        ours: ours ? describeRecord(ours) : null,
        theirs: theirs ? describeRecord(theirs) : null,
      },
    ]
  return Object.entries(ours.fields).flatMap(([field, value]) => {
    const [mine, other] = [show(value), show(theirs.fields[field] ?? null)]
    return mine === other ? [] : [{ section, record, field, ours: mine, theirs: other }]
  })
}

/** Unequal for unequal records of a key: no text holds a TAB. */
const describeRecord = ({ key, fields }: Record_): string =>
  [key ?? '', ...Object.values(fields).map((value) => show(value) ?? '')].join('\t')

/** As a person reads it; `null`: absent. */
function show(value: Value): string | null {
  if (value === null) return null
  return typeof value === 'object' ? value.toSorted().join(' ') : String(value)
}
