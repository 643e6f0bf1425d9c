/**
 * An export of Cofacering in a folder: manifest.json and the files that it names (docs/contracts.md has the format). The
 * files are streamed, never held; digest and count are known at the end of each, and the import writes nothing before all
 * of them were right. It guesses neither encoding nor delimiter nor columns.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { decodeLines, readCsvRecords, readLineRecords, type TextRecord } from './lines.ts'
import { manifestName, parseManifest, type ExportFile, type Manifest } from './manifest.ts'
import { SourceError, type RawBatch, type Snapshot } from './port.ts'
import { createCsvReader, createJsonReader, splitFields, type RecordReader } from './records.ts'

/** Bytes read at a time: some thousands of lines. */
const chunkBytes = 512 * 1024

/**
 * @param folder holds manifest.json
 * @throws SourceError when the manifest cannot be used, or a file of it is not there
 */
export async function openExport(folder: string): Promise<Snapshot> {
  const bytes = await readFile(join(folder, manifestName)).catch((error: unknown) => {
    throw new SourceError([`${manifestName}: cannot be read in ${folder} (${codeOf(error)}).`])
  })
  const manifest = parseManifest(bytes.toString('utf8'))
  await findFiles(folder, manifest)
  const fileOf = (kind: ExportFile['kind']) => manifest.files.find((file) => file.kind === kind)
  return {
    source: 'files',
    // It names the digest of every file: the same manifest is the same material.
    fingerprint: createHash('sha256').update(bytes).digest(),
    isWhole: true,
    place: (kind) => fileOf(kind)?.name ?? `(${kind})`,
    expected: (kind) => fileOf(kind)?.rows ?? 0,
    async *read(kind) {
      const file = fileOf(kind)
      if (file) yield* readExportFile(folder, file, manifest)
    },
    close: () => Promise.resolve(),
  }
}

async function findFiles(folder: string, { files }: Manifest): Promise<void> {
  const problems: string[] = []
  for (const { name } of files)
    await stat(join(folder, name)).then(
      (found) => void (found.isFile() || problems.push(`${name}: not a file.`)),
      (error: unknown) =>
        void problems.push(`${name}: named in ${manifestName}, and cannot be read (${codeOf(error)}).`),
    )
  if (problems.length > 0) throw new SourceError(problems)
}

async function* readExportFile(
  folder: string,
  file: ExportFile,
  { encoding, delimiter }: Manifest,
): AsyncGenerator<RawBatch> {
  const digest = createHash('sha256')
  const texts = decodeLines(readBytes(join(folder, file.name), file, digest), encoding, file.name)
  let reader = file.form === 'jsonl' ? createJsonReader(file.kind) : undefined
  let rows = 0
  for await (const records of reader ? readLineRecords(texts) : readCsvRecords(texts, delimiter, file.name)) {
    const [header] = records
    let lines: readonly TextRecord[] = records
    if (!reader && header) {
      reader = readHeader(file, header, delimiter)
      lines = records.slice(1)
    }
    rows += lines.length
    if (reader && lines.length > 0) yield reader(lines)
  }
  const problems = [
    ...(reader ? [] : [`${file.name}: no header; its first line names the columns.`]),
    ...(rows === file.rows ? [] : [`${file.name}: ${rows} records, and ${manifestName} says ${file.rows}.`]),
    ...(digest.digest('hex') === file.sha256
      ? []
      : [`${file.name}: not the file that ${manifestName} means: its SHA-256 is another one.`]),
  ]
  if (problems.length > 0) throw new SourceError(problems)
}

/** @throws SourceError */
function readHeader(file: ExportFile, { text }: TextRecord, delimiter: string): RecordReader {
  const made = createCsvReader(file.kind, splitFields(text, delimiter)?.[0] ?? [], delimiter)
  if ('reader' in made) return made.reader
  throw new SourceError(made.problems.map((problem) => `${file.name}, line 1: ${problem}.`))
}

/** @param digest gets the bytes as they stand in the file */
async function* readBytes(
  path: string,
  { name, isCompressed }: ExportFile,
  digest: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  const raw = readRaw(path, digest)
  try {
    if (isCompressed)
      yield* pipeline(Readable.from(raw), createGunzip({ chunkSize: chunkBytes }), () => {
        // What goes wrong is thrown where the bytes are taken.
      }) as AsyncIterable<Buffer>
    else yield* raw
  } catch (error) {
    if (error instanceof SourceError) throw error
    throw new SourceError([
      `${name}: cannot be read to its end (${codeOf(error)}); is it cut off, or not what its name says?`,
    ])
  }
}

async function* readRaw(path: string, digest: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
    digest.update(chunk)
    yield chunk
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
