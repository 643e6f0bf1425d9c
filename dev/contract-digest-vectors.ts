/**
 * The test vectors of docs/contract-digest.md, made by digest.ts itself. A test compares the page with what this would
 * write; `npm run docs` makes the vectors anew and leaves the rest of the page alone.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { digestContract, listRecords, sections } from '../admin-sync/contracts/digest.ts'
import { contractDocument, type ContractDocument } from '../admin-sync/contracts/model.ts'

export const contractDigestFile = join(import.meta.dirname, '..', 'docs', 'contract-digest.md')

const [begin, end] = ['<!-- vectors: made by `npm run docs` -->', '<!-- end of vectors -->']

const empty: ContractDocument = {
  contract: 'C-1',
  company: { name: 'Exemple', country: 'FR', number: '000000018' },
  tariff: { name: 'Standard', fee: { cents: 0, currency: 'EUR' }, prices: [] },
  signedOn: '2001-02-03',
  contact: { name: null, email: null, phone: null },
  reports: [],
  analyses: [],
  score: false,
  countries: [],
  portfolio: [],
  monitoring: [],
}

const ordinary: ContractDocument = {
  ...empty,
  contract: 'C-2',
  company: { name: 'Société d’Été & Fils', country: 'FR', number: '000000026' },
  tariff: {
    name: 'Premium',
    fee: { cents: 1_250_000, currency: 'EUR' },
    prices: [
      { item: 'report.expert', cents: 4900, currency: 'EUR' },
      { item: 'report', cents: 1900, currency: 'EUR' },
    ],
  },
  contact: { name: 'Zoé Exemple', email: 'zoe@exemple.example', phone: null },
  reports: ['essentiel', 'expert', 'efficient'],
  analyses: ['optimum'],
  score: true,
  countries: ['IT', 'DE'],
  portfolio: [
    { country: 'FR', number: '000000034', name: 'Gamma', reference: null, addedOn: '2020-02-29' },
    { country: 'DE', number: 'HRB 12', name: 'Müller GmbH', reference: 'client 7', addedOn: '2019-12-31' },
    { country: 'DE', number: 'HRB 12 B', name: 'Müller GmbH', reference: null, addedOn: '2019-12-31' },
  ],
  monitoring: [
    {
      country: 'FR',
      number: '000000034',
      kind: 'score',
      recipient: 'b@exemple.example',
      since: '2021-01-01',
    },
    {
      country: 'FR',
      number: '000000034',
      kind: 'score',
      recipient: 'a@exemple.example',
      since: '2021-01-01',
    },
  ],
}

/** U+FF5E sorts before U+1F600 by its bytes, and after it by UTF-16 units; the two é are different texts. */
const tempting: ContractDocument = {
  ...empty,
  contract: 'C-3',
  portfolio: ['😀', '～', 'é', 'e\u0301', ' '].map((number) => ({
    country: 'FR',
    number,
    name: `= ${number}`,
    reference: null,
    addedOn: '2020-01-01',
  })),
}

/** Named for the page; every one is a document that the workspace takes. */
export const vectors = [
  { title: 'Nothing but the contract', document: empty },
  { title: 'Every section, in no order', document: ordinary },
  { title: 'Texts that tempt an order or an encoding', document: tempting },
].map(({ title, document }) => ({ title, document: contractDocument.parse(document) }))

/** The whole page with the vectors of today. */
export async function renderContractDigest(): Promise<string> {
  const page = readFileSync(contractDigestFile, 'utf8')
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined)
    throw new Error(`${contractDigestFile} has no place for the vectors`)
  const block = vectors.map(({ title, document }) => renderVector(title, document)).join('\n')
  return format(`${before}${begin}\n\n${block}\n${end}${after}`, {
    ...(await resolveConfig(contractDigestFile)),
    parser: 'markdown',
  })
}

function renderVector(title: string, document: ContractDocument): string {
  const digested = digestContract(document)
  const records = listRecords(document)
  // TAB is shown as an arrow: an editor may turn the character itself into spaces.
  const lines = sections.flatMap((section) =>
    records[section]
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((line) => `${section}: ${line.replaceAll('\t', '→')}`),
  )
  return `### ${title}

The document:

\`\`\`json
${escape(JSON.stringify(document))}
\`\`\`

Its records, sorted; → is a TAB:

\`\`\`text
${lines.join('\n')}
\`\`\`

| section | count | digest |
| --- | --- | --- |
${sections.map((name) => `| ${name} | ${digested.sections[name].count} | \`${digested.sections[name].digest}\` |`).join('\n')}
| **contract as a whole** | | \`${digested.digest}\` |
`
}

/** JSON that survives every editor: what is not ASCII as \\u escapes. */
const escape = (json: string): string =>
  json.replace(/[^\u0020-\u007e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
