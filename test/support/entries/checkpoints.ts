/**
 * Named checkpoints: places at which a test holds one of our processes and does something to the world meanwhile. They
 * exist only in the entry files of this folder, which start the product's own code; production has none.
 *
 * They sit on the wire: around the statements that go to PostgreSQL and the calls that go out by HTTP, where everything
 * that lasts happens. `before` is held with nothing sent, `after` with the answer received and not yet given to the
 * code that waits for it. admin-sync's own steps (`onStep`) are checkpoints too.
 *
 * A test writes a file of the checkpoint's name into the folder CHECKPOINTS; the first to come by renames it to
 * `<name>.held` and waits until that file is gone (test/support/checkpoints.ts).
 */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { callbackify } from 'node:util'
import pg from 'pg'

const folder = process.env['CHECKPOINTS']

/** Goes on at once unless a test waits for somebody to come here. */
export async function checkpoint(name: string | undefined): Promise<void> {
  if (folder === undefined || name === undefined) return
  const held = join(folder, `${name}.held`)
  try {
    renameSync(join(folder, name), held)
  } catch {
    return
  }
  while (existsSync(held)) await sleep(15)
}

/** What lies around one statement or call; `undefined` where nothing does. */
export type Around = { before?: string; after?: string }

/** @param describe what lies around a statement of this connection; it sees every statement, and may keep state by it */
export function watchStatements(
  describe: (text: string, values: unknown[], connection: object) => Around | undefined,
  answered: (text: string, rows: number, connection: object) => void = () => {},
): void {
  const { query } = pg.Client.prototype as unknown as {
    query: (...args: unknown[]) => Promise<pg.QueryResult>
  }
  const watched = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args
    const text = typeof first === 'string' ? first : (first as { text?: unknown } | undefined)?.text
    // A stream of COPY has a text too, and must be given back as it is.
    const isStream = typeof (Object(first) as { submit?: unknown }).submit === 'function'
    if (typeof text !== 'string' || isStream) return query.apply(this, args)
    const values = Array.isArray(args[1]) ? args[1] : ((Object(first) as { values?: unknown[] }).values ?? [])
    const around = describe(text, values, this)
    const callback =
      typeof args.at(-1) === 'function'
        ? (args.pop() as (error: unknown, result: pg.QueryResult) => void)
        : undefined
    const run = async () => {
      await checkpoint(around?.before)
      const result = await query.apply(this, args)
      answered(text, Array.isArray(result) ? 0 : (result.rowCount ?? 0), this)
      await checkpoint(around?.after)
      return result
    }
    if (!callback) return run()
    callbackify(run)(callback)
    return undefined
  }
  Object.assign(pg.Client.prototype, { query: watched })
}

/** @param describe what lies around a call by HTTP; `path` without query, in the realm's own terms */
export function watchCalls(describe: (method: string, path: string) => Around | undefined): void {
  const original = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
    const around = describe(method, url.pathname)
    await checkpoint(around?.before)
    const answer = await original(input, init)
    if (around?.after === undefined) return answer
    const body = await answer.arrayBuffer()
    await checkpoint(around.after)
    const empty = [101, 204, 205, 304].includes(answer.status)
    return new Response(empty ? null : body, answer)
  }
}
