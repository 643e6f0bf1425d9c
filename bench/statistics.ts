/**
 * The arithmetic of the bench, and nothing else: medians, the area under the ROC curve, ratios, tables. Pure.
 */

/** One line of bench/results.json: two figures of one run, and what their ratio should be. */
export type Result = {
  name: string
  ours: number
  peer: number
  unit: string
  /** ours / peer. */
  ratio: number
  goal: number
  better: 'lower' | 'higher'
}

/** The value in the middle; the mean of the two in the middle of an even number. @throws RangeError of nothing */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Linear between the two values around it. @param q from 0 to 1 @throws RangeError of nothing */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  if (low === undefined || high === undefined) throw new RangeError('There is no median of nothing')
  return low + (high - low) * (place - Math.floor(place))
}

/**
 * The chance that a sample of `a` is larger than one of `b`, equal ones counting half (Mann-Whitney): 0.5 when the two
 * cannot be told apart, 0 or 1 when one look is enough. @throws RangeError when one is empty
 */
export function areaUnderCurve(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) throw new RangeError('Two sets of samples are needed')
  const all = [...a.map((value) => ({ value, isA: true })), ...b.map((value) => ({ value, isA: false }))]
  all.sort((x, y) => x.value - y.value)
  let rankSum = 0
  for (let from = 0; from < all.length;) {
    let to = from
    while (to < all.length && all[to]!.value === all[from]!.value) to++
    // Equal values share the mean of their ranks.
    const rank = (from + 1 + to) / 2
    for (let i = from; i < to; i++) if (all[i]!.isA) rankSum += rank
    from = to
  }
  return (rankSum - (a.length * (a.length + 1)) / 2) / (a.length * b.length)
}

/** @param ours one figure for each repetition, and `peer` the same: the medians of both are compared */
export function compare(
  name: string,
  ours: readonly number[],
  peer: readonly number[],
  { unit, goal, better }: Pick<Result, 'unit' | 'goal' | 'better'>,
): Result {
  const [a, b] = [median(ours), median(peer)]
  return { name, ours: round(a), peer: round(b), unit, ratio: round(a / b), goal, better }
}

export function meets({ ratio, goal, better }: Result): boolean {
  return better === 'lower' ? ratio <= goal : ratio >= goal
}

/** Three digits that say something: 1234.5 is 1235, 12.345 is 12.3, 0.12345 is 0.123. */
export function round(value: number): number {
  return value === 0 || !Number.isFinite(value)
    ? value
    : Number(value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))))
}

export type Cell = string | number
export type Table = { columns: readonly string[]; rows: readonly (readonly Cell[])[] }

/** A Markdown table as Prettier lays it out: columns of one width, numbers to the right where the whole column is. */
export function formatTable({ columns, rows }: Table): string {
  const lines = [columns, ...rows].map((row) => row.map(String))
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'))
  const widths = columns.map((_, i) => Math.max(3, ...lines.map((row) => row[i]?.length ?? 0)))
  const pad = (text: string, i: number) =>
    numeric[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)
  const rule = widths.map((width, i) => (numeric[i] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  const [head = [], ...body] = lines.map((row) => row.map(pad))
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

export function describeResults(results: readonly Result[]): Table {
  return {
    columns: ['what', 'ours', 'peer', 'unit', 'ratio', 'goal', 'met'],
    rows: results.map((result) => [
      result.name,
      result.ours,
      result.peer,
      result.unit,
      result.ratio,
      `${result.better === 'lower' ? 'at most' : 'at least'} ${result.goal}`,
      meets(result) ? 'yes' : 'no',
    ]),
  }
}
