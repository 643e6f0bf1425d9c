/** A source made of arrays, for tests of what the import does with it. */
import { createHash } from 'node:crypto'
import { columns, type Kind } from '../../../../admin-sync/contracts/model.ts'
import type { Snapshot } from '../../../../admin-sync/contracts/source/port.ts'
import { sirenOf } from '../../../../dev/cofacering/siren.ts'

/** Lines by kind; a column that is not named is absent. */
export type Material = Partial<Record<Kind, Record<string, string | null>[]>>

export const contract = (id: string, change: Record<string, string | null> = {}) => ({
  contract: id,
  company: `Société ${id}`,
  country: 'FR',
  number: sirenOf(1),
  tariff: 'Premium 2019',
  fee_cents: '120000',
  currency: 'EUR',
  signed_on: '2015-02-28',
  reports: 'expert essentiel',
  analyses: 'classic',
  score: 'true',
  ...change,
})
export const line = (id: string, n: number, change: Record<string, string | null> = {}) => ({
  contract: id,
  country: 'FR',
  number: sirenOf(n),
  name: `Cliente ${n}`,
  reference: `R${n}`,
  added_on: '2020-01-31',
  ...change,
})
export const alert = (id: string, n: number, change: Record<string, string | null> = {}) => ({
  contract: id,
  country: 'FR',
  number: sirenOf(n),
  kind: 'payments',
  recipient: 'alertes@example.fr',
  since: '2021-05-01',
  ...change,
})

/** Lines count from 2, as below a header. @param o.onBatch called before each portion is given */
export function makeSnapshot(
  material: Material,
  o: { isWhole?: boolean; onBatch?: (kind: Kind) => void | Promise<void>; fingerprint?: string } = {},
): Snapshot {
  return {
    source: 'files',
    fingerprint:
      o.fingerprint === undefined ? undefined : createHash('sha256').update(o.fingerprint).digest(),
    isWhole: o.isWhole ?? true,
    place: (kind) => `${kind}.csv`,
    expected: (kind) => material[kind]?.length ?? 0,
    async *read(kind) {
      const lines = material[kind] ?? []
      for (let at = 0; at < lines.length; at += 1000) {
        await o.onBatch?.(kind)
        yield {
          records: lines.slice(at, at + 1000).map((values, i) => ({
            line: at + i + 2,
            values: columns[kind].map((name) => values[name] ?? null),
          })),
          problems: [],
        }
      }
    },
    close: () => Promise.resolve(),
  }
}
