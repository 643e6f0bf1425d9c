/**
 * What is kept of the runs: bench/figures.json holds, for each part, when and on what it ran, its figures and its tables.
 * bench/results.json and docs/performance.md are made of it; the sentences of the latter stand in performance.template.md,
 * where `{{name}}` is the place of a table.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import type { PartResult } from './parts.ts'
import { describeResults, formatTable, type Result, type Table } from './statistics.ts'

const root = join(import.meta.dirname, '..')
const files = {
  figures: join(root, 'bench', 'figures.json'),
  results: join(root, 'bench', 'results.json'),
  template: join(root, 'bench', 'performance.template.md'),
  report: join(root, 'docs', 'performance.md'),
}

export type Machine = Record<string, string>
type KeptPart = { at: string; machine: Machine; results: Result[]; tables: Record<string, Table> }
type Figures = Record<string, KeptPart>

/** What the run is on. @param versions of servers that were asked, by name */
export function describeMachine(versions: Record<string, string>): Machine {
  const processors = cpus()
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr ?? ''
  return {
    processor: processors[0]?.model.trim() || 'unknown',
    cores: String(processors.length),
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    system: `${readName()}, Linux ${release()}`,
    Node: process.version,
    Java: /version "([^"]+)"/.exec(java)?.[1] ?? 'unknown',
    ...versions,
    'load before the run': loadavg()
      .slice(0, 1)
      .map((load) => load.toFixed(1))
      .join(),
  }
}

function readName(): string {
  const file = '/etc/os-release'
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(text)?.[1] ?? process.platform
}

/** Replaces the figures of the parts that ran, and writes the three files anew. */
export async function keep(parts: Record<string, PartResult>, machine: Machine): Promise<void> {
  const figures: Figures = existsSync(files.figures)
    ? (JSON.parse(readFileSync(files.figures, 'utf8')) as Figures)
    : {}
  const at = new Date().toISOString()
  for (const [name, { results, tables }] of Object.entries(parts))
    figures[name] = { at, machine, results, tables }
  await write(files.figures, JSON.stringify(figures))
  const results = Object.values(figures).flatMap((part) => part.results)
  await write(files.results, JSON.stringify(results))
  await write(files.report, fill(readFileSync(files.template, 'utf8'), figures))
}

/** Pure. @throws Error when the template has a place for a table that no part gives */
export function fill(template: string, figures: Figures): string {
  const parts = Object.entries(figures)
  const tables: Record<string, Table> = {
    results: describeResults(parts.flatMap(([, { results }]) => results)),
    machine: describeRuns(parts),
    ...Object.fromEntries(parts.flatMap(([, part]) => Object.entries(part.tables))),
  }
  return template.replace(/\{\{([\w-]+)\}\}/g, (_, name: string) => {
    const table = tables[name]
    // `start` runs only when it is asked for.
    return table ? formatTable(table) : `_Not measured yet (${name})._`
  })
}

/** One column for each machine that parts were measured on. */
function describeRuns(parts: [string, KeptPart][]): Table {
  const runs = [...new Set(parts.map(([, { at }]) => at))].toSorted()
  const of = (at: string) => parts.filter(([, part]) => part.at === at)
  const names = [...new Set(parts.flatMap(([, { machine }]) => Object.keys(machine)))]
  return {
    columns: ['', ...runs.map((at) => at.slice(0, 16).replace('T', ' '))],
    rows: [
      [
        'parts',
        ...runs.map((at) =>
          of(at)
            .map(([name]) => name)
            .join(', '),
        ),
      ],
      ...names.map((name) => [name, ...runs.map((at) => of(at)[0]?.[1].machine[name] ?? '')]),
    ],
  }
}

/** As the formatter of this repository lays it out. */
async function write(file: string, text: string): Promise<void> {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
}
