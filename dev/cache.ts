/** The folder for what is fetched or built once per user and shared by all clones: Keycloak, Chromium. */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** ELLIPRO_CACHE, else `ellipro` under XDG_CACHE_HOME or ~/.cache. Made when absent. */
export function openCache(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const dir = resolve(env['ELLIPRO_CACHE'] || join(base, 'ellipro'))
  mkdirSync(dir, { recursive: true })
  return dir
}
