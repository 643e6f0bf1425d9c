/**
 * Text catalogues: one JSON file a language, keys to ICU messages (`intl-messageformat`). French is the first
 * language; a key that is missing in either is a bug that the tests find, and shows the key rather than nothing.
 */
import { readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'

export const languages = ['fr', 'en'] as const
export type Language = (typeof languages)[number]
export type Values = Record<string, string | number>
/** Gives the text of a key in one language, with its values filled in. Plain text: the caller escapes it. */
export type Translate = (key: string, values?: Values) => string

/** Reads `fr.json` and `en.json` of a folder. */
export function loadTexts(folder: URL): Record<Language, Translate> {
  const read = (language: Language): Translate => {
    const messages = JSON.parse(readFileSync(new URL(`${language}.json`, folder), 'utf8')) as Record<
      string,
      string
    >
    const formats = new Map<string, IntlMessageFormat>()
    return (key, values) => {
      const message = messages[key]
      if (message === undefined) return key
      let format = formats.get(key)
      if (!format) {
        format = new IntlMessageFormat(message, language, undefined, { ignoreTag: true })
        formats.set(key, format)
      }
      return String(format.format(values))
    }
  }
  return { fr: read('fr'), en: read('en') }
}

/**
 * A name that another system holds, as it may stand on a page, in a mail or in a header: one line, without control
 * characters and without marks that turn or hide text. (The database does the same with what provider writes.)
 */
export function oneLine(name: string): string {
  // oxlint-disable-next-line no-control-regex
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g, ' ')
}

/**
 * The language of a request: `ui_locales` (OIDC Core section 3.1.2.1, space separated) before Accept-Language,
 * else French.
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  const wanted = [
    ...(uiLocales ?? '').split(' '),
    ...(acceptLanguage ?? '')
      .split(',')
      .map((part) => {
        const [tag = '', ...params] = part.trim().split(';')
        const q = Number(
          params
            .find((p) => p.trim().startsWith('q='))
            ?.trim()
            .slice(2) ?? 1,
        )
        return { tag, q: Number.isFinite(q) ? q : 0 }
      })
      .filter(({ q }) => q > 0)
      .toSorted((a, b) => b.q - a.q)
      .map(({ tag }) => tag),
  ]
  for (const tag of wanted) {
    const language = languages.find((l) => l === tag.slice(0, 2).toLowerCase())
    if (language) return language
  }
  return 'fr'
}
