/**
 * Finds what is wrong in the stage, by statements over whole tables, and takes it out: problems into the table `problem`,
 * their lines out of the tables of their kinds. What is left is right, line by line and among each other, and `plan` says
 * what to do with each contract:
 *
 *   write       its lines are other than at its last import, or had problems then or now
 *   unchanged   they are the same, to the last value
 *   refuse      its own record is wrong, or stands twice
 */
import { columns, kinds, type Kind } from '../model.ts'
import type { ProblemCode } from './problems.ts'
import { keys, ownerOf, rules, rulesVersion, type Rule } from './rules.ts'
import type { Session } from './session.ts'
import type { Stage } from './stage.ts'
import { childTables } from './tables.ts'

/** Kinds whose lines name a contract. */
const byContract = kinds.filter((kind) => ownerOf(kind) === 'contract')

/** All of it, in the transaction that is open. @param isWhole whether a login that is not here is nowhere */
export async function checkStage({ run }: Session, stage: Stage, isWhole: boolean): Promise<void> {
  for (const kind of kinds) {
    if (byContract.includes(kind)) await run(`CREATE INDEX ON ${stage.table(kind)} (contract)`)
    await run(`ANALYZE ${stage.table(kind)}`)
  }
  await run(planContracts(stage))
  await run(findMissing(stage, isWhole))
  for (const kind of kinds) {
    for (const find of [findBroken(stage, kind), findRepeated(stage, kind), ...findStrays(stage, kind)]) {
      // Workers of PostgreSQL help to look, and not to write: most often there is nothing.
      const { rows } = await run<{ some: boolean }>(find.look)
      if (rows[0]?.some !== true) continue
      const { rowCount } = await run(find.note)
      // A contract stays, and is refused: its other lines are not lines of a contract that does not exist.
      if (rowCount !== 0 && kind !== 'contracts') await run(removeFound(stage, kind))
    }
  }
  await run(decide(stage))
  await run(`ANALYZE ${stage.table('plan')}`)
}

/**
 * One row a contract, with a digest of all its lines as they came, whatever their order: a sum of hashes of 64 bits. It is
 * kept with our copy, so that a contract that comes again as it was is known without a look at what is stored.
 */
function planContracts(stage: Stage): string {
  const summed = (kind: Kind) => {
    const record = `ROW(${columns[kind].filter((name) => name !== 'contract').join(', ')})`
    return `SELECT contract, count(*) AS lines, concat_ws(' ', count(*), sum(hash_record_extended(${record}, 1))) AS sums
              FROM ${stage.table(kind)} WHERE contract IS NOT NULL GROUP BY contract`
  }
  return `
    INSERT INTO ${stage.table('plan')} (contract, content, ${childTables.join(', ')})
    SELECT c.contract, md5(concat_ws('|', '${rulesVersion}', c.sums, ${childTables.map((kind) => `coalesce(${kind}.sums, '-')`).join(', ')})),
           ${childTables.map((kind) => `coalesce(${kind}.lines, 0)`).join(', ')}
      FROM (${summed('contracts')}) c
      ${childTables.map((kind) => `LEFT JOIN (${summed(kind)}) ${kind} ON ${kind}.contract = c.contract`).join('\n')}`
}

/** Before anything is taken out: a login with a wrong line is not missing. No login at all is a source without them. */
const findMissing = (stage: Stage, isWhole: boolean) => `
  INSERT INTO ${stage.table('missing')}
  SELECT l.account FROM ellipro.legacy_login l
   WHERE NOT EXISTS (SELECT FROM ${stage.table('logins')} s WHERE s.account = l.account)
     AND ${
       isWhole
         ? `EXISTS (SELECT FROM ${stage.table('logins')})`
         : `l.contract IN (SELECT contract FROM ${stage.table('plan')})`
     }`

const insertProblems = (stage: Stage) =>
  `INSERT INTO ${stage.table('problem')} (kind, line, contract, severity, code, value)`
/** The contract that a problem of the line is about; of messages and attachments, none. */
const contractOf = (kind: Kind) => (ownerOf(kind) === 'contract' ? 's.contract' : 'NULL')

/** Whether there is any, and what writes them down. */
type Search = { look: string; note: string }

const either = (some: readonly Rule[]) => some.map(({ broken }) => broken).join(' OR ')

/** Values by themselves. One look tells that a line is right; only of those that are not it is asked what is wrong. */
function findBroken(stage: Stage, kind: Kind): Search {
  const table = stage.table(kind)
  const all: readonly Rule[] = rules[kind]
  const found = all.map(({ code, column, broken }) => `('${code}', coalesce(${broken}, false), ${column})`)
  const looks = [
    `SELECT FROM ${table} WHERE ${either(all.filter((rule) => !rule.hasFewValues))}`,
    ...all
      .filter((rule) => rule.hasFewValues)
      .map(
        ({ column, broken }) => `SELECT FROM (SELECT DISTINCT ${column} FROM ${table}) AS d WHERE ${broken}`,
      ),
  ]
  return {
    look: `SELECT ${looks.map((look) => `(SELECT count(*) > 0 FROM (${look}) AS l)`).join(' OR ')} AS some`,
    note: `
      ${insertProblems(stage)}
      SELECT '${kind}', s.line, ${contractOf(kind)}, 'error', r.code, left(r.value, 200)
        FROM (SELECT * FROM ${table} WHERE ${either(all)} OFFSET 0) s,
             LATERAL (SELECT * FROM (VALUES ${found.join(',\n')}) AS r(code, broken, value)) r
       WHERE r.broken`,
  }
}

/** Lines that have an error, or that another one repeats. */
const removeFound = (stage: Stage, kind: Kind) =>
  `DELETE FROM ${stage.table(kind)} s USING ${stage.table('problem')} p
    WHERE p.kind = '${kind}' AND p.line = s.line`

/** Lines with one key: the same in every value, or contradicting each other. A contract may not even be repeated. */
function findRepeated(stage: Stage, kind: Kind): Search {
  const key = keys[kind].map((name) => `s.${name}`).join(', ')
  const rest = columns[kind].filter((name) => !keys[kind].includes(name))
  const shown = keys[kind].filter((name, _, { length }) => length === 1 || name !== ownerOf(kind))
  const isContract = kind === 'contracts'
  const repeated = `SELECT ${key} FROM ${stage.table(kind)} s GROUP BY ${key} HAVING count(*) > 1`
  return {
    look: `SELECT count(*) > 0 AS some FROM (${repeated}) AS d`,
    note: `
      ${insertProblems(stage)}
      SELECT '${kind}', s.line, ${contractOf(kind)}, CASE WHEN s.first = s.last AND NOT ${isContract} THEN 'warning' ELSE 'error' END,
             CASE WHEN ${isContract} THEN 'contract_twice' WHEN s.first = s.last THEN 'line_repeated' ELSE 'line_contradicts' END,
             left(concat_ws(' ', ${shown.map((name) => `s.${name}`).join(', ')}), 200)
        FROM (SELECT s.*, min(s.rest) OVER same AS first, max(s.rest) OVER same AS last, min(s.line) OVER same AS first_line
                FROM (SELECT s.*, ROW(${rest.map((name) => `s.${name}`).join(', ')})::text COLLATE "C" AS rest
                        FROM ${stage.table(kind)} s
                        JOIN (${repeated}) d ON ${keys[kind].map((name) => `s.${name} = d.${name}`).join(' AND ')}) s
              WINDOW same AS (PARTITION BY ${key})) s
       WHERE ${isContract} OR s.first <> s.last OR s.line <> s.first_line`,
  }
}

/** Lines of something that is not there: a contract, or what the kind needs besides. */
function findStrays(stage: Stage, kind: Kind): Search[] {
  const find = (code: ProblemCode, value: string, ...places: string[]): Search => {
    const lines = `FROM ${stage.table(kind)} s
      WHERE ${places.map((place) => `NOT EXISTS (SELECT FROM ${place})`).join(' AND ')}`
    return {
      look: `SELECT count(*) > 0 AS some ${lines}`,
      note: `${insertProblems(stage)}
        SELECT '${kind}', s.line, ${contractOf(kind)}, 'error', '${code}', left(${value}, 200) ${lines}`,
    }
  }
  const login = 'o.account = s.account'
  const message = `${login} AND o.message = s.message`
  const company = 'o.contract = s.contract AND o.country = s.country AND o.number = s.number'
  const others: Partial<Record<Kind, Search>> = {
    monitoring: find(
      'company_unknown',
      `concat_ws(' ', s.country, s.number)`,
      `${stage.table('portfolio')} o WHERE ${company}`,
    ),
    messages: find(
      'account_unknown',
      's.account',
      `${stage.table('logins')} o WHERE ${login}`,
      `ellipro.legacy_login o WHERE ${login}`,
    ),
    attachments: find(
      'message_unknown',
      `concat_ws(' ', s.account, s.message)`,
      `${stage.table('messages')} o WHERE ${message}`,
      `ellipro.legacy_message o WHERE ${message}`,
    ),
  }
  const other = others[kind]
  return [
    ...(kind !== 'contracts' && ownerOf(kind) === 'contract'
      ? [find('contract_unknown', 's.contract', `${stage.table('plan')} o WHERE o.contract = s.contract`)]
      : []),
    ...(other === undefined ? [] : [other]),
  ]
}

function decide(stage: Stage): string {
  const [plan, problem] = [stage.table('plan'), stage.table('problem')]
  // A contract whose lines have problems is written every time: that says them in every report. One whose lines had some
  // is too: what was wrong may be right by the platform's lists of today, without a change of a line or of our rules.
  return `
    UPDATE ${plan} p SET action = 'refuse'
     WHERE EXISTS (SELECT FROM ${problem} x WHERE x.kind = 'contracts' AND x.contract = p.contract);
    UPDATE ${plan} p SET action = 'unchanged' FROM ellipro.legacy_contract c
     WHERE c.contract = p.contract AND c.content = p.content AND c.set_aside = 0 AND p.action = 'write';
    UPDATE ${plan} p SET action = 'write'
     WHERE action = 'unchanged' AND EXISTS (SELECT FROM ${problem} x WHERE x.contract = p.contract)`
}
