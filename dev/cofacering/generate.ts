/**
 * Some 300 believable Cofacering customers, made from a fixed seed: always the same, on every machine.
 *
 * Among them: logins shared by 3 to 7 people (flagged, and some not flagged), both hash formats, logins unused for
 * years or never used, disabled ones, accents everywhere, several customers with one password. `sampleLogins` are
 * the few whose password is written down for people; the others are filler and nobody needs theirs.
 *
 * Invented throughout: SIREN numbers satisfy Luhn but start with 000, which no company has, and every address is
 * in `.example`. The file decides; `load.ts` writes. What their contracts hold is in `content.ts`.
 */
import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { hash as hashBcrypt } from '@node-rs/bcrypt'
import { createRandom, type Random } from './random.ts'
import { sampleLogins, type SampleLogin } from './sample-logins.ts'
import { makeSiren } from './siren.ts'
import {
  commonPasswords,
  firstNames,
  freeMail,
  jobs,
  sectors,
  surnames,
  tariffs,
  towns,
} from './vocabulary.ts'

export { sampleLogins, type SampleLogin }

export type SampleContract = {
  id: string
  company: string
  siren: string
  sector: string
  postcode: string
  city: string
  tariff: string
  yearly_fee_eur: number
  /** ISO dates, here and below. */
  signed_on: string
  contact_name: string
  contact_email: string
  contact_phone: string
  known_domains: string[]
}
export type SampleLoginRow = {
  id: string
  login: string
  contract_id: string
  shared: boolean
  disabled: boolean
  created_on: string
  last_sign_in_at: string | null
  /** Never loaded: what the hash is made from. */
  password: string
  hash: 'bcrypt' | 'argon2id'
}
export type SamplePerson = { id: string; login_id: string; name: string; job: string; email: string }
export type Sample = { contracts: SampleContract[]; logins: SampleLoginRow[]; persons: SamplePerson[] }

/** Small on purpose, so that a first start does not wait: a real directory holds costlier hashes. */
export const hashCosts = { bcryptCost: 6, argon2MemoryKib: 4096, argon2Passes: 2 }

export const sampleSeed = 20_261_130
const sampleSize = 300

/** The sample without its hashes; the same value every time for one seed. */
export function generateSample(seed = sampleSeed, size = sampleSize): Sample {
  const random = createRandom(seed)
  const sample: Sample = { contracts: [], logins: [], persons: [] }
  const taken = { companies: new Set<string>(), sirens: new Set<string>(), logins: new Set<string>() }
  for (const { login, company } of sampleLogins) {
    taken.logins.add(login)
    taken.companies.add(company)
  }

  for (const custom of sampleLogins) addCustomer(custom)
  while (sample.contracts.length < size) addCustomer()
  return sample

  function addCustomer(custom?: SampleLogin) {
    const sector = random.pick(sectors)
    const company =
      custom?.company ??
      unused(taken.companies, () => random.pick(sector.names).replace('{}', random.pick(surnames)))
    const contract = makeContract(random, company, custom?.sector ?? sector.label, custom)
    contract.id = `CF-${204_001 + sample.contracts.length * 7}`
    contract.siren = unused(taken.sirens, () => makeSiren(random))
    sample.contracts.push(contract)
    // A few customers bought a second login; the rest pass one around.
    const count = custom === undefined && random.chance(0.08) ? 2 : 1
    for (let n = 0; n < count; n++) addLogin(contract, sector.slug, custom)
  }

  function addLogin(contract: SampleContract, sectorSlug: string, custom: SampleLogin | undefined) {
    const people = custom?.people ?? (random.chance(0.18) ? random.between(3, 7) : 1)
    const names = Array.from({ length: people }, () => makeName(random))
    const id = `cl-${String(sample.logins.length + 1).padStart(5, '0')}`
    const login =
      custom?.login ?? unused(taken.logins, () => makeLogin(random, contract, sectorSlug, names[0]!))
    const signed = new Date(contract.signed_on)
    const created = addDays(signed, random.between(0, 40))
    const password = random.chance(0.2) ? random.pick(commonPasswords) : makePassword(random)
    sample.logins.push({
      id,
      login,
      contract_id: contract.id,
      // One shared login in four is not known to be: Cofacering learns it when a second person turns up.
      shared: people > 1 && (custom !== undefined || random.chance(0.75)),
      disabled: custom?.disabled ?? random.chance(0.04),
      created_on: isoDate(created),
      last_sign_in_at: custom ? custom.lastSignInAt : makeLastSignIn(random, created),
      password: custom?.password ?? password,
      hash: custom?.hash ?? (created.getUTCFullYear() >= 2021 ? 'argon2id' : 'bcrypt'),
    })
    for (const [index, name] of names.entries()) {
      sample.persons.push({ id: `${id}-${index + 1}`, login_id: id, ...makePerson(random, name, contract) })
    }
  }
}

/** Hashes every password, with salts from the seed: a bcrypt `$2b$` or an Argon2id PHC string for each login id. */
export async function hashSample(sample: Sample, seed = sampleSeed): Promise<Map<string, string>> {
  const random = createRandom(seed + 1)
  const salted = sample.logins.map((login) => ({ ...login, salt: random.bytes(16) }))
  const hashes = await Promise.all(
    salted.map(async ({ id, hash, password, salt }) => {
      const text =
        hash === 'bcrypt' ? hashBcrypt(password, hashCosts.bcryptCost, salt) : hashArgon2id(password, salt)
      return [id, await text] as const
    }),
  )
  return new Map(hashes)
}

async function hashArgon2id(password: string, salt: Buffer): Promise<string> {
  const { argon2MemoryKib: memory, argon2Passes: passes } = hashCosts
  const parameters = { message: password, nonce: salt, parallelism: 1, tagLength: 32, memory, passes }
  const tag = await promisify(argon2)('argon2id', parameters)
  return `$argon2id$v=19$m=${memory},t=${passes},p=1$${phcBase64(salt)}$${phcBase64(tag)}`
}

/** The PHC string format leaves the padding out. */
const phcBase64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

/** A contract without its number and SIREN, which the caller keeps unique. */
function makeContract(random: Random, company: string, sector: string, custom?: SampleLogin): SampleContract {
  const [postcode, city] = custom?.town ?? random.pick(towns)
  const tariff = random.pick(tariffs)
  const ownDomain = `${slug(company)}.example`
  const onFreeMail = custom ? custom.freeMail === true : random.chance(0.12)
  const contact = makeName(random)
  const second = random.chance(0.15) ? [`groupe-${ownDomain}`] : []
  return {
    id: '',
    company,
    siren: '',
    sector,
    postcode,
    city,
    tariff: tariff.name,
    yearly_fee_eur: Math.round(random.between(tariff.low, tariff.high) / 10) * 10,
    signed_on: custom?.signedOn ?? isoDate(addDays(new Date('2004-01-05'), random.between(0, 7600))),
    contact_name: fullName(contact),
    contact_email: `${mailbox(contact)}@${onFreeMail ? random.pick(freeMail) : ownDomain}`,
    // 01 99 00 00 00 to 01 99 00 99 99 are kept by the regulator for works of fiction.
    contact_phone: `01 99 00 ${twoDigits(random)} ${twoDigits(random)}`,
    known_domains: onFreeMail ? [] : [ownDomain, ...second],
  }
}

type Name = { first: string; last: string }
const makeName = (random: Random): Name => ({ first: random.pick(firstNames), last: random.pick(surnames) })
const fullName = ({ first, last }: Name) => `${first} ${last}`
const mailbox = ({ first, last }: Name) => `${slug(first)}.${slug(last)}`

function makePerson(
  random: Random,
  name: Name,
  contract: SampleContract,
): Omit<SamplePerson, 'id' | 'login_id'> {
  const domain = contract.known_domains[0] ?? random.pick(freeMail)
  return { name: fullName(name), job: random.pick(jobs), email: `${mailbox(name)}@${domain}` }
}

function makeLogin(
  random: Random,
  contract: SampleContract,
  sectorSlug: string,
  { first, last }: Name,
): string {
  const style = random.between(1, 11)
  // The rare one with accents: people type it as they see it.
  if (style === 11) return `${first}.${last}`.toLowerCase().replaceAll(' ', '')
  if (style <= 2)
    return `${slug(contract.company, '').toUpperCase().slice(0, 10)}${contract.postcode.slice(0, 2)}`
  if (style <= 4) return `${slug(first).slice(0, 1)}.${slug(last, '')}`
  if (style <= 6) return contract.id.replace('-', '')
  if (style <= 8) return `compta-${slug(contract.company)}`
  return `${sectorSlug}${random.between(100, 9999)}`
}

const makePassword = (random: Random) => random.bytes(9).toString('base64url')

function makeLastSignIn(random: Random, created: Date): string | null {
  if (random.chance(0.05)) return null
  const end = random.chance(0.15) ? new Date('2019-12-31') : new Date('2026-10-30')
  const days = Math.floor((end.getTime() - created.getTime()) / 86_400_000)
  const last =
    days > 0
      ? addDays(
          created,
          random.chance(0.7) ? days - random.between(0, Math.min(60, days)) : random.between(0, days),
        )
      : created
  return `${isoDate(last)}T${String(random.between(7, 18)).padStart(2, '0')}:${twoDigits(random, 59)}:00Z`
}

/** Lower-case ASCII words joined by `separator`: « Négoce Lefèvre & Fils » gives negoce-lefevre-fils. */
function slug(text: string, separator = '-'): string {
  const ascii = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  return ascii
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
    .replaceAll(' ', separator)
}

function unused(taken: Set<string>, make: () => string): string {
  for (;;) {
    const candidate = make()
    if (taken.has(candidate)) continue
    taken.add(candidate)
    return candidate
  }
}

const isoDate = (date: Date) => date.toISOString().slice(0, 10)
const addDays = (date: Date, days: number) => new Date(date.getTime() + days * 86_400_000)
const twoDigits = (random: Random, high = 99) => String(random.between(0, high)).padStart(2, '0')
