/** A Cofacering of documents, which a test changes while it is read. */
import type { ContractDocument, Kind } from '../../../admin-sync/contracts/model.ts'
import type { LiveSource, RawBatch } from '../../../admin-sync/contracts/source/port.ts'

export type DocumentSource = LiveSource & {
  documents: Map<string, ContractDocument>
  /** Called before each snapshot is taken. */
  beforeOpen: () => void | Promise<void>
}

export function createDocumentSource(): DocumentSource {
  const documents: DocumentSource['documents'] = new Map()
  const source: DocumentSource = {
    documents,
    beforeOpen: () => {},
    async open(contracts) {
      await source.beforeOpen()
      const found = [...documents.values()].filter(({ contract }) => contracts?.includes(contract) ?? true)
      const records = Object.fromEntries(
        Object.entries(listRecords(found)).map(([kind, values]) => [
          kind,
          values.map((one, i) => ({ line: i + 1, values: one })),
        ]),
      ) as Partial<Record<Kind, RawBatch['records']>>
      return {
        source: 'sql',
        fingerprint: undefined,
        isWhole: contracts === undefined,
        place: (kind) => kind,
        expected: (kind) => records[kind]?.length ?? 0,
        async *read(kind) {
          yield { records: records[kind] ?? [], problems: [] }
        },
        close: async () => {},
      }
    },
    findChanged: async () => ({ contracts: [], cursor: '', hasMore: false }),
  }
  return source
}

type Values = (string | null)[][]
const listRecords = (documents: ContractDocument[]): Partial<Record<Kind, Values>> => ({
  contracts: documents.map(({ contract, company, tariff, signedOn, contact, reports, analyses, score }) => [
    contract,
    company.name,
    company.country,
    company.number,
    tariff.name,
    String(tariff.fee.cents),
    tariff.fee.currency,
    signedOn,
    contact.name,
    contact.email,
    contact.phone,
    reports.join(' '),
    analyses.join(' '),
    String(score),
  ]),
  prices: documents.flatMap(({ contract, tariff }) =>
    tariff.prices.map(({ item, cents, currency }) => [contract, item, String(cents), currency]),
  ),
  countries: documents.flatMap(({ contract, countries }) => countries.map((country) => [contract, country])),
  portfolio: documents.flatMap(({ contract, portfolio }) =>
    portfolio.map(({ country, number, name, reference, addedOn }) => [
      contract,
      country,
      number,
      name,
      reference,
      addedOn,
    ]),
  ),
  monitoring: documents.flatMap(({ contract, monitoring }) =>
    monitoring.map(({ country, number, kind, recipient, since }) => [
      contract,
      country,
      number,
      kind,
      recipient,
      since,
    ]),
  ),
})
