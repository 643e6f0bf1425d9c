/** The curve's days and scales, what the form asks for, and the list as a spreadsheet reads it: hostile names above all. */
import { describe, expect, it, test } from 'vitest'
import { readCsv } from '../../../admin-sync/operators/csv.ts'
import { renderLeftHeader, renderLeftLine, type LeftLogin } from '../../../core/left-list.ts'
import { leftStates, totalLogins } from '../../../core/migration.ts'
import { drawCurve, endOfAxis, placeOf } from '../../../provider/staff/migration/curve.ts'
import { readFilter, readRange } from '../../../provider/staff/migration/filter.ts'
import { returnPath } from '../../../provider/staff/return-path.ts'

/** The fields of a line, as a strict reader has them. */
const read = (line: string) => {
  const { records, problem } = readCsv(line, ';')
  expect([records.length, problem]).toEqual([1, undefined])
  return records[0]!.fields
}

describe('the curve', () => {
  // Half past midnight in Paris is the day before in London.
  const asOf = '2026-03-31T22:30:00Z'

  it('has every day up to today in Paris, over the change of the clocks, and adds up', () => {
    const { days, before, most } = drawCurve(
      {
        asOf,
        days: [
          { day: '2026-03-27', activated: 3 },
          { day: '2026-03-30', activated: 5 },
        ],
      },
      92,
    )
    expect(days).toEqual([
      { day: '2026-03-27', activated: 3, total: 3 },
      { day: '2026-03-28', activated: 0, total: 3 },
      { day: '2026-03-29', activated: 0, total: 3 },
      { day: '2026-03-30', activated: 5, total: 8 },
      { day: '2026-03-31', activated: 0, total: 8 },
      { day: '2026-04-01', activated: 0, total: 8 },
    ])
    expect([before, most]).toEqual([0, 5])
  })

  it('counts what came before the days that it shows', () => {
    const { days, before } = drawCurve(
      { asOf, days: ['2025-01-01', '2026-03-30', '2026-04-01'].map((day) => ({ day, activated: 2 })) },
      3,
    )
    expect(before).toBe(2)
    expect(days.map(({ total }) => total)).toEqual([4, 4, 6])
  })

  it('is one empty day when nobody came yet', () => {
    expect(drawCurve({ asOf, days: [] }, 92)).toEqual({
      before: 0,
      most: 0,
      days: [{ day: '2026-04-01', activated: 0, total: 0 }],
    })
  })

  test.each([
    [0, 1],
    [1, 1],
    [3, 5],
    [11, 20],
    [50, 50],
    [51, 100],
    [99_999, 100_000],
  ])('has a scale that holds %i and ends at %i', (number, end) => {
    expect(endOfAxis(number)).toBe(end)
    expect(placeOf(number, end)).toBeGreaterThanOrEqual(0)
  })
})

describe('what the form asks for', () => {
  it.each([
    [undefined, { states: leftStates }],
    [{ state: 'agent', seen: 'any' }, { states: ['agent'] }],
    [
      { state: ['lapsed', 'untouched', 'activated', 'x'], seen: 'quiet-3' },
      { states: ['untouched', 'lapsed'], quietYears: 3 },
    ],
    [{ state: { $ne: 1 }, seen: ['quiet-3'] }, { states: leftStates }],
    [{ seen: 'within-1' }, { states: leftStates, activeYears: 1 }],
    [{ seen: 'quiet-999' }, { states: leftStates }],
  ])('is read from %j', (body, filter) => {
    expect(readFilter(body)).toEqual(filter)
  })

  it('is the default for a range that is none of ours', () => {
    expect([
      readRange('31'),
      readRange('366'),
      readRange('9999'),
      readRange(['31']),
      readRange(undefined),
    ]).toEqual([31, 366, 92, 92, 92])
  })

  it('leads back to the page, also from a list that was asked for too late', () => {
    expect(returnPath('/staff/migration?range=31&to=//evil.example')).toBe('/staff/migration?range=31')
    expect(returnPath('/staff/migration/left')).toBe('/staff/migration')
    expect(returnPath('/staff/migration/other')).toBe('/staff')
  })
})

describe('the list', () => {
  const login: LeftLogin = {
    login: 'dupont12',
    company: 'Dupont & Fils',
    contract: 'CF-1',
    contactName: 'Mme Dupont',
    contactPhone: '0123456789',
    contactEmail: 'compta@dupont.example',
    shared: true,
    lastSignInAt: '2026-01-31T23:30:00Z',
    state: 'untouched',
  }
  it('begins with a byte order mark and has as many columns as fields', () => {
    for (const language of ['fr', 'en'] as const) {
      const header = renderLeftHeader(language)
      expect(header.startsWith('\uFEFF"')).toBe(true)
      expect(read(header.slice(1)).length).toBe(read(renderLeftLine(language, login)).length)
    }
  })

  it('has a telephone number as it is dialled, and days of Paris', () => {
    expect(read(renderLeftLine('fr', login))).toEqual([
      'dupont12',
      'Dupont & Fils',
      'CF-1',
      'Mme Dupont',
      '01 23 45 67 89',
      'compta@dupont.example',
      'oui',
      '2026-02-01',
      'jamais commencé',
    ])
  })

  it('is empty where nothing is known', () => {
    const nothing = {
      company: null,
      contract: null,
      contactName: null,
      contactPhone: null,
      contactEmail: null,
    }
    expect(read(renderLeftLine('en', { ...login, ...nothing, lastSignInAt: null, shared: false }))).toEqual([
      'dupont12',
      '',
      '',
      '',
      '',
      '',
      'no',
      '',
      'never begun',
    ])
  })

  it.each([
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ['+33 1 23 45 67 89', "'+33 1 23 45 67 89"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "' =1"],
    ['  =1', "'  =1"],
    ['＝1+1', "'＝1+1"],
    ['\u22121+1', "'\u22121+1"],
    ['\r\n=1;"x"', '\' =1;"x"'],
    ['a;"b"\nc', 'a;"b" c'],
    ['000123', "'000123"],
    ['123456789012345678', "'123456789012345678"],
    ['\u202eevil\u0000', ' evil '],
    ['Société 😀 漢', 'Société 😀 漢'],
  ])('makes %j a text that a spreadsheet only shows', (hostile, shown) => {
    const [name, company] = read(renderLeftLine('fr', { ...login, login: hostile, company: hostile }))
    expect([name, company]).toEqual([shown, shown])
    expect(renderLeftLine('fr', { ...login, contactName: hostile }).match(/\r\n/g)).toHaveLength(1)
  })
})

test('what is left is all that has still to come over, and those that are gone are in no total', () => {
  expect(
    totalLogins({
      logins: {
        activated: 1,
        under_way: 2,
        agent: 4,
        closed: 8,
        lapsed: 16,
        untouched: 32,
        disabled: 64,
        gone: 128,
      },
    }),
  ).toMatchObject({ total: 127, left: 62 })
  expect(totalLogins({ logins: {} })).toMatchObject({ total: 0, left: 0, gone: 0 })
})
