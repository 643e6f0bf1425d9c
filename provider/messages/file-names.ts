/**
 * Names of files inside the ZIP. Whoever sent a message chose the name of its attachment: what comes out of here is one
 * name, never a path, that Windows, macOS and Linux take and that looks like what it is. Pure.
 */

// Control characters, marks that turn or hide text (a `fdp.exe` that reads `exe.pdf`), private use, lone surrogates.
const invisible = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu
/** Separators of any system, and what Windows forbids. */
const forbidden = /[<>:"/\\|?*\u2044\u2215\u29f5\u29f8\uff0f\uff3c]+/g
/** Devices of Windows, with any extension. */
const reserved = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i

const maxLength = 100
const maxExtension = 12

/** @param fallback when nothing is left of it */
export function safeFileName(name: string, fallback: string): string {
  const cleaned = name
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(invisible, '')
    .replaceAll(forbidden, '_')
    .replaceAll(/\s+/g, ' ')
    // Hidden on Unix, taken away by Windows; `..` is gone with them.
    .replaceAll(/^[. ]+|[. ]+$/g, '')
  const short = shorten(cleaned)
  if (short === '') return fallback
  return reserved.test(short) ? `_${short}` : short
}

/** Keeps the extension, which says what opens it, and never half of a character. */
function shorten(name: string): string {
  const letters = Array.from(name)
  if (letters.length <= maxLength) return name
  const dot = letters.lastIndexOf('.')
  const extension = dot > 0 && letters.length - dot <= maxExtension ? letters.slice(dot) : []
  return [...letters.slice(0, maxLength - extension.length), ...extension].join('').replace(/[. ]+$/, '')
}

/**
 * Gives each name once: `a.pdf`, `a (2).pdf`. Names that differ in capitals alone are one file on Windows and macOS.
 * @returns of one folder
 */
export function createNames(): (name: string) => string {
  const taken = new Set<string>()
  return (name) => {
    const dot = name.lastIndexOf('.')
    const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
    let given = name
    for (let count = 2; taken.has(keyOf(given)); count++) given = `${stem} (${count})${extension}`
    taken.add(keyOf(given))
    return given
  }
}

const keyOf = (name: string) => name.normalize('NFKC').toUpperCase().toLowerCase()
