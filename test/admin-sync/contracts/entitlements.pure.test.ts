/** What several contracts give together, and what of it is written. */
import { describe, expect, test } from 'vitest'
import {
  listContracts,
  mostContracts,
  planEntitlements,
  unknownUser,
  type Rights,
} from '../../../admin-sync/contracts/entitlements/entitlements.ts'

const none: Rights = { reports: [], analyses: [], score: false, countries: [] }
const rightsOf = (rights: Record<string, Partial<Rights>>) =>
  new Map(Object.entries(rights).map(([contract, some]) => [contract, { ...none, ...some }]))

describe('the contracts of a user', () => {
  test('are those of the logins that they hold and what stands on the user, each once and sorted', () => {
    const standing = { ...unknownUser, held: ['C-2', 'C-10'] }
    expect(listContracts(['Z-1', 'C-2'], standing)).toEqual(['C-10', 'C-2', 'Z-1'])
    expect(listContracts([], unknownUser)).toEqual([])
  })

  test('are none when the account is closed, whatever stands on it', () => {
    expect(listContracts(['C-1'], { held: ['C-2'], isClosed: true })).toEqual([])
  })

  test('are without one that Keycloak could not hold: it would refuse the whole user', () => {
    expect(listContracts([], { ...unknownUser, held: ['x'.repeat(65), 'x'.repeat(64)] })).toEqual([
      'x'.repeat(64),
    ])
  })
})

describe('what is written', () => {
  test('is the union of what the contracts give; a country that two have counts once', () => {
    const rights = rightsOf({
      a: { reports: ['expert', 'essentiel'], countries: ['FR', 'DE'] },
      b: { reports: ['essentiel'], analyses: ['optimum'], score: true, countries: ['DE', 'IT'] },
      other: { reports: ['efficient'], analyses: ['classic'], countries: ['US'] },
    })
    expect(planEntitlements({}, ['a', 'b'], rights)).toEqual({
      contracts_claim: ['a', 'b'],
      contracts_total: ['2'],
      reports: ['essentiel', 'expert'],
      analyses: ['optimum'],
      score: ['true'],
      countries: ['3'],
    })
  })

  test('is only what differs, and order is no difference', () => {
    const current = {
      contract: ['b', 'a'],
      contracts_claim: ['b', 'a'],
      contracts_total: ['2'],
      reports: ['expert', 'essentiel'],
      score: ['false'],
      countries: ['0'],
      company: ['Société'],
    }
    const rights = rightsOf({ a: { reports: ['essentiel', 'expert'] }, b: {} })
    expect(planEntitlements(current, ['a', 'b'], rights)).toEqual({})
    expect(planEntitlements(current, ['a', 'b'], rightsOf({ a: { reports: ['expert'] } }))).toEqual({
      reports: ['expert'],
    })
    expect(planEntitlements(current, ['a', 'b'], rightsOf({ a: {} }))).toEqual({ reports: undefined })
  })

  test('of a contract that was not imported is its name; what stands beside it stays until one is', () => {
    const current = { reports: ['expert'], countries: ['12'] }
    expect(planEntitlements(current, ['a'], new Map())).toEqual({
      contracts_claim: ['a'],
      contracts_total: ['1'],
    })
    expect(planEntitlements(current, ['a', 'b'], rightsOf({ b: { score: true } }))).toEqual({
      contracts_claim: ['a', 'b'],
      contracts_total: ['2'],
      reports: undefined,
      score: ['true'],
      countries: ['0'],
    })
  })

  test('is taken away with the last contract', () => {
    const current = {
      contracts_claim: ['a'],
      contracts_total: ['1'],
      reports: ['expert'],
      analyses: ['classic'],
      score: ['true'],
      countries: ['3'],
    }
    const change = planEntitlements(current, [], new Map())
    expect(Object.keys(change).toSorted()).toEqual(Object.keys(current).toSorted())
    expect(Object.values(change).every((value) => value === undefined)).toBe(true)
  })

  test('has at most so many contracts as a token shall hold, and says how many there are', () => {
    const contracts = Array.from({ length: 200 }, (_, i) => `C-${1000 + i}`)
    const change = planEntitlements({}, contracts, rightsOf({ 'C-1199': { reports: ['expert'] } }))
    expect(change['contracts_claim']).toEqual(contracts.slice(0, mostContracts))
    expect(change).toMatchObject({ contracts_total: ['200'], reports: ['expert'] })
  })
})
