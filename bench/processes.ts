/**
 * What processes cost, as Linux says in /proc: processor time and resident memory. A part is started through a shell
 * that watches over it (dev/child.ts), and PostgreSQL is many processes, so times are those of a whole tree.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Child } from '../dev/child.ts'

/** Linux counts in hundredths of a second on every platform that Node runs on. */
const ticksPerSecond = 100

type Entry = { pid: number; parent: number; name: string; ticks: number }

/** `undefined` for a process that has gone meanwhile. */
function readEntry(pid: number): Entry | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything, brackets included.
    const end = text.lastIndexOf(')')
    const fields = text.slice(end + 2).split(' ')
    // utime, stime, and those of children that have ended
    const ticks = [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0)
    return { pid, parent: Number(fields[1]), name: text.slice(text.indexOf('(') + 1, end), ticks }
  } catch {
    return undefined
  }
}

function readTree(root: number): Entry[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name)) ?? [])
  const tree = all.filter(({ pid }) => pid === root)
  for (let i = 0; i < tree.length; i++) tree.push(...all.filter(({ parent }) => parent === tree[i]!.pid))
  return tree
}

const pidOf = (child: Child) => {
  if (child.pid === undefined || child.hasEnded) throw new Error(`${child.name} does not run: ${child.log}`)
  return child.pid
}

/** Milliseconds of processor time that the part has used so far. */
export function readCpuMs(child: Child): number {
  const ticks = readTree(pidOf(child)).reduce((sum, entry) => sum + entry.ticks, 0)
  return (ticks * 1000) / ticksPerSecond
}

/** Resident memory of the part's one Node process, in MB (10^6 bytes). */
export function readMemoryMb(child: Child): number {
  const node = readTree(pidOf(child)).find(({ pid }) => !readCommand(pid).startsWith('/bin/sh'))
  if (!node) throw new Error(`${child.name} has no process`)
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8'))?.[1]
  return (Number(kib) * 1024) / 1e6
}

function readCommand(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}

/** Processor milliseconds of each part during `work`. */
export async function measureCpu<T>(
  parts: Record<string, Child>,
  work: () => Promise<T>,
): Promise<{ value: T; cpuMs: Record<string, number> }> {
  const before = Object.entries(parts).map(([name, child]) => [name, child, readCpuMs(child)] as const)
  const value = await work()
  return {
    value,
    cpuMs: Object.fromEntries(before.map(([name, child, start]) => [name, readCpuMs(child) - start])),
  }
}
