/**
 * Stage `flows`: the tree of each flow of ours is compared with what flows.ts says, and repaired in rounds. A round
 * does all that can be done with what exists; a subflow gets its requirement last, when everything in it is right, so
 * that no half-built refusal is ever in force.
 */
import type { RealmAdmin } from '../../keycloak/realm.ts'
import type { Execution, ExecutionConfig } from '../../keycloak/representations.ts'
import { compare, merge, type Difference } from '../compare.ts'
import { flows, type OwnedFlow, type Step, type Subflow } from '../flows.ts'
import type { Stage } from '../stage.ts'

/** One line of a flow with its configuration and the lines below it. */
export type Node = { execution: Execution; config: ExecutionConfig | undefined; steps: Node[] }
/** `undefined` for a flow that does not exist. */
export type FlowTree = Node[] | undefined

export type Repair = Difference & { write(admin: RealmAdmin): Promise<unknown> }

export const flowsStage: Stage<Record<string, FlowTree>> = {
  name: 'flows',
  none: {},
  async read(admin) {
    const existing = new Set((await admin.listFlows()).map((flow) => flow.alias))
    const trees: Record<string, FlowTree> = {}
    for (const { alias } of flows)
      trees[alias] = existing.has(alias) ? await readTree(admin, alias) : undefined
    return trees
  },
  plan: (current) =>
    flows.flatMap((flow) => {
      const repairs = findRepairs(flow, current[flow.alias])
      if (repairs.length === 0) return []
      return [
        {
          object: `flow ${flow.alias}`,
          action: current[flow.alias] ? ('change' as const) : ('create' as const),
          differences: current[flow.alias] ? repairs.map(({ key, from, to }) => ({ key, from, to })) : [],
          write: (admin) => repairFlow(admin, flow, current[flow.alias]),
        },
      ]
    }),
}

/** A flow is right after six rounds: itself, its subflows, their steps, configurations, requirements, its own. */
const mostRounds = 10

async function repairFlow(admin: RealmAdmin, flow: OwnedFlow, current: FlowTree): Promise<void> {
  let tree = current
  for (let round = 0; round < mostRounds; round++) {
    const repairs = findRepairs(flow, tree)
    if (repairs.length === 0) return
    for (const repair of repairs) await repair.write(admin)
    tree = await readTree(admin, flow.alias)
  }
  throw new Error(`flow ${flow.alias} is not as described after ${mostRounds} rounds`)
}

async function readTree(admin: RealmAdmin, alias: string): Promise<Node[]> {
  const root: Node[] = []
  /** The list that the next line of each depth belongs to. */
  const open: Node[][] = [root]
  for (const execution of await admin.listExecutions(alias)) {
    const config = execution.authenticationConfig
      ? await admin.readExecutionConfig(execution.authenticationConfig)
      : undefined
    const node = { execution, config, steps: [] }
    open[execution.level]?.push(node)
    open[execution.level + 1] = node.steps
  }
  return root
}

/** What can be put right now, in order; empty when the flow is as described. Pure. */
export function findRepairs(flow: OwnedFlow, tree: FlowTree): Repair[] {
  if (!tree)
    return [
      {
        key: flow.alias,
        from: 'not set',
        to: 'new',
        write: (admin) =>
          flow.copyOf
            ? admin.copyFlow(flow.copyOf, flow.alias)
            : admin.createFlow(flow.alias, flow.description),
      },
    ]
  if (flow.steps) return repairSteps(flow.alias, flow.alias, tree, flow.steps)
  return [
    ...(flow.insert ?? []).flatMap(({ into, subflow }) => {
      const parent = into === flow.alias ? tree : findSubflow(tree, into)?.steps
      return parent ? repairStep(flow.alias, into, parent, subflow) : []
    }),
    ...(flow.set ?? []).flatMap(({ authenticator, requirement }) => {
      const node = tree.find(({ execution }) => execution.providerId === authenticator)
      return node ? requireStep(flow.alias, node, requirement, node.execution.priority) : []
    }),
  ]
}

/** All steps of a subflow that is ours: missing ones added, foreign ones removed. */
function repairSteps(
  flow: string,
  parent: string,
  tree: Node[],
  steps: readonly (Step | Subflow)[],
): Repair[] {
  return [
    ...steps.flatMap((step) => repairStep(flow, parent, tree, step)),
    ...tree
      .filter(({ execution }) => !steps.some((step) => isSame(step, execution)))
      .map(({ execution }) => ({
        key: `${parent} > ${execution.displayName ?? execution.providerId ?? execution.id}`,
        from: execution.requirement,
        to: 'not set',
        write: (admin: RealmAdmin) => admin.deleteExecution(execution.id),
      })),
  ]
}

function repairStep(flow: string, parent: string, siblings: Node[], step: Step | Subflow): Repair[] {
  const node = siblings.find(({ execution }) => isSame(step, execution))
  if (!node)
    return [
      {
        key: `${parent} > ${'subflow' in step ? step.subflow : step.authenticator}`,
        from: 'not set',
        to: step.requirement,
        write: (admin) =>
          'subflow' in step
            ? admin.addSubflow(parent, step.subflow, step.description)
            : admin.addExecution(parent, step.authenticator),
      },
    ]
  const inside =
    'subflow' in step
      ? repairSteps(flow, step.subflow, node.steps, step.steps)
      : repairConfig(parent, node, step)
  return inside.length > 0 ? inside : requireStep(flow, node, step.requirement, step.priority)
}

function repairConfig(parent: string, node: Node, step: Step): Repair[] {
  const { config } = step
  if (!config) return []
  const differences = compare(node.config?.config ?? {}, config.values, `${parent} > ${step.authenticator}`)
  const values = merge(node.config?.config, config.values) as Record<string, string>
  return differences.slice(0, 1).map((first) => ({
    ...first,
    write: (admin) =>
      node.config?.id
        ? admin.updateExecutionConfig({ id: node.config.id, alias: node.config.alias, config: values })
        : admin.createExecutionConfig(node.execution.id, { alias: config.alias, config: values }),
  }))
}

function requireStep(flow: string, { execution }: Node, requirement: string, priority: number): Repair[] {
  if (execution.requirement === requirement && execution.priority === priority) return []
  return [
    {
      key: `${flow} > ${execution.displayName ?? execution.providerId}`,
      from: `${execution.requirement} at ${execution.priority}`,
      to: `${requirement} at ${priority}`,
      write: (admin) => admin.updateExecution(flow, { ...execution, requirement, priority }),
    },
  ]
}

function isSame(step: Step | Subflow, execution: Execution): boolean {
  return 'subflow' in step
    ? execution.authenticationFlow === true && execution.displayName === step.subflow
    : execution.providerId === step.authenticator
}

function findSubflow(tree: Node[], alias: string): Node | undefined {
  for (const node of tree) {
    const found =
      node.execution.authenticationFlow === true && node.execution.displayName === alias
        ? node
        : findSubflow(node.steps, alias)
    if (found) return found
  }
  return undefined
}
