/** A mail server inside the test file: what Keycloak and admin-sync send arrives here. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { readMail, startSmtpSink, type Mail } from '../../dev/smtp-sink.ts'

export type TestInbox = {
  host: string
  port: number
  /** Everything that arrived, oldest first. */
  mails: Mail[]
  /**
   * The first mail to this address, arrived or still to come, that the predicate accepts.
   * @throws Error naming what did arrive, after `timeoutMs` (15 seconds)
   */
  waitForMail: (to: string, predicate?: (mail: Mail) => boolean, timeoutMs?: number) => Promise<Mail>
  /** While set, every mail is answered with a temporary error, as by a server in trouble. */
  refuse: (refusing: boolean) => void
  /** Every mail is accepted so much later. */
  delay: (ms: number) => void
  /** Nobody listens any more; `start` listens on the same port again. */
  stop: () => Promise<void>
  start: () => Promise<void>
  clear: () => void
}

/** Call it at the top of the test file; it ends with the file. */
export async function startInbox(): Promise<TestInbox> {
  const mails: Mail[] = []
  let refusing = false
  let delayMs = 0
  let waiting: (() => void)[] = []
  const listen = (onPort: number) => startSmtpSink({ port: onPort, onMail: keep })
  const keep = async (raw: Buffer, to: string[]) => {
    if (delayMs > 0) await sleep(delayMs)
    if (refusing) throw new Error('the test refuses mail')
    mails.push(await readMail(raw, { id: randomUUID(), receivedAt: new Date().toISOString(), to }))
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  let sink: Awaited<ReturnType<typeof listen>> | undefined = await listen(0)
  const { port } = sink
  const stop = async () => {
    const stopping = sink
    sink = undefined
    await stopping?.stop()
  }
  afterAll(stop)
  return {
    host: '127.0.0.1',
    port,
    stop,
    start: async () => {
      sink ??= await listen(port)
    },
    delay: (ms) => {
      delayMs = ms
    },
    mails,
    waitForMail: async (to, predicate = () => true, timeoutMs = 15_000) => {
      const isWanted = (mail: Mail) =>
        mail.to.some((address) => address.toLowerCase() === to.toLowerCase()) && predicate(mail)
      for (const end = Date.now() + timeoutMs; ;) {
        const found = mails.find(isWanted)
        if (found) return found
        const left = end - Date.now()
        if (left <= 0) {
          const list = mails.map((mail) => `"${mail.subject}" to ${mail.to.join(', ')}`).join('; ')
          throw new Error(`No such mail to ${to} in ${timeoutMs} ms. Arrived: ${list || 'nothing'}`)
        }
        await new Promise<void>((done) => {
          const timer = setTimeout(done, left)
          waiting.push(() => {
            clearTimeout(timer)
            done()
          })
        })
      }
    },
    refuse: (value) => {
      refusing = value
    },
    clear: () => {
      mails.length = 0
    },
  }
}
