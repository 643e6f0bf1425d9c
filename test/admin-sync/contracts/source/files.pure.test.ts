/** Exports in files: what is read from them, and what is refused. Files of a temporary folder. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, it } from 'vitest'
import { columns, contractKinds, type Kind } from '../../../../admin-sync/contracts/model.ts'
import { openExport } from '../../../../admin-sync/contracts/source/files.ts'
import { decodeLines } from '../../../../admin-sync/contracts/source/lines.ts'
import { SourceError, type RawBatch } from '../../../../admin-sync/contracts/source/port.ts'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

type File = { name: string; kind: Kind; rows: number; content: Buffer | string; sha256?: string }
const header = (kind: Kind, delimiter = ',') => columns[kind].join(delimiter)

/** An export that is empty but for these files. */
function writeExport(files: File[], change: Record<string, unknown> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'ellipro-export-'))
  folders.push(folder)
  const empty = contractKinds
    .filter((kind) => !files.some((file) => file.kind === kind))
    .map((kind): File => ({ name: `${kind}.jsonl`, kind, rows: 0, content: '' }))
  const all = [...empty, ...files]
  for (const { name, content } of all) writeFileSync(join(folder, name), content)
  const listed = all.map(({ name, kind, rows, content, sha256 }) => ({
    name,
    kind,
    rows,
    sha256: sha256 ?? createHash('sha256').update(content).digest('hex'),
  }))
  const manifest = { format: 'ellipro-export-1', encoding: 'utf-8', files: listed, ...change }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return folder
}

async function readKind(folder: string, kind: Kind): Promise<RawBatch> {
  const all: RawBatch = { records: [], problems: [] }
  for await (const { records, problems } of (await openExport(folder)).read(kind)) {
    all.records.push(...records)
    all.problems.push(...problems)
  }
  return all
}
const refusal = async (work: Promise<unknown>): Promise<readonly string[]> => {
  const error = await work.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SourceError)
  return (error as SourceError).problems
}
const countries = (content: Buffer | string, rows: number, name = 'countries.csv'): File => ({
  name,
  kind: 'countries',
  rows,
  content,
})

it('reads CSV with a BOM, CR LF, quotes over several lines, and no last line break, each record with its line', async () => {
  const content = `\ufeff${header('prices')}\r\nCF-1,"a ""b"", c",1,EUR\r\n\r\nCF-2,"two\r\nlines",2,EUR\r\nCF-3,plain,3,EUR`
  const folder = writeExport([{ name: 'p.csv', kind: 'prices', rows: 3, content }])
  expect(await readKind(folder, 'prices')).toEqual({
    records: [
      { line: 2, values: ['CF-1', 'a "b", c', '1', 'EUR'] },
      { line: 4, values: ['CF-2', 'two\r\nlines', '2', 'EUR'] },
      { line: 6, values: ['CF-3', 'plain', '3', 'EUR'] },
    ],
    problems: [],
  })
})

it('reads columns in any order, semicolons, Latin-1 and gzip', async () => {
  const content = gzipSync(Buffer.from('country;contract\nDE;Société\nES;"a;b"\n', 'latin1'))
  const folder = writeExport([countries(content, 2, 'c.csv.gz')], { encoding: 'latin-1', delimiter: ';' })
  expect((await readKind(folder, 'countries')).records.map(({ values }) => values)).toEqual([
    ['Société', 'DE'],
    ['a;b', 'ES'],
  ])
})

it('reads JSON Lines: numbers, booleans and what is absent', async () => {
  const lines = [
    '{"account":"A","login":"x","contract":"C","shared":true,"disabled":false}',
    '',
    '{"account":12,"login":null}',
  ]
  const folder = writeExport([{ name: 'l.jsonl', kind: 'logins', rows: 2, content: lines.join('\n') }])
  expect((await readKind(folder, 'logins')).records).toEqual([
    { line: 1, values: ['A', 'x', 'C', 'true', 'false', null, null] },
    { line: 3, values: ['12', null, null, null, null, null, null] },
  ])
})

it('a line that is not well formed is a problem of its line, and costs no other', async () => {
  const content = `${header('countries')}\nCF-1,DE\nCF-2,D"E\nCF-3,"DE"x\nCF-4,DE,ES\n"CF-5","ES"\n`
  const read = await readKind(writeExport([countries(content, 5)]), 'countries')
  expect(read.records.map(({ line }) => line)).toEqual([2, 6])
  expect(read.problems.map(({ line, code }) => [line, code])).toEqual([
    [3, 'quote'],
    [4, 'quote'],
    [5, 'column_count'],
  ])
  const json =
    '[]\n{"contract":"CF-1","land":"DE"}\n{"contract":"CF-1","country":["DE"]}\n{"contract":1.5}\n{'
  const other = await readKind(writeExport([countries(json, 5, 'c.jsonl')]), 'countries')
  expect(other.records).toEqual([])
  expect(other.problems.map(({ code }) => code)).toEqual([
    'json',
    'json_member',
    'json_value',
    'json_value',
    'json',
  ])
})

const refuseFile = (file: File) => refusal(readKind(writeExport([file]), 'countries'))
it('a file that is changed, cut off, or not what the manifest says, is refused as a whole', async () => {
  const content = `${header('countries')}\nCF-1,DE\nCF-2,DE\n`
  expect(await refuseFile({ ...countries(content, 2), sha256: '0'.repeat(64) })).toEqual([
    'countries.csv: not the file that manifest.json means: its SHA-256 is another one.',
  ])
  expect(await refuseFile(countries(content, 3))).toEqual([
    'countries.csv: 2 records, and manifest.json says 3.',
  ])
  expect((await refuseFile(countries(gzipSync(content).subarray(0, -9), 2, 'c.csv.gz')))[0]).toContain(
    'cut off',
  )
  expect((await refuseFile(countries(content, 2, 'c.csv.gz')))[0]).toContain('cut off')
  expect((await refuseFile(countries(`${header('countries')}\nCF-1,DE\n"CF-2,DE\nCF-3,DE\n`, 3)))[0]).toBe(
    'countries.csv, line 3: a quote is opened here and never closed.',
  )
  expect(await refuseFile(countries('contract,land,land,contract\n', 0))).toHaveLength(4)
  expect(await refuseFile(countries('', 0))).toEqual([
    'countries.csv: no header; its first line names the columns.',
  ])
  const latin = Buffer.from(`${header('countries')}\nCF-1,DE\nSociété,DE\n`, 'latin1')
  expect(await refuseFile(countries(latin, 2))).toEqual([
    'countries.csv, line 3: not UTF-8. Is its encoding another one?',
  ])
})

it('a manifest is refused with all that is wrong with it', async () => {
  const open = (change: Record<string, unknown>) => refusal(openExport(writeExport([], change)))
  const sha256 = '0'.repeat(64)
  const named = (name: string) => ({ files: [{ name, kind: 'contracts', rows: 0, sha256 }] })
  for (const name of ['../a.csv', '/etc/a.csv', 'a/b.csv', '.csv', 'a.txt', 'a.csv\0'])
    expect([name, (await open(named(name)))[0]]).toEqual([name, expect.stringContaining('is a plain name')])
  expect((await open({ format: 'ellipro-export-2', encoding: 'utf-16', surprise: 1 })).length).toBe(3)
  const missing = await open({ files: [] })
  expect(missing).toHaveLength(5)
  expect(missing[3]).toContain('no file of portfolio')
  const files = contractKinds.map((kind) => ({ name: 'gone.csv', kind, rows: 0, sha256 }))
  expect(await open({ files })).toEqual(
    contractKinds.slice(1).map(() => expect.stringContaining('stands twice') as unknown),
  )
  const different = files.map((file) => ({ ...file, name: `${file.kind}.csv` }))
  expect((await open({ files: different }))[0]).toContain('ENOENT')
  expect((await refusal(openExport(join(tmpdir(), 'no-such-folder'))))[0]).toContain('ENOENT')
})

it('characters that lie across two portions of a file are whole, and lines are counted on', async () => {
  const bytes = Buffer.from('é1\né2\né3')
  async function* single() {
    await Promise.resolve()
    for (const byte of bytes) yield Buffer.from([byte])
  }
  const texts = []
  for await (const text of decodeLines(single(), 'utf-8', 'x')) texts.push(text)
  expect(texts).toEqual([
    { line: 1, text: 'é1\n' },
    { line: 2, text: 'é2\n' },
    { line: 3, text: 'é3' },
  ])
})
