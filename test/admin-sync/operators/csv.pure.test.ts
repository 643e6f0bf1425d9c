/** The reader of tables: what RFC 4180 says, what spreadsheets write, and what nobody should have written. */
import { expect, test } from 'vitest'
import { findDelimiter, readCsv } from '../../../admin-sync/operators/csv.ts'

const fields = (text: string, delimiter: ',' | ';' = ',') =>
  readCsv(text, delimiter).records.map((record) => record.fields)

test.each([
  ['', []],
  ['a', [['a']]],
  ['a\n', [['a']]],
  ['a\r\n', [['a']]],
  [
    'a,b\nc,d',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'a,b\r\nc,d\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'a,b\rc,d\r',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['\n\n', [[''], ['']]],
  [',', [['', '']]],
  ['a,', [['a', '']]],
  ['"a"', [['a']]],
  ['"a,b",c', [['a,b', 'c']]],
  ['"a""b"', [['a"b']]],
  ['""""', [['"']]],
  ['"",""', [['', '']]],
  ['"a\r\nb",c\n', [['a\r\nb', 'c']]],
  ['é;ü,ß', [['é;ü', 'ß']]],
  ['\u{1f600},x', [['\u{1f600}', 'x']]],
])('%j is read field by field', (text, expected) => {
  expect(readCsv(text, ',').problem).toBeUndefined()
  expect(fields(text)).toEqual(expected)
})

test('a semicolon delimits where it is the delimiter, and a comma is then text', () => {
  expect(fields('a;b,c\n"d;e";f', ';')).toEqual([
    ['a', 'b,c'],
    ['d;e', 'f'],
  ])
})

test('lines are numbered as an editor does, whatever breaks them and wherever', () => {
  const text = 'login,note\r\n"a","one\r\ntwo\nthree\rfour"\n\nb,x\rc,y\n'
  expect(readCsv(text, ',').records.map(({ line, fields: [first] }) => [line, first])).toEqual([
    [1, 'login'],
    [2, 'a'],
    [6, ''],
    [7, 'b'],
    [8, 'c'],
  ])
})

test.each([
  ['a\n"b', 2, 'quote_not_closed'],
  ['"a\nb\nc', 1, 'quote_not_closed'],
  ['"a""', 1, 'quote_not_closed'],
  ['a\nb,c"d', 2, 'quote_in_field'],
  [' "a"', 1, 'quote_in_field'],
  ['a\n"b"c', 2, 'text_after_quote'],
  ['"a\nb" ,c', 2, 'text_after_quote'],
  ['"a\nb",c"d', 2, 'quote_in_field'],
  ['"a\nb","c', 2, 'quote_not_closed'],
] as const)('%j stops at its problem, with the line of it', (text, line, problem) => {
  expect(readCsv(text, ',').problem).toEqual({ line, problem })
})

test('what stands before a problem is read, and nothing after it', () => {
  expect(readCsv('a\nb\nc"\nd\n', ',').records.map(({ fields: [first] }) => first)).toEqual(['a', 'b'])
})

test('a million quotes, delimiters or open fields take no longer than they should', () => {
  expect(readCsv('"'.repeat(1_000_001), ',').problem).toBeDefined()
  expect(readCsv(','.repeat(1_000_000), ',').records[0]?.fields).toHaveLength(1_000_001)
  expect(readCsv('a\n'.repeat(300_000), ',').records).toHaveLength(300_000)
})

test('the delimiter is what the header has, outside quotes; both is neither', () => {
  expect(findDelimiter('login')).toBe(',')
  expect(findDelimiter('login,note\na;b;c')).toBe(',')
  expect(findDelimiter('login;note\r\na,b')).toBe(';')
  expect(findDelimiter('"login, and";note')).toBe(';')
  expect(findDelimiter('login;note,x')).toBeUndefined()
})
