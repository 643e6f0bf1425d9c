import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../../dev/cofacering/random.ts'
import {
  planChanges,
  readCursor,
  startFollowing,
  writeCursor,
  type Change,
} from '../../../../admin-sync/contracts/source/changes.ts'

const start = Date.parse('2026-11-24T08:00:00Z')
/** `seconds` after eight, as PostgreSQL writes it. */
const at = (seconds: number) => new Date(start + seconds * 1000).toISOString().replace('Z', '000Z')
const limits = { overlapSeconds: 600, resolutionSeconds: 1, isCut: false, portion: 100 }

describe('following changes', () => {
  it('names a change once, however often the overlap shows it again', () => {
    const change = { contract: 'A', moment: at(100) }
    const first = planChanges({ through: at(50), seen: [] }, [change], { ...limits, now: at(110) })
    expect(first.contracts).toEqual(['A'])
    const second = planChanges(first.cursor, [change], { ...limits, now: at(170) })
    expect(second.contracts).toEqual([])
    const again = { contract: 'A', moment: at(180) }
    expect(planChanges(second.cursor, [change, again], { ...limits, now: at(190) }).contracts).toEqual(['A'])
  })

  it('names a change whose transaction was committed late, behind others that were named', () => {
    const early = { contract: 'late', moment: at(100) }
    const late = { contract: 'B', moment: at(160) }
    const first = planChanges({ through: at(90), seen: [] }, [late], { ...limits, now: at(200) })
    expect(first.contracts).toEqual(['B'])
    expect(planChanges(first.cursor, [early, late], { ...limits, now: at(260) }).contracts).toEqual(['late'])
  })

  it('names a change again while another one may come with the same moment', () => {
    const change = { contract: 'A', moment: at(100) }
    const first = planChanges({ through: at(50), seen: [] }, [change], { ...limits, now: at(100.5) })
    const second = planChanges(first.cursor, [change], { ...limits, now: at(160) })
    expect(second.contracts).toEqual(['A'])
    expect(planChanges(second.cursor, [change], { ...limits, now: at(220) }).contracts).toEqual([])
  })

  it('goes on where a portion ended, and never beyond the clock nor back', () => {
    const rows = ['A', 'B', 'C'].map((contract, i) => ({ contract, moment: at(100 + i) }))
    const first = planChanges({ through: at(50), seen: [] }, rows.slice(0, 2), {
      ...limits,
      now: at(300),
      isCut: true,
    })
    expect(first).toMatchObject({ contracts: ['A', 'B'], cursor: { through: at(101) } })
    expect(planChanges(first.cursor, rows, { ...limits, now: at(300) }).contracts).toEqual(['C'])
    expect(planChanges({ through: at(50), seen: [] }, rows, { ...limits, now: at(300), portion: 2 })).toEqual(
      first,
    )
    const planned = { contract: 'D', moment: at(90_000) }
    expect(planChanges(first.cursor, [planned], { ...limits, now: at(300) }).cursor.through).toBe(at(300))
    expect(planChanges({ through: at(300), seen: [] }, [], { ...limits, now: at(200) }).cursor.through).toBe(
      at(300),
    )
  })

  it('starts with what changes from now on, and not with what the overlap shows', () => {
    const before = { contract: 'A', moment: at(100) }
    const { contracts, cursor } = startFollowing([before], { ...limits, now: at(200) })
    expect(contracts).toEqual([])
    expect(planChanges(cursor, [before], { ...limits, now: at(260) }).contracts).toEqual([])
  })

  it('keeps a cursor as one text', () => {
    const { cursor } = startFollowing([{ contract: 'a b', moment: at(1) }], { ...limits, now: at(10) })
    expect(readCursor(writeCursor(cursor))).toEqual(cursor)
    expect(readCursor(at(1))).toEqual({ through: at(1), seen: [] })
  })

  it.each([1, 2, 3, 4])(
    'misses nothing, whatever is committed when and however small the portion (%i)',
    (seed) => {
      const random = createRandom(seed)
      // Up to two minutes from the change to its commit; the overlap is three.
      const commits = Array.from({ length: 400 }, (_, i) => {
        const changed = random.between(0, 3_000_000) / 1000
        return { contract: `C${i % 40}`, moment: at(changed), committed: changed + random.between(0, 120) }
      })
      let cursor = startFollowing([], { ...limits, now: at(0) }).cursor
      const named: { contract: string; when: number }[] = []
      for (let now = 0; now < 4000; now += random.between(1, 90)) {
        const since = at((Date.parse(cursor.through) - start) / 1000 - 180)
        const rows: Change[] = commits
          .filter(({ committed, moment }) => committed <= now && moment > since)
          .toSorted((a, b) => (a.moment < b.moment ? -1 : 1))
        const limit = cursor.seen.length + 7
        const plan = planChanges(cursor, rows.slice(0, limit), {
          now: at(now),
          overlapSeconds: 180,
          resolutionSeconds: 1,
          isCut: rows.length >= limit,
          portion: 7,
        })
        named.push(...plan.contracts.map((contract) => ({ contract, when: now })))
        cursor = plan.cursor
      }
      const missed = commits.filter(
        ({ contract, committed }) => !named.some((one) => one.contract === contract && one.when >= committed),
      )
      expect(missed).toEqual([])
      expect(named.length).toBeLessThan(commits.length * 1.5)
    },
  )
})
