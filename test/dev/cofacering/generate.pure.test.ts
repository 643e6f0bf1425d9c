import { describe, expect, it } from 'vitest'
import { generateContent } from '../../../dev/cofacering/content.ts'
import { generateSample, hashSample, sampleLogins } from '../../../dev/cofacering/generate.ts'
import { loginKey } from '../../../core/legacy-login.ts'
import { parseHash, verifyPassword } from '../../../provider/legacy/password-hash.ts'

const sample = generateSample()
const content = generateContent(sample, 3)
const key = (row: object) => Object.values(row).join('|')
const accent = /[À-ÿ]/

function satisfiesLuhn(digits: string): boolean {
  const values = Array.from(digits, Number).toReversed()
  const sum = values.reduce((total, value, i) => {
    const weighted = i % 2 === 1 ? value * 2 : value
    return total + (weighted > 9 ? weighted - 9 : weighted)
  }, 0)
  return sum % 10 === 0
}

describe('the sample Cofacering', () => {
  it('is the same every time, and another one for another seed', () => {
    expect(generateSample()).toEqual(sample)
    expect(generateSample(1)).not.toEqual(sample)
  })

  it('has 300 customers, each with a name, a valid SIREN and a login of its own', () => {
    expect(sample.contracts).toHaveLength(300)
    expect(new Set(sample.contracts.map((c) => c.company)).size).toBe(300)
    expect(new Set(sample.contracts.map((c) => c.siren)).size).toBe(300)
    expect(sample.contracts.filter((c) => !/^000\d{6}$/.test(c.siren) || !satisfiesLuhn(c.siren))).toEqual([])
    expect(new Set(sample.logins.map((l) => loginKey(l.login))).size).toBe(sample.logins.length)
    const withLogin = new Set(sample.logins.map((l) => l.contract_id))
    expect(sample.contracts.filter((c) => !withLogin.has(c.id))).toEqual([])
  })

  it('writes to nobody: every address and domain is reserved for examples', () => {
    const addresses = [...sample.contracts.map((c) => c.contact_email), ...sample.persons.map((p) => p.email)]
    expect(addresses.filter((a) => !/^[a-z0-9.-]+@[a-z0-9-]+\.example$/.test(a))).toEqual([])
    const domains = sample.contracts.flatMap((c) => c.known_domains)
    expect(domains.filter((d) => !/^[a-z0-9-]+\.example$/.test(d))).toEqual([])
  })

  it('has the cases that the product has to deal with', () => {
    const persons = Map.groupBy(sample.persons, (p) => p.login_id)
    const many = sample.logins.filter((l) => (persons.get(l.id)?.length ?? 0) > 1)
    const counts = {
      'shared and known to be': many.filter((l) => l.shared).length,
      'shared and not known to be': many.filter((l) => !l.shared).length,
      disabled: sample.logins.filter((l) => l.disabled).length,
      'never used': sample.logins.filter((l) => l.last_sign_in_at === null).length,
      'unused since 2019': sample.logins.filter((l) => (l.last_sign_in_at ?? '9') < '2020').length,
      bcrypt: sample.logins.filter((l) => l.hash === 'bcrypt').length,
      argon2id: sample.logins.filter((l) => l.hash === 'argon2id').length,
      'on free mail': sample.contracts.filter((c) => c.known_domains.length === 0).length,
      'of several domains': sample.contracts.filter((c) => c.known_domains.length > 1).length,
      'login with accents': sample.logins.filter((l) => accent.test(l.login)).length,
      'company with accents': sample.contracts.filter((c) => accent.test(c.company)).length,
    }
    expect(Object.entries(counts).filter(([, count]) => count < 5)).toEqual([])
    const sizes = many.map((l) => persons.get(l.id)?.length ?? 0)
    expect(Math.min(...sizes)).toBe(3)
    expect(Math.max(...sizes)).toBe(7)
    // A login is created after its contract and used after its creation.
    const contracts = new Map(sample.contracts.map((c) => [c.id, c]))
    expect(
      sample.logins.filter((l) => l.created_on < (contracts.get(l.contract_id)?.signed_on ?? '')),
    ).toEqual([])
    expect(sample.logins.filter((l) => (l.last_sign_in_at ?? '9') < l.created_on)).toEqual([])
  })

  it('has a hash that provider can check for each password, never the same twice', async () => {
    const hashes = await hashSample(sample)
    expect(new Set(hashes.values()).size).toBe(sample.logins.length)
    expect([...hashes.values()].filter((text) => !parseHash(text))).toEqual([])
    expect(await hashSample(sample)).toEqual(hashes)
    const samePassword = Map.groupBy(sample.logins, (l) => l.password)
    expect(Math.max(...[...samePassword.values()].map((logins) => logins.length))).toBeGreaterThan(5)

    for (const { login, password } of sampleLogins) {
      const row = sample.logins.find((l) => l.login === login)
      const parsed = parseHash(hashes.get(row?.id ?? '') ?? '')
      expect([login, parsed && (await verifyPassword(password, parsed.hash))]).toEqual([login, true])
    }
  })

  it('fills contracts with what can be carried over: valid numbers, nothing twice, alerts on companies that are there', () => {
    const companies = content.portfolio.map(({ contract_id, country, number }) =>
      key({ contract_id, country, number }),
    )
    expect(new Set(companies).size).toBe(companies.length)
    const inPortfolio = new Set(companies)
    const stray = content.monitoring.filter(
      ({ contract_id, country, number }) => !inPortfolio.has(key({ contract_id, country, number })),
    )
    expect(stray).toEqual([])
    const french = content.portfolio.filter(({ country }) => country === 'FR')
    expect(french.filter(({ number }) => !/^000\d{6}$/.test(number) || !satisfiesLuhn(number))).toEqual([])
    expect(content.monitoring.filter(({ recipient }) => !recipient.endsWith('.example'))).toEqual([])

    const sizes = [...Map.groupBy(content.portfolio, (line) => line.contract_id)].map(
      ([, lines]) => lines.length,
    )
    expect(sizes.toSorted((a, b) => b - a).slice(0, 2)).toEqual([10_000, expect.toSatisfy((n) => n <= 200)])
    const counts = {
      abroad: content.portfolio.length - french.length,
      'without a reference': content.portfolio.filter(({ reference }) => reference === null).length,
      accents: content.portfolio.filter(({ name }) => accent.test(name)).length,
      'message without a subject': content.message.filter(({ subject }) => subject === null).length,
      attachments: content.attachment.length,
    }
    expect(Object.entries(counts).filter(([, count]) => count < 20)).toEqual([])
    const mailboxes = new Set(content.message.map((m) => m.login_id))
    const told = sample.logins.filter((l) => sampleLogins.some(({ login }) => login === l.login))
    expect(told.filter(({ id }) => !mailboxes.has(id))).toEqual([])
    expect(generateContent(sample, 3)).toEqual(content)
  })

  it('notes each login that people are told about in both languages', () => {
    for (const { note } of sampleLogins) {
      expect(note.fr).not.toBe('')
      expect(note.en).not.toBe('')
    }
    expect(sampleLogins.some((l) => l.people > 1)).toBe(true)
    expect(sampleLogins.some((l) => l.disabled)).toBe(true)
    expect(new Set(sampleLogins.map((l) => l.hash)).size).toBe(2)
  })
})
