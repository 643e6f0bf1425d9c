/**
 * What the contracts of the sample customers hold: entitlements, prices, countries, portfolio, monitoring, and the
 * messages of their logins. From a fixed seed of its own, so that the customers (generate.ts) stay who they are.
 *
 * The customers share one market of some 12,000 companies, so a company may stand in several portfolios, under one
 * name. Ordinary contracts have up to 120 of them; that of `largestCustomer` has 10,000. Each sample login has
 * messages with attachments; of the others, one in three has some.
 */
import type { Sample, SampleContract, SampleLoginRow } from './generate.ts'
import { createRandom, type Random } from './random.ts'
import { sampleLogins } from './sample-logins.ts'
import { makeSiren } from './siren.ts'
import {
  abroad,
  items,
  markets,
  messageKinds,
  messageSenders,
  products,
  references,
} from './content-vocabulary.ts'
import { sectors, surnames } from './vocabulary.ts'

type OfContract = { contract_id: string }
type Company = { country: string; number: string; name: string }
/** One list for each table of schema.sql. */
export type Content = {
  entitlement: (OfContract & { kind: string; name: string })[]
  price: (OfContract & { item: string; amount_eur: string })[]
  contract_country: (OfContract & { country: string })[]
  portfolio: (OfContract & Company & { reference: string | null; added_on: string })[]
  monitoring: (OfContract & Omit<Company, 'name'> & { kind: string; recipient: string; since: string })[]
  message: {
    id: string
    login_id: string
    sent_at: string
    sender: string
    subject: string | null
    body: string
  }[]
  /** `content` as PostgreSQL reads bytes: `\x` and hexadecimal. */
  attachment: { message_id: string; place: number; name: string; media_type: string; content: string }[]
}

/** Login of the customer with the largest portfolio, and its size. */
export const largestCustomer = { login: 'cabinet.moreau', companies: 10_000 }

const alertKinds = ['insolvency', 'payments', 'accounts', 'officers', 'address', 'score'] as const
const marketSize = { france: 11_000, abroad: 1_000 }
/** The last day of the sample. */
const today = Date.parse('2026-10-30')

/** @returns the same value every time for one sample and seed */
export function generateContent(sample: Sample, seed: number): Content {
  const random = createRandom(seed)
  const market = makeMarket(random, new Set(sample.contracts.map(({ siren }) => siren)))
  const content: Content = {
    entitlement: [],
    price: [],
    contract_country: [],
    portfolio: [],
    monitoring: [],
    message: [],
    attachment: [],
  }
  const largest = sample.logins.find(({ login }) => login === largestCustomer.login)?.contract_id
  const logins = Map.groupBy(sample.logins, ({ contract_id: id }) => id)
  for (const contract of sample.contracts) {
    const product = products[contract.tariff as keyof typeof products]
    const isLargest = contract.id === largest
    const size = isLargest
      ? largestCustomer.companies
      : random.between(product.companies[0], product.companies[1])
    addProducts(random, content, contract)
    const companies = pickSome(random, market, size)
    for (const company of companies) addCompany(random, content, contract, company, isLargest ? 0.12 : 0.35)
    for (const login of logins.get(contract.id) ?? []) addMessages(random, content, login, companies)
  }
  return content
}

function addProducts(random: Random, content: Content, { id, tariff }: SampleContract): void {
  const { reports, analyses, score, countries } = products[tariff as keyof typeof products]
  const entitle = (kind: string, name: string) => content.entitlement.push({ contract_id: id, kind, name })
  for (const name of reports) entitle('report', name)
  for (const name of analyses) entitle('analysis', name)
  // Some customers of the smallest list bought it apart.
  if (score || random.chance(0.1)) entitle('score', 'score')
  for (const [item, usual] of items)
    if (random.chance(0.7)) {
      const cents = Math.round(usual * random.between(80, 100))
      const amount = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
      content.price.push({ contract_id: id, item, amount_eur: amount })
    }
  for (const country of ['FR', ...markets.slice(0, random.between(countries[0], countries[1]))])
    content.contract_country.push({ contract_id: id, country })
}

function addCompany(
  random: Random,
  content: Content,
  { id, signed_on, contact_email }: SampleContract,
  company: Company,
  watched: number,
): void {
  const signed = Date.parse(signed_on)
  const added = pickDay(random, signed)
  content.portfolio.push({
    contract_id: id,
    ...company,
    reference: random.chance(0.4) ? fillDigits(random, random.pick(references)) : null,
    added_on: isoDate(added),
  })
  if (!random.chance(watched)) return
  const { country, number } = company
  const domain = contact_email.slice(contact_email.indexOf('@'))
  for (const kind of alertKinds.slice(0, random.between(1, 3)))
    content.monitoring.push({
      contract_id: id,
      country,
      number,
      kind,
      recipient: random.chance(0.8) ? contact_email : `alertes${domain}`,
      since: isoDate(pickDay(random, added)),
    })
}

function addMessages(
  random: Random,
  content: Content,
  login: SampleLoginRow,
  companies: readonly Company[],
): void {
  const isTold = sampleLogins.some((one) => one.login === login.login)
  const count = isTold ? messageKinds.length * 2 : random.chance(0.33) ? random.between(1, 3) : 0
  for (let n = 0; n < count; n++) {
    const { subject, body, attach } = isTold
      ? messageKinds[n % messageKinds.length]!
      : random.pick(messageKinds)
    const { name } = random.pick(companies)
    const id = `m${String(content.message.length + 1).padStart(6, '0')}`
    const day = isoDate(pickDay(random, Date.parse(login.created_on)))
    content.message.push({
      id,
      login_id: login.id,
      sent_at: `${day}T${String(random.between(7, 18)).padStart(2, '0')}:${random.between(10, 59)}:00Z`,
      sender: random.pick(messageSenders),
      subject: subject?.replace('{}', name) ?? null,
      body: body.replaceAll('{}', name),
    })
    for (const [index, kind] of attach.entries())
      content.attachment.push({ message_id: id, place: index + 1, ...makeFile(kind, day, name) })
  }
}

function makeFile(kind: 'pdf' | 'csv', day: string, company: string) {
  const file =
    kind === 'csv'
      ? {
          name: `Relevé d’encours — ${day}.csv`,
          media_type: 'text/csv',
          bytes: Buffer.from(`société;montant\r\n"${company.replaceAll('"', '""')}";148,50\r\n`),
        }
      : { name: `rapport-${day}.pdf`, media_type: 'application/pdf', bytes: makePdf(day) }
  const { bytes, ...rest } = file
  return { ...rest, content: `\\x${bytes.toString('hex')}` }
}

/** One page with a line of text: readers rebuild the table of places that it does without. */
function makePdf(day: string): Buffer {
  const text = `BT /F1 16 Tf 60 760 Td (Cofacering - rapport du ${day}) Tj ET`
  return Buffer.from(`%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length ${text.length}>>stream
${text}
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
`)
}

/** @param taken SIREN of the customers, which no other company gets */
function makeMarket(random: Random, taken: Set<string>): Company[] {
  const market: Company[] = []
  const seen = new Set(Array.from(taken, (siren) => `FR ${siren}`))
  const add = (company: Company) => {
    const key = `${company.country} ${company.number}`
    if (!seen.has(key)) market.push(company)
    seen.add(key)
  }
  while (market.length < marketSize.france) {
    const name = random.pick(random.pick(sectors).names).replace('{}', random.pick(surnames))
    add({ country: 'FR', number: makeSiren(random), name })
  }
  while (market.length < marketSize.france + marketSize.abroad) {
    const { country, number, names, surnames: own } = random.pick(abroad)
    const name = random.pick<string>(names).replace('{}', random.pick<string>(own))
    add({ country, number: fillDigits(random, number), name })
  }
  return market
}

function pickSome<T>(random: Random, list: readonly T[], count: number): T[] {
  const picked = new Set<T>()
  while (picked.size < count) picked.add(random.pick(list))
  return [...picked]
}

const fillDigits = (random: Random, pattern: string) =>
  pattern.replaceAll('#', () => String(random.between(0, 9)))
const dayMs = 86_400_000
const pickDay = (random: Random, from: number) =>
  from + random.between(0, Math.max(0, Math.floor((today - from) / dayMs))) * dayMs
const isoDate = (time: number) => new Date(time).toISOString().slice(0, 10)
