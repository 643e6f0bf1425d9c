/**
 * Invariant 12: whatever dies at whatever step of an activation, nobody who was told "we sent a mail" loses the
 * account, none is opened twice, at most one mail is sent twice, and no job is given up.
 *
 * A cell of the matrix (kill-matrix/table.ts) holds one of our processes at a checkpoint, kills something, starts it
 * again, and lets the person finish as people do.
 *
 * KILL_MATRIX='postgres,keycloak 6,link' runs the cells of these victims at step 6 or at checkpoints with this name;
 * KILL_MATRIX_REPORT names a file that gets each cell as it ends.
 */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { until } from '../support/checkpoints.ts'
import { cells, type Cell } from './kill-matrix/table.ts'
import { walk, type Walk } from './kill-matrix/walker.ts'
import { startWorld, type Outcome } from './kill-matrix/world.ts'

const world = await startWorld()
const { checkpoints, product } = world
const wanted = process.env['KILL_MATRIX']?.split(' ') ?? []
const selected = cells.filter(({ step, checkpoint, victim }) =>
  wanted.every((words) =>
    words.split(',').some((word) => word === String(step) || checkpoint.includes(word) || victim === word),
  ),
)
const report = process.env['KILL_MATRIX_REPORT']

type Line = { cell: Cell; seconds: number; walk: Walk; outcome: Outcome }
const lines: Line[] = []

async function runCell(cell: Cell): Promise<Line> {
  const startedAt = performance.now()
  const note = (what: string) =>
    state.trail.push(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  -- ${what}`)
  const who = world.newPerson()
  const state: Walk = { accepted: new Set(), askedMails: 0, sub: undefined, trail: [] }
  checkpoints.hold(cell.checkpoint)
  const walking = walk(product, who, state)
  walking.catch(() => undefined)
  const takeTime = world.hurry()
  try {
    // What follows the sign-in is held when the person has gone.
    await until(`${cell.checkpoint} is reached`, () => checkpoints.isHeld(cell.checkpoint), 90_000)
    note('held')
    await world.kill(cell.victim)
    checkpoints.release(cell.checkpoint)
    // Whoever waited there meets what was left.
    await sleep(150)
    await world.start(cell.victim)
    note('started again')
    if (cell.victim === 'adminSync' || cell.victim === 'postgres') await world.passTime()
    note('time passed')
    await walking
    note('signed in')
    await world.settle(who)
    note('settled')
  } catch (error) {
    throw new Error([String(error), ...state.trail, ...world.complaints()].join('\n'), { cause: error })
  } finally {
    checkpoints.release(cell.checkpoint)
    await takeTime()
  }
  const outcome = await world.look(who)
  return { cell, seconds: (performance.now() - startedAt) / 1000, walk: state, outcome }
}

function tell({ step, checkpoint, victim }: Cell, ...what: string[]): void {
  if (report) appendFileSync(report, [`step ${step} ${checkpoint} ${victim}`, ...what, ''].join('\n'))
}

/** Mails beyond one confirmation and one notice. */
const extraMails = ({ outcome: { mails } }: Line) =>
  Math.max(0, mails.toPerson - 1) + Math.max(0, mails.toContact - 1)

describe('an activation', () => {
  it.for(selected)('step $step, $checkpoint: survives the death of $victim', async (cell) => {
    const line = await runCell(cell).catch((error: unknown) => {
      tell(cell, String(error))
      throw error
    })
    tell(cell, ...line.walk.trail, JSON.stringify(line.outcome))
    lines.push(line)
    const { walk: walked, outcome } = line
    const { activations, users, opened } = outcome
    // Lost 0: each that was accepted is open. Twice 0: there is one, with one user, and no link is left.
    const openIds = activations.filter(({ state }) => state === 'opened').map(({ id }) => id)
    expect(openIds).toHaveLength(1)
    expect([...walked.accepted]).toEqual(openIds)
    expect(users).toEqual([{ id: opened?.userId, links: opened?.unlinked ? 0 : 1 }])
    expect(walked.sub).toBe(opened?.userId)
    expect(outcome.mails.toPerson).toBeGreaterThanOrEqual(1)
    expect(outcome.mails.toContact).toBeGreaterThanOrEqual(1)
    expect(extraMails(line)).toBeLessThanOrEqual(1)
    expect(outcome.deadLetters).toBe(0)
    tell(cell, `holds, extra mails ${extraMails(line)}`)
  })

  it('is neither lost nor opened twice over the whole matrix, and nothing is given up', () => {
    const lost = lines.flatMap(({ walk: { accepted }, outcome: { activations } }) =>
      [...accepted].filter((id) => activations.find((one) => one.id === id)?.state !== 'opened'),
    )
    const twice = lines.filter(
      ({ outcome: { activations, users } }) =>
        users.length > 1 || activations.filter(({ state }) => state === 'opened').length > 1,
    )
    expect(lines).toHaveLength(selected.length)
    expect({ lost, twice, dead: lines.at(-1)?.outcome.deadLetters }).toEqual({ lost: [], twice: [], dead: 0 })
  })
})

afterAll(() => {
  const table = lines.map((line) => ({
    step: line.cell.step,
    checkpoint: line.cell.checkpoint,
    killed: line.cell.victim,
    accepted: line.walk.accepted.size,
    state: line.outcome.activations.map(({ state }) => state).join(' '),
    'extra mails': extraMails(line),
    unlinked: line.outcome.opened?.unlinked,
    seconds: Number(line.seconds.toFixed(1)),
  }))
  console.table(table)
  console.log(
    `cells ${lines.length}, extra mails ${lines.reduce((sum, line) => sum + extraMails(line), 0)}, ` +
      `${Math.round(lines.reduce((sum, { seconds }) => sum + seconds, 0))} s`,
  )
})
