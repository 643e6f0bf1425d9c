/** The arithmetic of the bench, on figures whose answers are known. */
import { describe, expect, it } from 'vitest'
import { fill } from '../../bench/report.ts'
import {
  areaUnderCurve,
  compare,
  describeResults,
  formatTable,
  median,
  meets,
  quantile,
  round,
} from '../../bench/statistics.ts'

describe('the median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  it('of nothing is an error, not zero', () => {
    expect(() => median([])).toThrow(RangeError)
  })

  it('is one of the quantiles', () => {
    expect(quantile([0, 10, 20, 30, 40], 0.9)).toBe(36)
    expect(quantile([0, 10], 0)).toBe(0)
    expect(quantile([0, 10], 1)).toBe(10)
  })
})

describe('the area under the curve', () => {
  it.each([
    ['the same values', [1, 2, 3], [1, 2, 3], 0.5],
    ['all larger', [4, 5], [1, 2, 3], 1],
    ['all smaller', [1], [2, 3], 0],
    ['all equal', [7, 7], [7, 7, 7], 0.5],
    ['one of four pairs the other way', [2, 4], [1, 3], 0.75],
    ['a tie that counts half', [1, 2], [2, 3], 0.125],
  ])('with %s', (_, a, b, expected) => {
    expect(areaUnderCurve(a, b)).toBeCloseTo(expected, 10)
    expect(areaUnderCurve(b, a)).toBeCloseTo(1 - expected, 10)
  })

  it('of nothing is an error', () => {
    expect(() => areaUnderCurve([], [1])).toThrow(RangeError)
  })
})

describe('a result', () => {
  const lower = { unit: 'ms', goal: 1.25, better: 'lower' } as const

  it('is the ratio of the medians of all repetitions, not the mean of their ratios', () => {
    expect(compare('x', [10, 30, 20], [10, 40, 16], lower)).toEqual({
      name: 'x',
      ours: 20,
      peer: 16,
      unit: 'ms',
      ratio: 1.25,
      goal: 1.25,
      better: 'lower',
    })
  })

  it('meets its goal at the goal, on the side that is better', () => {
    expect(meets(compare('x', [5], [4], lower))).toBe(true)
    expect(meets(compare('x', [5.1], [4], lower))).toBe(false)
    expect(meets(compare('x', [9], [10], { unit: 'a second', goal: 0.9, better: 'higher' }))).toBe(true)
    expect(meets(compare('x', [8], [10], { unit: 'a second', goal: 0.9, better: 'higher' }))).toBe(false)
  })

  it.each([
    [1234.56, 1235],
    [12.3456, 12.3],
    [0.123456, 0.123],
    [0, 0],
  ])('says %d as %d', (value, expected) => {
    expect(round(value)).toBe(expected)
  })
})

describe('the report', () => {
  const results = [compare('speed', [12], [10], { unit: 'ms', goal: 1.25, better: 'lower' })]
  const table = formatTable(describeResults(results))

  it('lays a table out as Markdown, numbers to the right', () => {
    expect(table.split('\n')).toEqual([
      '| what  | ours | peer | unit | ratio | goal         | met |',
      '| ----- | ---: | ---: | ---- | ----: | ------------ | --- |',
      '| speed |   12 |   10 | ms   |   1.2 | at most 1.25 | yes |',
    ])
  })

  it('puts the tables of each part into their places, and keeps the sentences', () => {
    const figures = {
      op: {
        at: '2026-01-02T03:04:05.000Z',
        machine: { cores: '2' },
        results,
        tables: { steps: { columns: ['step', 'ms'], rows: [['one', 1]] } },
      },
    }
    const text = fill('Before {{results}} between {{steps}} and {{start}}, on {{machine}} after', figures)
    expect(text).toContain(`Before ${table} between`)
    expect(text).toMatch(/\| one {2}\| {3}1 \|/)
    expect(text).toContain('_Not measured yet (start)._')
    expect(text).toMatch(/2026-01-02 03:04 .*\n.*\n\| parts \| op +\|\n\| cores \| 2 +\| after/)
  })
})
