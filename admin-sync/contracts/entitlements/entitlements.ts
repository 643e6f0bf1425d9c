/**
 * What a person may use, from their contracts to the user attributes that client scope `ellipro` turns into claims
 * (realm/client-scope.ts, docs/applications.md). Pure.
 *
 *   contracts_claim  as many of the contracts as a token shall hold      reports, analyses  of any of the contracts
 *   contracts_total  how many there are                                  score              of any of them
 *                                                                        countries          how many different ones
 *
 * These attributes are admin-sync's alone. A contract that was not imported yet gives its name and nothing else; while
 * none is, whatever an administrator wrote into the last four stays.
 */
import { analyses, reports } from '../model.ts'

export type Attributes = Record<string, string[] | undefined>

/** What a contract gives, as imported. Countries: ISO 3166-1 alpha-2. */
export type Rights = {
  reports: readonly string[]
  analyses: readonly string[]
  score: boolean
  countries: readonly string[]
}

/** What the database knows of a user. */
export type Standing = {
  /** Contracts of the logins that the person holds. */
  held: readonly string[]
  /** The account was made for a login that is not this person's any more. */
  isClosed: boolean
}
export const unknownUser: Standing = { held: [], isClosed: false }

/** A token with so many contracts has room in a cookie of 4 KB and in a header of 8 KB (docs/applications.md). */
export const mostContracts = 20
/** As the user profile allows for one value. */
const longest = 64

const rightsAttributes = ['reports', 'analyses', 'score', 'countries'] as const
const ownAttributes = ['contracts_claim', 'contracts_total', ...rightsAttributes] as const

/**
 * The contracts of a user: of the logins that they hold, and what stands on the user besides (an administrator wrote
 * it). Sorted.
 * @param listed the attribute `contract`
 */
export function listContracts(listed: readonly string[], { held, isClosed }: Standing): string[] {
  if (isClosed) return []
  // By code unit, so that it is the same everywhere.
  return [...new Set([...listed, ...held])]
    .filter((contract) => contract.length <= longest)
    .toSorted((a, b) => (a < b ? -1 : 1))
}

/**
 * @param current the user's attributes @param contracts all of the user, sorted
 * @param rights of those of them that were imported
 * @returns only what differs; empty when all is well
 */
export function planEntitlements(
  current: Readonly<Record<string, string[]>>,
  contracts: readonly string[],
  rights: ReadonlyMap<string, Rights>,
): Attributes {
  const known = contracts.flatMap((contract) => rights.get(contract) ?? [])
  const wanted: Attributes = {
    contracts_claim: contracts.slice(0, mostContracts),
    contracts_total: contracts.length === 0 ? [] : [String(contracts.length)],
    ...(known.length > 0 ? describeRights(known) : contracts.length === 0 ? noRights : {}),
  }
  return Object.fromEntries(
    Object.entries(wanted)
      .filter(([name, values = []]) => !hasSameValues(current[name] ?? [], values))
      .map(([name, values = []]) => [name, values.length === 0 ? undefined : values]),
  )
}

function describeRights(known: readonly Rights[]): Attributes {
  const all = (kind: 'reports' | 'analyses' | 'countries') => new Set(known.flatMap((one) => one[kind]))
  return {
    reports: reports.filter((report) => all('reports').has(report)),
    analyses: analyses.filter((analysis) => all('analyses').has(analysis)),
    score: [String(known.some(({ score }) => score))],
    countries: [String(all('countries').size)],
  }
}

/** What an account keeps of what a contract gave, when it has none any more that is known: nothing. */
export const noRights: Attributes = Object.fromEntries(rightsAttributes.map((name) => [name, undefined]))

/** What an account that is closed keeps of all this: nothing. */
export const noEntitlements: Attributes = Object.fromEntries(ownAttributes.map((name) => [name, undefined]))

/** Keycloak keeps no order of values. */
const hasSameValues = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((value) => b.includes(value))
