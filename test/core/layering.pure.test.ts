import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

// Lint refuses the forbidden imports file by file; what a linter of single files cannot see is checked here.

const root = join(import.meta.dirname, '..', '..')
const sources = globSync('{core,provider,admin-sync}/**/*.ts', { cwd: root }).toSorted()

/** Paths that a file imports, relative to the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path ?? '')),
  )
}

/** Every file reached from the files of one folder. */
function reachFrom(folder: string): Set<string> {
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    importsOf(file).forEach(visit)
  }
  sources.filter((file) => file.startsWith(`${folder}/`)).forEach(visit)
  return seen
}

describe('the layers', () => {
  it('are looked at: the three folders have sources', () => {
    for (const folder of ['core', 'provider', 'admin-sync'])
      expect(sources.filter((f) => f.startsWith(`${folder}/`)).length).toBeGreaterThan(5)
  })

  it('keep in core only what both processes import', () => {
    const provider = reachFrom('provider')
    const adminSync = reachFrom('admin-sync')
    const misplaced = sources
      .filter((file) => file.startsWith('core/'))
      .filter((file) => !provider.has(file) || !adminSync.has(file))
    expect(misplaced).toEqual([])
  })

  it('let admin-sync/keycloak alone import the Keycloak client, and config files alone read the environment', () => {
    const offenders = sources.filter((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      const readsEnvironment = /process\.env\b/.test(text) && !/(^|\/)(config|cli|main)\.ts$/.test(file)
      const importsClient = /@keycloak\//.test(text) && !file.startsWith('admin-sync/keycloak/')
      return readsEnvironment || importsClient
    })
    expect(offenders).toEqual([])
  })

  it('have no cycle between files', () => {
    const state = new Map<string, 'open' | 'done'>()
    const cycles: string[] = []
    const visit = (file: string, path: string[]) => {
      if (state.get(file) === 'done') return
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
        return
      }
      state.set(file, 'open')
      // Types make no cycle at run time.
      const text = readFileSync(join(root, file), 'utf8')
      const values = [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+'(\.[^']+)'/gm)]
      values.forEach(([, target]) => visit(normalize(join(dirname(file), target ?? '')), [...path, file]))
      state.set(file, 'done')
    }
    sources.forEach((file) => visit(file, []))
    expect(cycles).toEqual([])
  })
})
