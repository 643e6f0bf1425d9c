/** What a start prints while it goes on: a line for each thing that is done, and one that changes for what is under way. */
export type Progress = {
  /** Something is done, or worth knowing. */
  say: (text: string) => void
  /** What is under way: on a terminal the last line, which the next replaces; elsewhere a line when the words change. */
  update: (text: string) => void
  /** Takes the changing line away. */
  clear: () => void
  seconds: () => string
}

export function createProgress(out: NodeJS.WriteStream = process.stdout): Progress {
  const startedAt = performance.now()
  out.on('error', () => {}) // the terminal was closed: SIGHUP follows, and stops us properly
  let shown = ''
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
  const clear = () => {
    if (out.isTTY && shown !== '') out.write('\r\x1b[2K')
    shown = ''
  }
  return {
    say: (text) => {
      clear()
      out.write(`  ${seconds().padStart(7)}  ${text}\n`)
    },
    clear,
    seconds,
    update: (text) => {
      if (text === shown) return
      if (out.isTTY) out.write(`\r\x1b[2K           ${text.slice(0, (out.columns || 80) - 12)}`)
      else if (text.replaceAll(/\d+/g, '') !== shown.replaceAll(/\d+/g, '')) {
        out.write(`  ${seconds().padStart(7)}  ${text}\n`)
      }
      shown = text
    },
  }
}
