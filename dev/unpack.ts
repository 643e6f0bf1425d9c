/** Unpacks a zip file without any program of the machine, keeping the executable bits. */
import { createWriteStream, mkdirSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import yauzl from 'yauzl'

/** @throws Error when an entry would land outside `dir`. */
export async function unpack(zip: string, dir: string): Promise<void> {
  const archive = await yauzl.openPromise(zip)
  try {
    for await (const entry of archive.eachEntry()) {
      const target = resolve(dir, entry.fileName)
      if (!target.startsWith(resolve(dir) + sep)) throw new Error(`${zip}: bad path ${entry.fileName}`)
      if (entry.fileName.endsWith('/')) {
        mkdirSync(target, { recursive: true })
        continue
      }
      mkdirSync(dirname(target), { recursive: true })
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target))
      const mode = (entry.externalFileAttributes >>> 16) & 0o777
      if (mode & 0o111) await chmod(target, mode)
    }
  } finally {
    archive.close()
  }
}
