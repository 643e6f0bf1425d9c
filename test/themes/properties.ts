/** Reads the theme's files for the tests that need no server. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const themeFolder = join(import.meta.dirname, '..', '..', 'themes', 'ellipro')

export const readThemeFile = (path: string): string => readFileSync(join(themeFolder, path), 'utf8')

/**
 * Messages of `login` or `email` in one language, key to text as written (UTF-8, one line a message).
 * @throws Error on a key that stands twice: the later one would win without a word
 */
export function readMessages(part: 'login' | 'email', language: 'fr' | 'en'): Map<string, string> {
  const messages = new Map<string, string>()
  for (const line of readThemeFile(`${part}/messages/messages_${language}.properties`).split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, key, text] = /^([\w.-]+)=(.*)$/.exec(line) ?? []
    if (key === undefined || text === undefined) throw new Error(`Not a message: ${line}`)
    if (messages.has(key)) throw new Error(`Twice in ${part} ${language}: ${key}`)
    messages.set(key, text)
  }
  return messages
}

/** Every template of a part of the theme, joined. */
export function readTemplates(part: 'login' | 'email'): string {
  const files = readdirSync(join(themeFolder, part), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ftl'))
    .map((file) => readThemeFile(join(part, file)))
    .join('\n')
}
