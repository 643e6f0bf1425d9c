/**
 * An export of Cofacering of any size, made while it is read: the bytes of CSV files, through the same decoder, splitter and
 * readers as those of a folder (source/files.ts), and nothing on disk. The same bytes for the same size.
 */
import { columns, type Kind } from '../admin-sync/contracts/model.ts'
import { decodeLines, readCsvRecords, type TextRecord } from '../admin-sync/contracts/source/lines.ts'
import type { Snapshot } from '../admin-sync/contracts/source/port.ts'
import { createCsvReader, type RecordReader } from '../admin-sync/contracts/source/records.ts'
import { sirenOf } from '../dev/cofacering/siren.ts'

export type ExportSize = {
  contracts: number
  logins: number
  /** Companies, and alerts, of each contract. */
  companies: number
  alerts: number
}
/** Companies that contracts share. */
const pool = 100_000
const bytesAtATime = 512 * 1024

export const nameContract = (n: number) => `BE-${String(n).padStart(6, '0')}`

/** Lines of a kind with their header, each with its line break. */
function* listLines(kind: Kind, { contracts, logins, companies, alerts }: ExportSize): Generator<string> {
  const sirens = Array.from({ length: pool }, (_, n) => sirenOf(n))
  const days = Array.from({ length: 5000 }, (_, n) =>
    new Date(1_000_000_000_000 + n * 86_400_000).toISOString().slice(0, 10),
  )
  /** Those of a contract, each once, in no order. */
  const company = (contract: number, n: number) => (contract * 131 + ((n * 211) % companies)) % pool
  yield `${columns[kind].join(',')}\n`
  if (kind === 'logins')
    for (let n = 0; n < logins; n++)
      yield `be-${n},banc.${n},${nameContract(n % contracts)},${n % 10 === 0},false,${days[n % 5000]},2026-01-02T03:04:05Z\n`
  if (kind === 'logins' || kind === 'messages' || kind === 'attachments') return
  for (let i = 0; i < contracts; i++) {
    const id = nameContract(i)
    if (kind === 'contracts')
      yield `${id},Société d’essai nº ${i},FR,${sirens[i % pool]},Premium ${i % 7},${100_000 + i},EUR,${days[i % 5000]},Zoé Exemple,z@bench.example,,essentiel expert,classic,true\n`
    if (kind === 'prices')
      for (const item of ['analysis.classic', 'report.essentiel', 'report.expert'])
        yield `${id},${item},${1000 + (i % 900)},EUR\n`
    if (kind === 'countries') for (const country of ['BE', 'DE', 'FR', 'IT']) yield `${id},${country}\n`
    if (kind === 'portfolio')
      for (let n = 0; n < companies; n++) {
        const at = company(i, n)
        yield `${id},FR,${sirens[at]},Établissements Exemple & Fils ${at},${n % 3 === 0 ? '' : `client ${n}`},${days[(at + i) % 5000]}\n`
      }
    if (kind === 'monitoring')
      for (let n = 0; n < alerts; n++)
        yield `${id},FR,${sirens[company(i, n)]},score,alertes@bench.example,${days[n]}\n`
  }
}

/** The bytes of the file of a kind. */
export function* streamFile(kind: Kind, size: ExportSize): Generator<Buffer> {
  let lines = ''
  for (const line of listLines(kind, size)) {
    lines += line
    if (lines.length > bytesAtATime) {
      yield Buffer.from(lines)
      lines = ''
    }
  }
  yield Buffer.from(lines)
}

export function streamExport(size: ExportSize): Snapshot {
  return {
    source: 'files',
    fingerprint: undefined,
    isWhole: true,
    place: (kind) => `${kind}.csv`,
    expected: () => undefined,
    async *read(kind) {
      // oxlint-disable-next-line typescript/require-await -- the decoder takes what a file's stream is
      async function* bytes() {
        yield* streamFile(kind, size)
      }
      let reader: RecordReader | undefined
      for await (const records of readCsvRecords(decodeLines(bytes(), 'utf-8', kind), ',', kind)) {
        let lines: readonly TextRecord[] = records
        if (!reader) {
          const made = createCsvReader(kind, records[0]?.text.split(',') ?? [], ',')
          if (!('reader' in made)) throw new Error(made.problems.join())
          reader = made.reader
          lines = records.slice(1)
        }
        if (lines.length > 0) yield reader(lines)
      }
    },
    close: () => Promise.resolve(),
  }
}
