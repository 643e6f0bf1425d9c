/**
 * Who did what by hand, and why: one line of ellipro.operator_action for each command that changed something or was
 * asked to. The line is written in the transaction that does the thing, so that neither is there without the other;
 * the table is only added to. Reasons are the operator's own words: they are shown to operators and never logged.
 */
import { userInfo } from 'node:os'
import type pg from 'pg'

/** Who, and why. Both are one line of printable text. */
export type Operator = { name: string; reason: string }
export type OperatorAction = {
  at: Date
  operator: string
  command: string
  activation: string | null
  reason: string
  outcome: string
}

const unprintable = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/gu
const oneLine = (text: string, length: number) => text.replaceAll(unprintable, ' ').trim().slice(0, length)

/**
 * @param name default: the account of the operating system
 * @throws Error when nothing printable is left of the reason or the name
 */
export function readOperator(name: string | undefined, reason: string | undefined): Operator {
  const operator = { name: oneLine(name ?? accountName(), 100), reason: oneLine(reason ?? '', 500) }
  if (operator.name === '') throw new Error('Say who you are: --operator <name>')
  if (operator.reason === '') throw new Error('Say why: --reason <text>')
  return operator
}

/** A container may run under a number that has no name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

/** Adds a line; call it in the transaction of what it is about. */
export async function recordAction(
  client: Pick<pg.ClientBase, 'query'>,
  { name, reason }: Operator,
  command: string,
  outcome: string,
  activation?: string,
): Promise<void> {
  await client.query(
    `INSERT INTO ellipro.operator_action (operator, command, activation_id, reason, outcome) VALUES ($1, $2, $3, $4, $5)`,
    [name, command, activation ?? null, reason, outcome],
  )
}

const columns = 'at, operator, command, activation_id AS activation, reason, outcome'

/** Newest first. */
export async function listActions(pool: pg.Pool, limit: number): Promise<OperatorAction[]> {
  const { rows } = await pool.query<OperatorAction>(
    `SELECT ${columns} FROM ellipro.operator_action ORDER BY id DESC LIMIT $1`,
    [limit],
  )
  return rows
}

/** Of these activations, in order. */
export async function findActions(pool: pg.Pool, activations: readonly string[]): Promise<OperatorAction[]> {
  const { rows } = await pool.query<OperatorAction>(
    `SELECT ${columns} FROM ellipro.operator_action WHERE activation_id = ANY ($1) ORDER BY id`,
    [activations],
  )
  return rows
}
