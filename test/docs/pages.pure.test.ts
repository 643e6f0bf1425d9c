import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

describe('the documentation', () => {
  it('lists every route of provider in the order of app.ts', () => {
    const routes = [...read('provider/app.ts').matchAll(/app\.(get|post)\('([^']+)'/g)].map(
      ([, method, path]) => `${method?.toUpperCase()} ${path}`,
    )
    const screens = routes.filter((route) => !route.includes('/health/'))
    const documented = [...read('docs/endpoints.md').matchAll(/^\| `((?:GET|POST) \/[^`]*)`/gm)].map(
      ([, route]) => route,
    )
    expect(screens.length).toBeGreaterThan(15)
    expect(documented.filter((route) => screens.includes(route ?? ''))).toEqual(screens)
  })

  it('has no link to a file that is not there', () => {
    const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })]
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, link]) => join(dirname(page), link ?? ''))
        .filter((target) => globSync(target.replace(/\/$/, ''), { cwd: root }).length === 0)
        .map((target) => `${page}: ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('shows every picture that is kept', () => {
    const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })].map(read).join()
    const pictures = globSync('docs/images/*', { cwd: root }).map((picture) => basename(picture))
    expect(pictures.length).toBeGreaterThan(5)
    expect(pictures.filter((picture) => !pages.includes(`images/${picture})`))).toEqual([])
  })
})
