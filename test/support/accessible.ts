/**
 * What every page that a person meets must hold, provider's and Keycloak's alike, in one list: axe (WCAG 2.2 AA) in both
 * colour schemes; structure and words for screen readers; sizes, zoom and text spacing; the keyboard; forced colours,
 * reduced motion. Gives problems in words, so that one run names all of them.
 *
 * Sizes: 320 px is also 400 % of a screen of 1280 px, and 640 px is 200 % of it (WCAG 1.4.10, 1.4.4).
 */
import { AxeBuilder } from '@axe-core/playwright'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { knownViolations, type Known } from './known-violations.ts'

export type Language = 'fr' | 'en'
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']
/** What the other colour scheme can change. */
const colourRules = ['color-contrast', 'link-in-text-block']

const checks = readFileSync(join(import.meta.dirname, 'page-checks.js'), 'utf8').replace(
  'export const',
  'const',
)
const ask = (page: Page, call: string) =>
  page.evaluate<string[]>(`(() => { ${checks}; return pageChecks.${call} })()`)

export type Inspector = {
  /**
   * Looks at the page as it is now, and leaves it as it was, but for the focus.
   * @param name of the page: its problems begin with it
   */
  inspect: (page: Page, name: string) => Promise<string[]>
  /** Entries of known-violations.ts that no inspected page had. */
  stale: () => Known[]
}

/**
 * @param language that the pages must have. Each language has one colour scheme in full and the other for colours. What
 *   no language changes is looked at in French alone, whose words are the longer ones: wide screens, forced colours, the
 *   keyboard.
 */
export function createInspector(language: Language): Inspector {
  const met = new Set<Known>()
  const isFull = language === 'fr'
  const [first, second] = isFull ? (['light', 'dark'] as const) : (['dark', 'light'] as const)

  async function inspectByAxe(page: Page, rules?: string[]): Promise<string[]> {
    return (await runAxe(page, rules)).flatMap(({ id, html, target }) => {
      const known = knownViolations.find((one) => one.rule === id && html.includes(one.html))
      if (known) met.add(known)
      return known ? [] : [`axe ${id} at ${target}: ${html.slice(0, 120)}`]
    })
  }

  return {
    async inspect(page, name) {
      const problems = await ask(page, `structure('${language}')`)
      await page.emulateMedia({ colorScheme: first, reducedMotion: 'reduce' })
      problems.push(
        ...(await ask(page, 'motion()')),
        ...(await inspectSizes(page, isFull ? [1280, 640, 320] : [320])),
      )
      problems.push(...(await inspectByAxe(page)))
      await page.emulateMedia({ colorScheme: second })
      problems.push(...(await inspectByAxe(page, colourRules)))
      if (isFull) {
        await page.emulateMedia({ colorScheme: first, forcedColors: 'active' })
        problems.push(...(await ask(page, 'forced()')), ...(await inspectKeyboard(page)))
      }
      await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'no-preference' })
      await page.setViewportSize({ width: 1280, height: 800 })
      return problems.map((problem) => `${name}: ${problem}`)
    },
    stale: () => knownViolations.filter((known) => !met.has(known)),
  }
}

/** Elements that break a rule of axe. Its legacy mode: our pages have no frames, and it needs no second page. */
export async function runAxe(
  page: Page,
  rules?: string[],
): Promise<{ id: string; html: string; target: string }[]> {
  const builder = new AxeBuilder({ page }).setLegacyMode()
  const { violations } = await (rules ? builder.withRules(rules) : builder.withTags(tags)).analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, target }) => ({ id, html, target: target.join(' ') })),
  )
}

/** Leaves the page as wide as the last of `widths`, where text spacing is looked at too. */
async function inspectSizes(page: Page, widths: number[]): Promise<string[]> {
  const problems: string[] = []
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 })
    problems.push(...(await ask(page, 'layout()')).map((problem) => `${width} px: ${problem}`))
  }
  await ask(page, 'spaceOut()')
  problems.push(...(await ask(page, 'layout()')).map((problem) => `spaced: ${problem}`))
  await ask(page, 'spaceBack()')
  return problems
}

/** Tab from the first stop to the last and out of the page: every stop in order, seen, none a trap. */
async function inspectKeyboard(page: Page): Promise<string[]> {
  const stops = Number(await ask(page, 'begin()'))
  const problems = await ask(page, 'stop(0)')
  for (let at = 1; at < stops; at += 1) {
    await page.keyboard.press('Tab')
    problems.push(...(await ask(page, `stop(${at})`)))
  }
  await page.keyboard.press('Tab')
  return [...problems, ...(await ask(page, 'end()'))]
}
