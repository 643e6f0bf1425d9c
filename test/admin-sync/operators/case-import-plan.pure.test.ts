/** What is said about a file of shared logins before anything is done with it. */
import { expect, test } from 'vitest'
import type { KeyedLogin } from '../../../admin-sync/accounts/legacy-data.ts'
import {
  maximumBytes,
  maximumLines,
  planImport,
  readImportFile,
  type Encoding,
} from '../../../admin-sync/operators/case-import-plan.ts'
import { printImport } from '../../../admin-sync/operators/case-import-print.ts'
import { loginKey } from '../../../core/legacy-login.ts'
import { loadTexts } from '../../../core/text.ts'

const login = (name: string, given: Partial<KeyedLogin> = {}): KeyedLogin => ({
  account: `id of ${name}`,
  login: name,
  loginKey: loginKey(name) ?? '',
  company: 'Société',
  contract: 'CF-1',
  shared: true,
  disabled: false,
  ...given,
})
const read = (text: string | Uint8Array, told?: Encoding) =>
  readImportFile(typeof text === 'string' ? Buffer.from(text) : text, told)
const errors = (text: string | Uint8Array, told?: Encoding) =>
  read(text, told).errors.map(({ line, code }) => [line, code])
const latin1 = (text: string) => Buffer.from(text, 'latin1')

test.each([
  ['comma', 'login,note\nnegoce,par téléphone\n'],
  ['semicolon', 'login;note\nnegoce;par téléphone\n'],
  ['quotes', '"login","note"\n"negoce","par téléphone"\n'],
  ['byte order mark', '\ufefflogin,note\nnegoce,par téléphone\n'],
  ['CR LF', 'login,note\r\nnegoce,par téléphone\r\n'],
  ['no last line break', 'login,note\nnegoce,par téléphone'],
  ['capitals and spaces', ' Login , NOTE \n negoce , par téléphone '],
])('%s makes no difference', (_name, text) => {
  const { lines, ...rest } = read(text)
  expect(rest).toMatchObject({ encoding: 'utf-8', errors: [], warnings: [] })
  expect(lines).toEqual([{ line: 2, login: 'negoce', key: 'negoce', note: 'par téléphone' }])
})

test('Latin-1 is told or found, and said where it was found; what spreadsheets add to it is read', () => {
  const bytes = Buffer.concat([latin1('login;note\nélise.müller;'), Buffer.from([0x80, 0x92])])
  expect(read(bytes)).toMatchObject({
    encoding: 'latin-1',
    lines: [{ login: 'élise.müller', note: '€’' }],
    warnings: [{ line: 1, code: 'latin_1' }],
  })
  expect(read(bytes, 'latin-1')).toMatchObject({ encoding: 'latin-1', warnings: [] })
  expect(errors(bytes, 'utf-8')).toEqual([[1, 'not_utf8']])
  // The same letters in UTF-8, said to be Latin-1: the operator is believed.
  expect(read('login\né', 'latin-1').lines[0]?.login).toBe('Ã©')
})

test('each line has its errors and warnings, with its own number after notes of several lines', () => {
  const content = read(
    [
      'login,note',
      '"a","one',
      'two"',
      '',
      ',left out',
      'b,c,d',
      'tab\there,',
      'turned\u202e,',
      `c,${'x'.repeat(501)}`,
      `${'y'.repeat(300)},`,
      ' , ',
      'd',
    ].join('\n'),
  )
  expect(content.lines.map(({ line, login: name, note }) => [line, name, note])).toEqual([
    [2, 'a', 'one two'],
    [12, 'd', undefined],
  ])
  expect(content.errors.map(({ line, code }) => [line, code])).toEqual([
    [5, 'no_login'],
    [6, 'too_many_columns'],
    [7, 'control_character'],
    [8, 'control_character'],
    [9, 'note_too_long'],
    [10, 'unknown_login'],
  ])
  expect(content.warnings).toEqual([
    { line: 4, code: 'empty_line' },
    { line: 11, code: 'empty_line' },
  ])
})

test.each([
  ['nothing', '', 'empty'],
  ['a mark alone', '\ufeff', 'empty'],
  ['line breaks alone', '\r\n\r\n', 'empty'],
  ['no header', 'negoce.atlantique\nother\n', 'header'],
  ['another column', 'login,comment\n', 'header'],
  ['a column more', 'login,note,more\n', 'header'],
  ['two delimiters', 'login;note,\n', 'delimiter'],
  ['a workbook', Buffer.from('PK\u0003\u0004\u0000\u0000'), 'not_text'],
  ['UTF-16', Buffer.from('\ufefflogin\n', 'utf16le'), 'not_text'],
  ['UTF-16 without a mark', Buffer.from('login\n', 'utf16le'), 'not_text'],
  ['too much', Buffer.alloc(maximumBytes + 1, 0x61), 'too_large'],
  ['a header that never ends', '"login', 'quote_not_closed'],
])('%s is one error, on line 1', (_name, text, code) => {
  expect(errors(text)).toEqual([[1, code]])
})

test('a problem of quotes blocks, with its line, and nothing after it is taken for a login', () => {
  const content = read('login,note\na,x\nb,"y\nc,z\n')
  expect(content.errors).toEqual([{ line: 3, code: 'quote_not_closed' }])
  expect(content.lines.map(({ login: name }) => name)).toEqual(['a'])
})

test('more logins than one transaction may lock are refused, with the line where it is too much', () => {
  const lines = Array.from({ length: maximumLines + 1 }, (_, n) => `l${n}`).join('\n')
  expect(errors(`login\n${lines}`)).toEqual([[maximumLines + 2, 'too_many_lines']])
})

test('unknown, ambiguous, disabled, twice in the file, a case already: each on its line', () => {
  const content = read('login\nKNOWN\nunknown\nTwin\nTWIN\ndisabled\nknown\nopen\nclosed\n')
  const found = [
    login('known'),
    login('twin'),
    login('TWIN', { account: 'other' }),
    login('disabled', { disabled: true }),
    login('open'),
    login('closed'),
  ]
  const plan = planImport(content, found, [
    { account: 'id of open', reference: 'ELP-2222-2222', state: 'open' },
    { account: 'id of closed', reference: 'ELP-3333-3333', state: 'closed' },
  ])
  expect(plan.errors).toEqual([
    { line: 3, code: 'unknown_login', login: 'unknown' },
    { line: 4, code: 'ambiguous_login', login: 'Twin' },
  ])
  expect(plan.warnings).toEqual([
    { line: 6, code: 'disabled_login', login: 'disabled' },
    { line: 7, code: 'duplicate', login: 'known', detail: '2' },
    { line: 8, code: 'open_case', login: 'open', detail: 'ELP-2222-2222' },
    { line: 9, code: 'closed_case', login: 'closed', detail: 'ELP-3333-3333' },
  ])
  // Spelt as Cofacering does, and the exact one of the twins.
  expect(plan.lines.map(({ account, login: name }) => [account, name])).toEqual([
    ['id of known', 'known'],
    ['other', 'TWIN'],
    ['id of disabled', 'disabled'],
    ['id of open', 'open'],
    ['id of closed', 'closed'],
  ])
})

test('what is printed has a sentence for each finding in both languages, and nothing that a terminal obeys', () => {
  const bad = 'login,note\na,b,c\n,x\n\n\u001b[31mred\u001b[0m,\n"x\u0000'
  const content = read(bad.replace('\u0000', '\u0007"y'))
  const plan = planImport(content, [], [])
  const counts = { made: 0, reopened: 0, added: 0, unchanged: 0 }
  const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))
  for (const t of [texts.fr, texts.en]) {
    const printed = printImport(t, { ...plan, outcome: 'errors', counts })
    // oxlint-disable-next-line no-control-regex
    expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    expect(printed).not.toMatch(/import\.\w/)
    expect(plan.errors.length).toBe(4)
  }
})
