/**
 * The command `left`: the logins that are left, in a file for the desk, as provider's page gives it. Its lines are
 * personal data, so only its owner reads the file, an existing one is never written over, and the audit list says who
 * took it and why before the first line is there.
 */
import { open, rm } from 'node:fs/promises'
import type pg from 'pg'
import { renderLeftHeader, renderLeftLine, type LeftFilter } from '../../core/left-list.ts'
import type { Language } from '../../core/text.ts'
import { readLeft } from '../accounts/migration.ts'
import { recordAction, type Operator } from './audit.ts'

/**
 * @returns how many logins
 * @throws Error when the file is there already, or cannot be written; what was begun is removed
 */
export async function writeLeftFile(
  pool: pg.Pool,
  path: string,
  o: { filter: LeftFilter; language: Language; operator: Operator },
): Promise<number> {
  const file = await open(path, 'wx', 0o600)
  try {
    await recordAction(pool, o.operator, 'left', 'begun')
    let logins = 0
    await file.write(renderLeftHeader(o.language))
    for await (const piece of readLeft(pool, o.filter)) {
      logins += piece.length
      await file.write(piece.map((login) => renderLeftLine(o.language, login)).join(''))
    }
    return logins
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}
