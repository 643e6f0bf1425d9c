/**
 * The design tokens: WCAG 2.2 AA contrast of every pair that pages.css puts together, in both schemes, and one set of
 * colours for pages and mails.
 */
import { describe, expect, test } from 'vitest'
import { readThemeFile } from './properties.ts'

const tokensCss = readThemeFile('login/resources/css/tokens.css')
const pagesCss = readThemeFile('login/resources/css/pages.css')
const [lightBlock = '', darkBlock = ''] = tokensCss.split('@media (prefers-color-scheme: dark)')
const readTokens = (block: string) =>
  new Map(
    [...block.matchAll(/--ell-([\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value]),
  )
const light = readTokens(lightBlock)
const dark = new Map([...light, ...readTokens(darkBlock)])

/** Text on its ground: 4.5 (WCAG 1.4.3). */
const texts: [string, string][] = [
  ...['ink', 'ink-soft', 'link', 'error'].flatMap((ink): [string, string][] => [
    [ink, 'surface'],
    [ink, 'surface-sunk'],
    [ink, 'paper'],
  ]),
  ['on-primary', 'primary'],
  ['on-primary', 'primary-strong'],
  ['primary-strong', 'surface-sunk'],
  ['primary', 'paper'],
  ...['info', 'success', 'warning', 'error'].flatMap((state): [string, string][] => [
    [state, `${state}-surface`],
    ['ink', `${state}-surface`],
    ['link', `${state}-surface`],
  ]),
]
/** Edges of controls, the focus ring and what shows a state: 3 (WCAG 1.4.11). */
const edges: [string, string][] = [
  ['field-line', 'surface'],
  ['field-line', 'paper'],
  ['primary', 'surface'],
  ['primary', 'error-surface'],
  ['error', 'surface'],
  ['focus', 'surface'],
  ['focus', 'paper'],
  ['focus', 'surface-sunk'],
  ['focus', 'focus-halo'],
]

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(tokens: Map<string, string>, [one, other]: [string, string]): number {
  const [a = '', b = ''] = [one, other].map((name) => tokens.get(name))
  if (!/^#[0-9a-f]{6}$/.test(a) || !/^#[0-9a-f]{6}$/.test(b)) throw new Error(`Not colours: ${one}, ${other}`)
  const [bright = 0, dim = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (bright + 0.05) / (dim + 0.05)
}

const tooWeak = (tokens: Map<string, string>, pairs: [string, string][], minimum: number) =>
  pairs
    .map((pair) => ({ pair: pair.join(' on '), ratio: contrast(tokens, pair) }))
    .filter(({ ratio }) => ratio < minimum)

describe.each([
  ['light', light],
  ['dark', dark],
] as const)('in the %s scheme', (_scheme, tokens) => {
  test('text stands out from its ground', () => {
    expect(tooWeak(tokens, texts, 4.5)).toEqual([])
  })

  test('controls, states and the focus ring stand out from what is next to them', () => {
    expect(tooWeak(tokens, edges, 3)).toEqual([])
  })
})

test('every colour has a dark value', () => {
  const colours = [...light].filter(([, value]) => value.startsWith('#')).map(([name]) => name)
  const darkNames = readTokens(darkBlock)
  expect(colours.filter((name) => !darkNames.has(name))).toEqual([])
})

test('the stylesheets use no token that is not declared, and declare none that nobody uses', () => {
  const ellipro = readThemeFile('login/resources/css/ellipro.css')
  const used = new Set(
    [...`${tokensCss}${pagesCss}${ellipro}`.matchAll(/var\(--ell-([\w-]+)/g)].map(([, n]) => n),
  )
  expect([...used].filter((name) => !light.has(name ?? ''))).toEqual([])
  expect([...light.keys()].filter((name) => !used.has(name))).toEqual([])
})

test('the shared stylesheets load nothing, so that `style-src` and `img-src` can stay at self', () => {
  expect(`${tokensCss}${pagesCss}`).not.toMatch(/url\(|@import/)
})

test('the mails have the colours of the pages', () => {
  const mail = readThemeFile('email/html/template.ftl') + readThemeFile('email/html/activation.ftl')
  const known = new Set([...light.values(), ...dark.values()])
  const [inMail, ours] = [new Set(mail.match(/#[0-9a-f]{6}\b/g)), (c: string) => known.has(c)]
  expect([...inMail].filter((colour) => !ours(colour))).toEqual([])
  expect(inMail.size).toBeGreaterThan(10)
})
