/** The catalogues of provider: complete in both languages, and the code asks for nothing that is not there. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IntlMessageFormat } from 'intl-messageformat'
import { describe, expect, it, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')
const read = (language: string) =>
  JSON.parse(readFileSync(join(root, 'provider/text', `${language}.json`), 'utf8')) as Record<string, string>
const [fr, en] = [read('fr'), read('en')]
const sources = globSync('provider/**/*.ts', { cwd: root }).map((file) =>
  readFileSync(join(root, file), 'utf8'),
)

/** Names of the values that a message takes. */
function placeholders(message: string): string[] {
  const names = new Set<string>()
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk)
    if (typeof node !== 'object' || node === null) return
    const { type, value, options } = node as { type?: number; value?: string; options?: object }
    // 0 is plain text, 7 is the # of a plural.
    if (type !== 0 && type !== 7 && typeof value === 'string') names.add(value)
    if (options) Object.values(options).forEach((option: { value: unknown }) => walk(option.value))
  }
  walk(new IntlMessageFormat(message, 'fr', undefined, { ignoreTag: true }).getAst())
  return [...names].toSorted()
}

describe('French and English', () => {
  it('have the same keys', () => {
    expect(Object.keys(en)).toEqual(Object.keys(fr))
  })

  it('take the same values', () => {
    for (const [key, message] of Object.entries(fr))
      expect([key, placeholders(en[key] ?? '')]).toEqual([key, placeholders(message)])
  })

  it('differ from one another, brand and single letters aside', () => {
    const same = Object.keys(fr).filter((key) => fr[key] === en[key])
    expect(same).toEqual(['layout.step.ellipro'])
  })

  it.each([fr, en])('have typographic apostrophes and quotation marks', (texts) => {
    for (const message of Object.values(texts)) expect(message).not.toMatch(/['"]/)
  })

  it('have unbreakable spaces before French double punctuation, and none in English', () => {
    for (const message of Object.values(fr)) expect(message).not.toMatch(/[^\u00a0][?!:;»]|«[^\u00a0]/u)
    for (const message of Object.values(en)) expect(message).not.toMatch(/\s[?!:;]/)
  })

  it.each([fr, en])('keep e‑mail on one line in a title', (texts) => {
    const titles = Object.entries(texts).filter(([key]) => /[._]title$/.test(key))
    expect(titles.filter(([, title]) => title.includes('e-mail'))).toEqual([])
  })

  it.each([fr, en])('spare people the jargon', (texts) => {
    for (const message of Object.values(texts))
      expect(message).not.toMatch(
        /\btokens?\b|jetons?|\bsessions?\b|oidc|oauth|\bsso\b|courriel\b|keycloak|activation/iu,
      )
  })
})

test('every key that the code names is there', () => {
  const prefixes = new Set(Object.keys(fr).map((key) => key.slice(0, key.indexOf('.'))))
  const named = sources
    .flatMap((source) => [...source.matchAll(/'([a-z_]+\.[a-z_.]+)'/g)].map(([, key]) => key!))
    .filter((key) => prefixes.has(key.slice(0, key.indexOf('.'))))
    // Events of the log, which share the form and some words.
    .filter(
      (key) =>
        !sources.some((source) => new RegExp(`event: [^\\n]*'${key.replaceAll('.', '\\.')}'`).test(source)),
    )
  expect(named.length).toBeGreaterThan(100)
  expect([...new Set(named)].filter((key) => !(key in fr))).toEqual([])
})

test('every key is used by the code, by its name or by the beginning of it', () => {
  const all = sources.join('\n')
  const unused = Object.keys(fr).filter((key) => {
    if (all.includes(`'${key}'`)) return false
    // Keys made of an outcome: `address.${problem}`, `link.${outcome}_title`.
    const family = key.slice(0, key.lastIndexOf('.') + 1)
    return !all.includes(`\`${family}\${`)
  })
  expect(unused).toEqual([])
})
