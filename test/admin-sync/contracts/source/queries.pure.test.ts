import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createCopyText } from '../../../../admin-sync/contracts/source/copy-text.ts'
import {
  fillContracts,
  fillSince,
  readLegacyQueries,
  viewQueries,
} from '../../../../admin-sync/contracts/source/queries.ts'
import { ConfigError } from '../../../../core/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'queries-'))
afterAll(() => rmSync(folder, { recursive: true }))

function readFile(content: unknown) {
  const file = join(folder, 'queries.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  try {
    return readLegacyQueries(file)
  } catch (error) {
    return (error as ConfigError).problems
  }
}
const text = 'SELECT 1 WHERE contract = ANY (:contracts)'
const queries = {
  contracts: text,
  prices: null,
  countries: null,
  portfolio: text,
  monitoring: null,
  logins: null,
  messages: null,
  attachments: null,
}

const filled = (contracts: string[] | undefined) =>
  fillContracts('SELECT a::contracts WHERE c = ANY (:contracts) -- x', contracts)

describe('the file of queries', () => {
  it('may write a query as lines, and end it as one is used to', () => {
    const read = readFile({
      queries: { ...queries, contracts: ['SELECT 1', 'WHERE :contracts IS NULL;'] },
      changes: 'SELECT :since',
    })
    expect(read).toMatchObject({
      queries: { contracts: 'SELECT 1\nWHERE :contracts IS NULL' },
      overlapSeconds: 600,
      silenceSeconds: 120,
    })
    expect(readLegacyQueries(undefined)).toBe(viewQueries)
  })

  it('is refused with a sentence for each thing that is wrong', () => {
    expect(readFile('{')).toEqual([expect.stringContaining('LEGACY_QUERIES_FILE cannot be read: ')])
    const { portfolio: _none, ...less } = queries
    expect(
      readFile({
        queries: { ...less, contracts: 'SELECT 1', invoices: text },
        changes: 'SELECT x::since',
        overlapSeconds: 1,
      }),
    ).toEqual([
      'LEGACY_QUERIES_FILE: queries: contracts: holds no :contracts',
      expect.stringContaining('LEGACY_QUERIES_FILE: queries: portfolio: '),
      expect.stringContaining('LEGACY_QUERIES_FILE: queries: Unrecognized key: "invoices"'),
      'LEGACY_QUERIES_FILE: changes: holds no :since',
      expect.stringContaining('LEGACY_QUERIES_FILE: overlapSeconds: '),
    ])
    expect(() => readLegacyQueries(join(folder, 'nowhere.json'))).toThrow(ConfigError)
  })

  it('takes the list of contracts as a value, whatever they are called', () => {
    expect(filled(undefined)).toBe('(\nSELECT a::contracts WHERE c = ANY (NULL::text[]) -- x\n)')
    expect(filled(["O'Neill\\", "'); DROP TABLE x; --", '$&', 'a\0b'])).toBe(
      "(\nSELECT a::contracts WHERE c = ANY (ARRAY[E'O''Neill\\\\',E'''); DROP TABLE x; --',E'$&']::text[]) -- x\n)",
    )
    expect(filled([])).toContain('ANY (ARRAY[]::text[])')
    expect(fillSince('SELECT :since', '2026-01-01', 5)).toBe(
      "(\nSELECT (E'2026-01-01'::timestamptz - 5 * interval '1 second')\n)",
    )
  })
})

describe('the text of COPY', () => {
  it('is read into its values, wherever it was cut', () => {
    const bytes = Buffer.from('a\\tb\t\\N\t\\\\N\t\nœ🙂\tline\\nline\\r\tx\\b\\f\\vy\\\\\t\\\\t\n')
    const rows = [
      ['a\tb', null, '\\N', ''],
      ['œ🙂', 'line\nline\r', 'x\b\f\vy\\', '\\t'],
    ]
    for (let at = 0; at <= bytes.length; at++) {
      const copy = createCopyText()
      expect([...copy.push(bytes.subarray(0, at)), ...copy.push(bytes.subarray(at))]).toEqual(rows)
      expect(copy.isComplete()).toBe(true)
    }
    const cut = createCopyText()
    cut.push(bytes.subarray(0, -1))
    expect(cut.isComplete()).toBe(false)
    expect(() => createCopyText().push(Buffer.from([0x41, 0xe9, 0x0a]))).toThrow(TypeError)
  })
})
