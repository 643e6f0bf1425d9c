/**
 * Words that a person typed, in a mail to another person. They are shown as typed, on one line each, without marks that
 * turn or hide text, and they make no link: mail programs turn what looks like an address into one by themselves, so a
 * character that nobody sees stands between its parts. Pure.
 */
import { oneLine } from '../../core/text.ts'

/** Zero width non-joiner. */
const gap = '\u200c'

export function typedLine(typed: string): string {
  return oneLine(typed)
    .trim()
    .replaceAll(/([.:/@\\])(?=\S)/g, `$1${gap}`)
    .replaceAll(/(\S)(?=@)/g, `$1${gap}`)
}

/** Without empty lines at the ends. */
export function typedLines(typed: string): string[] {
  return typed
    .trim()
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map(typedLine)
}
