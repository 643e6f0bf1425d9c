/** The ZIP of a mailbox, read by real readers: what is in it, what a hostile message cannot do in it, and when it ends. */
import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { setImmediate as soon } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { tableLine } from '../../../core/table.ts'
import { loadTexts } from '../../../core/text.ts'
import { MailboxChanged, sendArchive, type Archive } from '../../../provider/messages/archive.ts'
import { createNames, safeFileName } from '../../../provider/messages/file-names.ts'
import { quoteSeparators } from '../../../provider/messages/mbox.ts'
import type { OldMessage } from '../../../provider/messages/store.ts'
import { readMbox, readZip, splitMbox } from './zip.ts'

const texts = loadTexts(new URL('../../../provider/text/', import.meta.url))

type Given = Partial<OldMessage> & { files?: { name: string; type?: string; content: Buffer }[] }

/** A mailbox in memory. @param o.pieceBytes as one statement gives them */
function mailboxOf(given: Given[], o: { pieceBytes?: number; batch?: number } = {}) {
  const { pieceBytes = 1000, batch = 2 } = o
  const messages = given.map(({ files = [], ...rest }, n): OldMessage => ({
    message: `m${String(n).padStart(4, '0')}`,
    sentAt: new Date('2024-07-05T16:05:00Z'),
    sender: 'Service Relation Client <relation@cofacering.example>',
    subject: 'Votre portefeuille',
    body: 'Bonjour',
    attachments: files.map(({ name, type = 'application/pdf', content }, index) => ({
      place: index + 1,
      name,
      type,
      bytes: content.length,
    })),
    ...rest,
  }))
  let reads = 0
  const store: Archive['store'] = {
    async messages(_saving, after) {
      await soon()
      reads++
      const from = after === undefined ? 0 : messages.findIndex(({ message }) => message === after) + 1
      return messages.slice(from, from + batch)
    },
    async attachment(_saving, message, place, from) {
      await soon()
      reads++
      const content = given[Number(message.slice(1))]?.files?.[place - 1]?.content
      return content?.subarray(from, from + pieceBytes)
    },
  }
  const bytes = messages.reduce(
    (sum, { body, attachments }) =>
      sum + Buffer.byteLength(body) + attachments.reduce((all, one) => all + one.bytes, 0),
    0,
  )
  const archive: Archive = {
    store,
    mailbox: {
      saving: 's',
      login: 'dupont.martin',
      messages: messages.length,
      attachments: messages.reduce((sum, { attachments }) => sum + attachments.length, 0),
      bytes,
    },
    t: texts.fr,
    language: 'fr',
    now: new Date('2026-11-24T09:00:00Z'),
  }
  return { archive, messages, reads: () => reads }
}

class Sink extends Writable {
  chunks: Buffer[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk)
    done()
  }
}
async function zipOf(archive: Archive): Promise<Map<string, Buffer>> {
  const sink = new Sink()
  await sendArchive(archive, sink)
  return readZip(Buffer.concat(sink.chunks))
}

describe('the archive', () => {
  it('holds all messages as mbox and as a table, the attachments as files, and says what is what', async () => {
    const [pdf, png] = [randomBytes(5000), randomBytes(1)]
    const { archive } = mailboxOf([
      {
        subject: 'Créance nº 12 – 3 000 €',
        body: 'Bonjour,\r\nFrom Paris\n>From Lyon\n.\n\nœuvre 🎈\n',
        files: [
          { name: 'été.pdf', content: pdf },
          { name: 'Été.PDF', content: png, type: 'image/png' },
        ],
      },
      { subject: null, sender: 'Cofacering', sentAt: new Date('2024-12-31T23:30:00Z') },
      { body: '', files: [{ name: 'vide.txt', content: Buffer.alloc(0), type: 'text/plain' }] },
    ])
    const files = await zipOf(archive)
    expect([...files.keys()]).toEqual([
      'LISEZMOI.txt',
      'messages.mbox',
      'messages.csv',
      'attachments/1/été.pdf',
      'attachments/1/Été (2).PDF',
      'attachments/3/vide.txt',
    ])
    expect(files.get('attachments/1/été.pdf')?.equals(pdf)).toBe(true)
    expect(files.get('attachments/1/Été (2).PDF')?.equals(png)).toBe(true)
    const mails = await readMbox(files.get('messages.mbox')!)
    expect(mails.map(({ subject, from }) => [subject ?? '', from?.name, from?.address])).toEqual([
      ['Créance nº 12 – 3 000 €', 'Service Relation Client', 'relation@cofacering.example'],
      ['', 'Cofacering', 'messages@cofacering.invalid'],
      ['Votre portefeuille', 'Service Relation Client', 'relation@cofacering.example'],
    ])
    // postal-mime ends every text with a line break of its own.
    expect(mails[0]?.text).toBe('Bonjour,\nFrom Paris\n>From Lyon\n.\n\nœuvre 🎈\n\n')
    expect(mails[0]?.date).toBe('2024-07-05T16:05:00.000Z')
    expect(mails[0]?.attachments.map(({ filename, mimeType }) => [filename, mimeType])).toEqual([
      ['été.pdf', 'application/pdf'],
      ['Été.PDF', 'image/png'],
    ])
    expect(Buffer.from(mails[0]?.attachments[0]?.content as ArrayBuffer).equals(pdf)).toBe(true)
    const table = files.get('messages.csv')!.toString('utf8')
    expect(table).toMatch(/^\ufeff"Numéro";"Date d’envoi";"Heure";/)
    expect(table.split('\r\n')[1]).toBe(
      '"1";"2024-07-05";"18:05:00";"Service Relation Client <relation@cofacering.example>";"Créance nº 12 – 3 000 €";"Bonjour,\nFrom Paris\n>From Lyon\n.\n\nœuvre 🎈\n";"attachments/1/été.pdf\nattachments/1/Été (2).PDF"',
    )
    // Paris is in another year by then.
    expect(table).toContain('"2";"2025-01-01";"00:30:00";"Cofacering";"";"Bonjour";""')
    expect(files.get('LISEZMOI.txt')?.toString('utf8')).toMatch(
      /^\ufeffMessages Cofacering de dupont\.martin\r\n/,
    )
  })

  it('keeps what a sender wrote out of headers, separators, paths and formulas', async () => {
    const evil = 'a\r\nBcc: victim@example.fr\r\n\r\nFrom x'
    const { archive } = mailboxOf([
      {
        subject: `=HYPERLINK("http://evil")${evil}`,
        sender: `"x" <a@b.fr>${evil}`,
        body: `${'\n'.repeat(3)}From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nSubject: second\n\n>>From me`,
        files: [
          {
            name: `../../etc/cron.d/x${evil}`,
            type: 'text/html\r\nX-Evil: 1',
            content: Buffer.from('From a\n'),
          },
          {
            name: 'C:\\Windows\\nul.txt',
            type: 'message/rfc822',
            content: Buffer.from('From b\n\nFrom c\n'),
          },
          {
            name: `fac\u202efdp.exe`,
            type: 'multipart/mixed; boundary=x',
            content: Buffer.from('--x\nFrom d'),
          },
        ],
      },
      { sender: '<script>alert(1)</script>', subject: 'x'.repeat(10_000), body: '@SUM(1)' },
    ])
    const files = await zipOf(archive)
    const names = [...files.keys()]
    expect(names.slice(3)).toEqual([
      'attachments/1/_.._etc_cron.d_xaBcc_ victim@example.frFrom x',
      'attachments/1/C_Windows_nul.txt',
      'attachments/1/facfdp.exe',
    ])
    const mbox = files.get('messages.mbox')!
    expect(splitMbox(mbox).length).toBe(2)
    const [first, second] = await readMbox(mbox)
    expect(first?.bcc).toBeUndefined()
    expect(first?.headers.map(({ key }) => key).toSorted()).toEqual(
      ['content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].toSorted(),
    )
    expect(first?.text).toBe(
      `${'\n'.repeat(3)}From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nSubject: second\n\n>>From me\n`,
    )
    expect(first?.attachments.map(({ mimeType }) => mimeType)).toEqual(
      Array(3).fill('application/octet-stream'),
    )
    expect(second?.subject).toBe('x'.repeat(10_000))
    const table = files.get('messages.csv')!.toString('utf8')
    expect(table).toContain(`"'=HYPERLINK(""http://evil"")`)
    expect(table).toContain(`"'@SUM(1)"`)
  })

  it('says README in English', async () => {
    const { archive } = mailboxOf([{}])
    const files = await zipOf({ ...archive, t: texts.en, language: 'en' })
    expect([...files.keys()][0]).toBe('README.txt')
    expect(files.get('messages.csv')!.toString('utf8')).toContain('"Number";"Date"')
  })
})

const big = () => mailboxOf([{}, { files: [{ name: 'a', content: randomBytes(200_000) }] }, {}])

describe('an archive that is not whole', () => {
  it.each<[string, (archive: Archive) => Archive]>([
    ['a read of messages fails', (a) => failing(a, 'messages', 1)],
    ['an attachment fails inside the mbox', (a) => failing(a, 'attachment', 50)],
    ['an attachment fails as a file', (a) => failing(a, 'attachment', 250)],
    ['the table’s read fails', (a) => failing(a, 'messages', 4)],
    ['a message is missing', (a) => ({ ...a, mailbox: { ...a.mailbox, messages: 4 } })],
    ['an attachment is missing', (a) => ({ ...a, mailbox: { ...a.mailbox, attachments: 2 } })],
    ['something was changed', (a) => ({ ...a, mailbox: { ...a.mailbox, bytes: a.mailbox.bytes + 1 } })],
    [
      'an attachment is gone',
      (a) => ({ ...a, store: { ...a.store, attachment: () => Promise.resolve(undefined) } }),
    ],
    [
      'an attachment is shorter than it was',
      (a) => ({ ...a, store: { ...a.store, attachment: () => Promise.resolve(Buffer.alloc(0)) } }),
    ],
  ])('breaks off, and no reader takes it for whole, when %s', async (_name, change) => {
    const sink = new Sink()
    let isFinished = false
    sink.once('finish', () => {
      isFinished = true
    })
    await expect(sendArchive(change(big().archive), sink)).rejects.toBeInstanceOf(Error)
    expect([sink.destroyed, isFinished]).toEqual([true, false])
    const sent = Buffer.concat(sink.chunks)
    expect(sent.length).toBeGreaterThan(0)
    await expect(readZip(sent)).rejects.toThrow('End of central directory record')
  })

  it('says which of the two it was', async () => {
    const { archive } = big()
    const short = { ...archive, mailbox: { ...archive.mailbox, messages: 9 } }
    await expect(sendArchive(short, new Sink())).rejects.toBeInstanceOf(MailboxChanged)
    await expect(sendArchive(failing(archive, 'attachment', 20), new Sink())).rejects.toThrow('no database')
  })
})

/** The same, whose `which` fails after so many reads. */
function failing(archive: Archive, which: 'messages' | 'attachment', after: number): Archive {
  let count = 0
  const fail =
    <A extends unknown[], T>(read: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (++count > after) throw new Error('no database')
      return read(...args)
    }
  return { ...archive, store: { ...archive.store, [which]: fail(archive.store[which] as never) } }
}

/** Waits until nothing is read any more. */
const settle = async (reads: () => number) => {
  for (let before = -1, quiet = 0; quiet < 50; quiet = reads() === before ? quiet + 1 : 0) {
    before = reads()
    await soon()
  }
  return reads()
}

describe('a reader of the archive', () => {
  /** Takes nothing until it is told to. */
  class Slow extends Writable {
    received = 0
    #next: (() => void) | undefined
    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
      this.received += chunk.length
      this.#next = done
    }
    take(): void {
      this.#next?.()
    }
  }
  it('that takes nothing has nothing read for it; one that is gone ends the reading', async () => {
    const { archive, reads } = mailboxOf([{ files: [{ name: 'a', content: randomBytes(5_000_000) }] }])
    const slow = new Slow({ highWaterMark: 16_384 })
    const sending = sendArchive(archive, slow)
    const stopped = await settle(reads)
    // Of 5,000 pieces, which are read twice: what fits into the buffers on the way.
    expect(stopped).toBeLessThan(1500)
    slow.destroy()
    await expect(sending).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(await settle(reads)).toBeLessThan(stopped + 5)
  })
})

describe('names of files', () => {
  it.each([
    ['a/b\\c.pdf', 'a_b_c.pdf'],
    ['..', 'x'],
    ['...', 'x'],
    ['', 'x'],
    [' . ', 'x'],
    ['/etc/passwd', '_etc_passwd'],
    ['.htaccess', 'htaccess'],
    ['CON', '_CON'],
    ['com1.txt', '_com1.txt'],
    ['Com¹.txt', '_Com¹.txt'],
    ['lpt9', '_lpt9'],
    ['CONTRAT.pdf', 'CONTRAT.pdf'],
    ['a\u0000b\r\n\u0085.pdf', 'ab.pdf'],
    ['\u202efdp.exe', 'fdp.exe'],
    ['a\u2066\u200b\ufeffb', 'ab'],
    ['x\ud800y', 'x\ufffdy'],
    ['e\u0301.pdf', '\u00e9.pdf'],
    ['a:b*c?d"e<f>g|h', 'a_b_c_d_e_f_g_h'],
    ['fin.', 'fin'],
    ['🎈.png', '🎈.png'],
    ['∕⧸／', '_'],
  ])('%j becomes %j', (name, safe) => {
    expect(safeFileName(name, 'x')).toBe(safe)
  })

  it('are short, with their extension, and whole characters', () => {
    expect(safeFileName(`${'🎈'.repeat(500)}.pdf`, 'x')).toBe(`${'🎈'.repeat(96)}.pdf`)
    expect(safeFileName('y'.repeat(10_000), 'x')).toBe('y'.repeat(100))
    expect(safeFileName(`a.${'z'.repeat(500)}`, 'x')).toBe(`a.${'z'.repeat(98)}`)
  })

  it('are given once, whatever their capitals', () => {
    const give = createNames()
    expect(['a.pdf', 'A.PDF', 'a.pdf', 'a (2).pdf', 'b', 'B', 'ß', 'SS'].map(give)).toEqual([
      'a.pdf',
      'A (2).PDF',
      'a (3).pdf',
      'a (2) (2).pdf',
      'b',
      'B (2)',
      'ß',
      'SS (2)',
    ])
  })
})

describe('a line of the table', () => {
  it.each([
    ['=1+1', `"'=1+1"`],
    ['+33 1', `"'+33 1"`],
    ['-5', `"'-5"`],
    ['@A1', `"'@A1"`],
    ['\t=1', `"' =1"`],
    ['\r=1', `"'\n=1"`],
    ['\u00a0=1', `"'\u00a0=1"`],
    ['＝1', `"'＝1"`],
    ['|calc', `"'|calc"`],
    ['a=1', '"a=1"'],
    ['say "no"; yes', '"say ""no""; yes"'],
    ['a\r\nb\rc', '"a\nb\nc"'],
    ['', '""'],
  ])('%j is %j', (field, line) => {
    expect(tableLine([field], '…')).toBe(`${line}\r\n`)
  })

  it('holds no more of a text than a cell, and says so', () => {
    const line = tableLine(['🎈'.repeat(40_000)], ' […]')
    expect(line.length).toBeLessThan(32_010)
    expect(line).toMatch(/🎈\ufffd? \[…\]"\r\n$/u)
  })
})

it('quotes separators wherever the pieces of a stream end', async () => {
  const text = 'From a\n>From b\n>>From c\nfrom d\n From e\nFrom\nFromage\nx From \n>From f'
  const quoted = '>From a\n>>From b\n>>>From c\nfrom d\n From e\nFrom\nFromage\nx From \n>>From f'
  for (let size = 1; size < text.length; size++) {
    const stream = quoteSeparators()
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (let at = 0; at < text.length; at += size) stream.write(Buffer.from(text.slice(at, at + size)))
    stream.end()
    await new Promise((done) => stream.once('end', done))
    expect(Buffer.concat(chunks).toString()).toBe(quoted)
  }
})
