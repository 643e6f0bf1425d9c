/** Planning the repair of a flow, without a server: what is done in which round. */
import { expect, test } from 'vitest'
import {
  browserFlow,
  firstBrokerFlow,
  flows,
  postBrokerFlow,
  type Subflow,
} from '../../../admin-sync/realm/flows.ts'
import { findRepairs, type Node } from '../../../admin-sync/realm/plan/flows.ts'

const flow = (alias: string) => {
  const found = flows.find((other) => other.alias === alias)
  if (!found) throw new Error(alias)
  return found
}
const refuse = flow(firstBrokerFlow)
const keys = (repairs: { key: string }[]) => repairs.map(({ key }) => key)

function node(
  providerId: string,
  requirement: string,
  priority: number,
  config?: Record<string, string>,
): Node {
  return {
    execution: { id: providerId, level: 0, index: 0, priority, requirement, providerId },
    config: config && { id: `config of ${providerId}`, alias: 'x', config },
    steps: [],
  }
}
function subflow(alias: string, requirement: string, priority: number, steps: Node[]): Node {
  return {
    execution: {
      id: alias,
      level: 0,
      index: 0,
      priority,
      requirement,
      displayName: alias,
      authenticationFlow: true,
    },
    config: undefined,
    steps,
  }
}
const refusal = { denyErrorMessage: 'cofaceringNotLinked' }

test('a flow that does not exist is made, and nothing else in that round', () => {
  expect(keys(findRepairs(refuse, undefined))).toEqual([firstBrokerFlow])
})

test('a flow as described needs nothing', () => {
  expect(findRepairs(refuse, [node('deny-access-authenticator', 'REQUIRED', 10, refusal)])).toEqual([])
})

test('a step gets its configuration before it is in force', () => {
  const bare = [node('deny-access-authenticator', 'DISABLED', 0)]
  expect(keys(findRepairs(refuse, bare))).toEqual([
    `${firstBrokerFlow} > deny-access-authenticator.denyErrorMessage`,
  ])
  const configured = [node('deny-access-authenticator', 'DISABLED', 0, refusal)]
  expect(findRepairs(refuse, configured)).toMatchObject([{ to: 'REQUIRED at 10' }])
})

test('a subflow is in force only when everything in it is right', () => {
  const [wanted] = flow(postBrokerFlow).steps as [Subflow]
  const allow = node('allow-access-authenticator', 'REQUIRED', 20)
  const condition = node('conditional-user-attribute', 'REQUIRED', 10, {
    attribute_name: 'activation',
    attribute_expected_value: 'pending',
  })
  const half = subflow(wanted.subflow, 'DISABLED', 0, [condition])
  expect(keys(findRepairs(flow(postBrokerFlow), [half, allow]))).toEqual([
    `${wanted.subflow} > deny-access-authenticator`,
  ])
  const deny = node('deny-access-authenticator', 'REQUIRED', 20, { denyErrorMessage: 'accountPending' })
  const whole = subflow(wanted.subflow, 'DISABLED', 0, [condition, deny])
  expect(findRepairs(flow(postBrokerFlow), [whole, allow])).toMatchObject([{ to: 'CONDITIONAL at 10' }])
})

test('a foreign step in a flow of ours is removed: it could let everybody pass', () => {
  const tree = [
    node('deny-access-authenticator', 'REQUIRED', 10, refusal),
    node('idp-create-user-if-unique', 'ALTERNATIVE', 30),
  ]
  expect(findRepairs(refuse, tree)).toMatchObject([
    { key: `${firstBrokerFlow} > idp-create-user-if-unique`, to: 'not set' },
  ])
})

test('a foreign step in a copy of a stock flow stays, and only our subflows are put in', () => {
  const forms = subflow(`${browserFlow} forms`, 'ALTERNATIVE', 30, [
    node('auth-username-password-form', 'REQUIRED', 10),
    node('console-authenticator', 'REQUIRED', 12),
  ])
  const repairs = findRepairs(flow(browserFlow), [node('auth-cookie', 'ALTERNATIVE', 10), forms])
  expect(keys(repairs)).toEqual([
    `${browserFlow} > ellipro sso`,
    `${browserFlow} forms > refuse pending browser`,
    `${browserFlow} > auth-cookie`,
  ])
})
