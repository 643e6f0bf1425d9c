/**
 * The file manifest.json of an export: which file holds what, how many records, and the digest of its bytes. What is wrong
 * with it is told all at once, before anything is read. Pure.
 */
import { z } from 'zod'
import { contractKinds, kinds, type Kind } from '../model.ts'
import { SourceError } from './port.ts'

export const manifestName = 'manifest.json'
export type Encoding = 'utf-8' | 'latin-1'
export type ExportFile = {
  name: string
  kind: Kind
  /** Records, without the header. */
  rows: number
  /** Of the file as it stands, compressed or not; hexadecimal. */
  sha256: string
  form: 'csv' | 'jsonl'
  isCompressed: boolean
}
export type Manifest = { encoding: Encoding; delimiter: ',' | ';'; files: ExportFile[] }

const manifest = z.strictObject({
  format: z.literal('ellipro-export-1'),
  encoding: z.enum(['utf-8', 'latin-1']).default('utf-8'),
  delimiter: z.enum([',', ';']).default(','),
  files: z.array(
    z.strictObject({
      // Nothing outside the folder: no separator, no leading dot.
      name: z
        .string()
        .max(200)
        .regex(
          /^[A-Za-z0-9_][A-Za-z0-9_.-]*\.(csv|jsonl)(\.gz)?$/,
          'is a plain name that ends in .csv, .csv.gz, .jsonl or .jsonl.gz',
        ),
      kind: z.enum(kinds),
      rows: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/i, 'is 64 hexadecimal digits'),
    }),
  ),
})

/** @throws SourceError */
export function parseManifest(text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new SourceError([`${manifestName}: not JSON (${(error as Error).message}).`])
  }
  const read = manifest.safeParse(json)
  if (!read.success)
    throw new SourceError(
      read.error.issues.map(({ path, message }) => `${manifestName}: ${path.join('.') || 'it'}: ${message}.`),
    )
  const { encoding, delimiter, files } = read.data
  const named = files.map((file) => file.kind)
  const problems = [
    ...contractKinds
      .filter((kind) => !named.includes(kind))
      .map((kind) => `${manifestName}: no file of ${kind}; one without records says that there are none.`),
    ...kinds
      .filter((kind) => named.indexOf(kind) !== named.lastIndexOf(kind))
      .map((kind) => `${manifestName}: more than one file of ${kind}.`),
    ...files
      .filter(({ name }, i) => files.findIndex((other) => other.name === name) !== i)
      .map(({ name }) => `${manifestName}: ${name} stands twice.`),
  ]
  if (problems.length > 0) throw new SourceError(problems)
  return {
    encoding,
    delimiter,
    files: files.map(({ name, kind, rows, sha256 }) => ({
      name,
      kind,
      rows,
      sha256: sha256.toLowerCase(),
      form: /\.csv(\.gz)?$/.test(name) ? 'csv' : 'jsonl',
      isCompressed: name.endsWith('.gz'),
    })),
  }
}
