/**
 * What a file of shared logins says and what would be done with it, line by line. Pure: bytes, what Cofacering answered
 * and which cases exist go in, a plan comes out (case-import.ts asks and applies).
 *
 *   read     bytes -> text (encoding) -> records (csv.ts) -> lines, each with its login and its note
 *   check    each line against Cofacering and our cases
 *
 * Errors block: nothing of the file is applied while one stands. Warnings are acknowledged with an option. Both name
 * the line as an editor shows it; none of their texts is made here (`import.<code>` in the texts).
 */
import { loginKey, trimLogin } from '../../core/legacy-login.ts'
import type { KeyedLogin } from '../accounts/legacy-data.ts'
import { findDelimiter, readCsv } from './csv.ts'

export const encodings = ['utf-8', 'latin-1'] as const
export type Encoding = (typeof encodings)[number]

/** Each login takes a lock until the end of the transaction, and a server has some thousands of them. */
export const maximumLines = 2000
export const maximumBytes = 2_000_000
const maximumNoteLength = 500

export type ErrorCode =
  | 'too_large'
  | 'not_text'
  | 'not_utf8'
  | 'empty'
  | 'header'
  | 'delimiter'
  | 'quote_in_field'
  | 'text_after_quote'
  | 'quote_not_closed'
  | 'too_many_lines'
  | 'no_login'
  | 'too_many_columns'
  | 'control_character'
  | 'note_too_long'
  | 'unknown_login'
  | 'ambiguous_login'
export type WarningCode =
  'empty_line' | 'disabled_login' | 'duplicate' | 'open_case' | 'closed_case' | 'latin_1'
export type Finding<Code> = {
  line: number
  code: Code
  /** As it stands in the file, when the finding is about one. */
  login?: string
  /** A reference, a line or a limit that the text names. */
  detail?: string
}

export type FileLine = { line: number; login: string; key: string; note: string | undefined }
export type FileContent = {
  encoding: Encoding
  lines: FileLine[]
  errors: Finding<ErrorCode>[]
  warnings: Finding<WarningCode>[]
}

/** A login whose case is to be there. */
export type ImportLine = {
  line: number
  account: string
  login: string
  company: string
  contract: string
  note: string | undefined
}
export type ImportPlan = {
  encoding: Encoding
  errors: Finding<ErrorCode>[]
  warnings: Finding<WarningCode>[]
  lines: ImportLine[]
}
export type KnownCase = { account: string; reference: string; state: 'open' | 'closed' }

/** @param told what the operator says about the encoding; absent: UTF-8 when it is, else Latin-1 */
export function readImportFile(bytes: Uint8Array, told: Encoding | undefined): FileContent {
  const content: FileContent = { encoding: told ?? 'utf-8', lines: [], errors: [], warnings: [] }
  const fail = (code: ErrorCode, line = 1, detail?: string): FileContent => {
    content.errors.push({ line, code, ...(detail !== undefined && { detail }) })
    return content
  }
  if (bytes.byteLength > maximumBytes) return fail('too_large', 1, String(maximumBytes))
  const text = decode(bytes, told)
  if (typeof text !== 'string') {
    if ('code' in text) return fail(text.code)
    // The letters may be others than were meant: somebody has to look at them.
    content.encoding = 'latin-1'
    if (told === undefined) content.warnings.push({ line: 1, code: 'latin_1' })
  }
  const table = typeof text === 'string' ? text : text.latin1
  if (table.trim() === '') return fail('empty')
  const delimiter = findDelimiter(table)
  if (delimiter === undefined) return fail('delimiter')
  const { records, problem } = readCsv(table, delimiter)
  const [header, ...rest] = records
  const columns = header?.fields.map((name) => name.trim().toLowerCase()) ?? []
  if (columns.join() !== 'login' && columns.join() !== 'login,note') {
    if (!problem) return fail('header')
    return fail(problem.problem, problem.line)
  }
  for (const { line, fields } of rest) readLine(content, columns.length, line, fields)
  if (problem) fail(problem.problem, problem.line)
  if (content.lines.length > maximumLines)
    fail('too_many_lines', content.lines[maximumLines]?.line, String(maximumLines))
  return content
}

function readLine(content: FileContent, columns: number, line: number, fields: readonly string[]): void {
  const [login = '', note = ''] = fields.map((field) => field.trim())
  if (fields.every((field) => field.trim() === '') && fields.length <= columns) {
    content.warnings.push({ line, code: 'empty_line' })
    return
  }
  const error = (code: ErrorCode, detail?: string): void => {
    content.errors.push({ line, code, login: printable(login), ...(detail !== undefined && { detail }) })
  }
  if (fields.length > columns) return error('too_many_columns', String(columns))
  if (login === '') return error('no_login')
  // A note may be of several lines; they are joined.
  const oneLineNote = note.replace(/\s*[\r\n]+\s*/g, ' ')
  if (unprintable.test(login) || unprintable.test(oneLineNote)) return error('control_character')
  if (oneLineNote.length > maximumNoteLength) return error('note_too_long', String(maximumNoteLength))
  const key = loginKey(login)
  // Longer than any login is.
  if (key === undefined) return error('unknown_login')
  content.lines.push({ line, login, key, note: oneLineNote === '' ? undefined : oneLineNote })
}

/** @param found every login of Cofacering with one of the keys; @param cases of their accounts */
export function planImport(
  content: FileContent,
  found: readonly KeyedLogin[],
  cases: readonly KnownCase[],
): ImportPlan {
  const errors = [...content.errors]
  const warnings = [...content.warnings]
  const lines: ImportLine[] = []
  const byKey = Map.groupBy(found, ({ loginKey: key }) => key)
  const caseOf = new Map(cases.map((known) => [known.account, known]))
  const firstLine = new Map<string, number>()
  for (const { line, login, key, note } of content.lines) {
    const candidates = byKey.get(key) ?? []
    // Logins that differ by capitals only are told apart by their exact spelling, as at the sign-in.
    const one =
      candidates.length === 1 ? candidates[0] : candidates.find((each) => each.login === trimLogin(login))
    if (!one) {
      errors.push({ line, code: candidates.length === 0 ? 'unknown_login' : 'ambiguous_login', login })
      continue
    }
    const { account, company, contract } = one
    const before = firstLine.get(account)
    if (before !== undefined) {
      warnings.push({ line, code: 'duplicate', login, detail: String(before) })
      continue
    }
    firstLine.set(account, line)
    if (one.disabled) warnings.push({ line, code: 'disabled_login', login })
    const known = caseOf.get(account)
    if (known)
      warnings.push({
        line,
        code: known.state === 'open' ? 'open_case' : 'closed_case',
        login,
        detail: known.reference,
      })
    lines.push({ line, account, login: one.login, company, contract, note })
  }
  return {
    encoding: content.encoding,
    errors: errors.toSorted(byLine),
    warnings: warnings.toSorted(byLine),
    lines,
  }
}

const byLine = (a: { line: number }, b: { line: number }): number => a.line - b.line

/** What a terminal obeys, and marks that hide or turn text. A tab is one as well. */
const unprintable = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u
const printable = (text: string): string =>
  text.replaceAll(new RegExp(unprintable, 'gu'), '\ufffd').slice(0, 80)

/**
 * UTF-8 with or without its mark; else Latin-1, read as what spreadsheets mean by it (Windows-1252).
 * UTF-16 is told apart by its mark, and by the zero bytes that no text of these encodings has.
 */
function decode(
  bytes: Uint8Array,
  told: Encoding | undefined,
): string | { latin1: string } | { code: 'not_text' | 'not_utf8' } {
  if (
    bytes.includes(0) ||
    (bytes[0] === 0xff && bytes[1] === 0xfe) ||
    (bytes[0] === 0xfe && bytes[1] === 0xff)
  )
    return { code: 'not_text' }
  const latin1 = () => ({ latin1: new TextDecoder('windows-1252').decode(bytes) })
  if (told === 'latin-1') return latin1()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return told === 'utf-8' ? { code: 'not_utf8' } : latin1()
  }
}
