/** What real programs find in a ZIP and in an mbox: yauzl and postal-mime. */
import PostalMime, { type Email } from 'postal-mime'
import { fromBuffer, type Entry, type ZipFile } from 'yauzl'

/** Contents by name, in order. @throws what yauzl throws at an archive that is not whole */
export async function readZip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await new Promise<ZipFile>((done, fail) =>
    fromBuffer(bytes, { lazyEntries: true, validateEntrySizes: true }, (error, file) =>
      error ? fail(error) : done(file),
    ),
  )
  const found = new Map<string, Buffer>()
  await new Promise<void>((done, fail) => {
    zip.on('entry', (entry: Entry) => {
      zip.openReadStream(entry, (error, stream) => {
        if (error) return fail(error)
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('error', fail)
        stream.on('end', () => {
          found.set(entry.fileName, Buffer.concat(chunks))
          zip.readEntry()
        })
      })
    })
    zip.on('end', done)
    zip.on('error', fail)
    zip.readEntry()
  })
  return found
}

/** The messages of an mbox, each as the bytes that a reader of mboxrd has. */
export function splitMbox(mbox: Buffer): Buffer[] {
  const parts = mbox.toString('latin1').split(/^From .*\n/m)
  expectEmpty(parts.shift())
  return parts.map((part) =>
    Buffer.from(part.replace(/\n\n$/, '\n').replaceAll(/^>(>*From )/gm, '$1'), 'latin1'),
  )
}
function expectEmpty(text: string | undefined): void {
  if (text !== '') throw new Error('something stands before the first message')
}

export const readMbox = (mbox: Buffer): Promise<Email[]> =>
  Promise.all(splitMbox(mbox).map((message) => PostalMime.parse(message)))
