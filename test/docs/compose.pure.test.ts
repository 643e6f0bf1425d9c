/**
 * docker-compose.yml, for which no container engine is at hand: a linter reads it, and what it gives to each container
 * is compared with what the process in it reads.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { adminSyncConfig, bootstrapConfig } from '../../admin-sync/config.ts'
import { realmConfig } from '../../admin-sync/realm/config.ts'
import type { Definition } from '../../core/config.ts'
import { providerConfig } from '../../provider/config.ts'

type Service = { image?: string; command?: string[]; environment?: Record<string, string>; ports?: string[] }

const root = join(import.meta.dirname, '..', '..')
const file = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const { services } = parse(file, { merge: true }) as { services: Record<string, Service> }

const processes: [service: string, script: string, definition: Definition][] = [
  ['database', 'admin-sync/cli.ts', bootstrapConfig],
  ['realm', 'admin-sync/cli.ts', realmConfig],
  ['provider', 'provider/main.ts', providerConfig],
  ['admin-sync', 'admin-sync/main.ts', adminSyncConfig],
]

test('the compose linter has nothing to say', async () => {
  const lint = ['node_modules/dclint/bin/dclint.cjs', '-c', '.dclintrc.json', '--max-warnings', '0']
  const run = promisify(execFile)(process.execPath, [...lint, 'docker-compose.yml'], { cwd: root })
  await expect(run).resolves.toBeDefined()
})

describe.each(processes)('the container %s', (name, script, known: Definition) => {
  const service = services[name]
  const given = Object.keys(service?.environment ?? {})

  it('runs a file that is there', () => {
    expect(service?.command).toEqual(expect.arrayContaining(['node', script]))
    expect(readFileSync(join(root, script), 'utf8')).not.toBe('')
  })

  it('is given every variable that its process asks for, and none that it does not know', () => {
    const needed = Object.entries(known).filter(([, e]) => e.default === undefined && !e.optional)
    expect(needed.map(([variable]) => variable).filter((variable) => !given.includes(variable))).toEqual([])
    expect(given.filter((variable) => !(variable in known))).toEqual([])
  })

  it('lets every variable be set that may differ between installations', () => {
    const fixed = ['PROVIDER_HOST', 'PROVIDER_PORT', 'ADMIN_SYNC_HOST', 'ADMIN_SYNC_PORT']
    const unreachable = Object.keys(known).filter((v) => !given.includes(v) && !fixed.includes(v))
    expect(unreachable).toEqual([])
  })

  it('can do without what docker-compose.yml leaves empty', () => {
    const empty = Object.entries(service?.environment ?? {}).filter(([, value]) =>
      /^\$\{\w+:-\}$/.test(value),
    )
    expect(
      empty.filter(([variable]) => !known[variable]?.optional && known[variable]?.default === undefined),
    ).toEqual([])
  })
})
