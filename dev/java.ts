/** Finds the Java that runs Keycloak. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { SetupError } from './setup-error.ts'

/** How to install what Keycloak needs, for the messages that say it is missing. */
export const installHint = `  Debian, Ubuntu:  sudo apt-get install -y openjdk-17-jre-headless maven
  Fedora:          sudo dnf install java-21-openjdk-headless maven
  macOS:           brew install openjdk maven
  Windows:         winget install EclipseAdoptium.Temurin.21.JRE, and Maven from maven.apache.org`

/**
 * The java command of JAVA_HOME, else of PATH, at version 17 or later.
 * @throws SetupError when there is none, with what was tried
 */
export function findJava(env: NodeJS.ProcessEnv = process.env): string {
  const tried: string[] = []
  for (const java of [...(env['JAVA_HOME'] ? [join(env['JAVA_HOME'], 'bin', 'java')] : []), 'java']) {
    const run = spawnSync(java, ['-version'], { encoding: 'utf8', env })
    const version = /version "(?:1\.)?(\d+)/.exec(run.stderr ?? '')?.[1]
    if (version !== undefined && Number(version) >= 17) return java
    tried.push(`${java}: ${run.error ? 'not found' : `version ${version ?? 'unknown'}`}`)
  }
  throw new SetupError(`Keycloak needs Java 17 or later (${tried.join('; ')}).
${installHint}
Java elsewhere: set JAVA_HOME. With a Keycloak that runs already, no Java is needed: set KEYCLOAK_URL,
REALM_ADMIN_USERNAME and REALM_ADMIN_PASSWORD.`)
}
