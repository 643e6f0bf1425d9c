/**
 * The inbox of the demonstration: every mail that Keycloak and admin-sync send, on one page. Mails are files in a folder,
 * and still there after the next start.
 *
 *   GET   /                     the list, newest first; `?to=` keeps one address
 *   GET   /messages/{id}        one mail: its links, its text, and its HTML in a frame that can run nothing
 *   GET   /messages/{id}/html   what that frame shows
 *   GET   /style.css            how the pages look
 *   GET   /api/messages         the same as JSON; `?to=` keeps one address
 *   GET   /api/messages/{id}    one mail as JSON
 *   POST  /clear                forgets all mails
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chooseLanguage, readStyle, renderList, renderMail, renderMissing } from './inbox-page.ts'
import { readMail, startSmtpSink, type Mail } from './smtp-sink.ts'

const kept = 500
const pagePolicy =
  "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
/** The mail's own HTML: styles and embedded pictures only; `sandbox` keeps scripts and forms from running. */
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox"

export type Inbox = { url: string; smtpPort: number; mails: readonly Mail[]; stop: () => Promise<void> }

async function readFolder(dir: string): Promise<Mail[]> {
  const names = readdirSync(dir).filter((name) => name.endsWith('.eml'))
  return Promise.all(
    names.toSorted().map((name) => {
      const [stamp = ''] = name.split('_')
      const receivedAt = new Date(Number(stamp)).toISOString()
      return readMail(readFileSync(join(dir, name)), { id: name.slice(0, -4), receivedAt })
    }),
  )
}

/**
 * @param dir folder of the mails, made when absent
 * @param httpPort 0: any free one; so for smtpPort
 */
export async function startInbox(options: {
  dir: string
  host: string
  httpPort: number
  smtpPort: number
}): Promise<Inbox> {
  const { dir, host } = options
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const mails = await readFolder(dir)
  let count = 0
  const sink = await startSmtpSink({
    host,
    port: options.smtpPort,
    onMail: async (raw, to) => {
      const now = Date.now()
      const id = `${now}_${process.pid}_${++count}`
      const mail = await readMail(raw, { id, receivedAt: new Date(now).toISOString(), to })
      writeFileSync(join(dir, `${id}.eml`), raw, { mode: 0o600 })
      mails.push(mail)
      for (const old of mails.splice(0, mails.length - kept)) remove(old)
    },
  })
  const remove = ({ id }: Mail) => rmSync(join(dir, `${id}.eml`), { force: true })

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) =>
      send(response, 500, 'text/plain', error instanceof Error ? error.message : 'error'),
    )
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${host}`)
    // Only pages of this very host may ask: a site elsewhere that points a name of its own at 127.0.0.1 reads nothing.
    const name = (request.headers.host ?? '').replace(/:\d+$/, '')
    if (![host, 'localhost', '127.0.0.1'].includes(name))
      return send(response, 421, 'text/plain', 'unknown host')
    const language = chooseLanguage(url.searchParams.get('lang'), request.headers['accept-language'])
    const to = url.searchParams.get('to')?.toLowerCase() ?? ''
    const newestFirst = mails
      .filter((mail) => to === '' || mail.to.some((a) => a.toLowerCase() === to))
      .toReversed()
    const [, first, id = '', part] = url.pathname.split('/')
    if (request.method === 'POST' && url.pathname === '/clear') {
      // `same-origin`: the button of this page, not a form elsewhere
      if (!['same-origin', undefined].includes(request.headers['sec-fetch-site']))
        return send(response, 403, 'text/plain', 'refused')
      for (const mail of mails.splice(0)) remove(mail)
      response.writeHead(303, { location: `/?lang=${language}` }).end()
      return
    }
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'GET only')
    if (url.pathname === '/')
      return send(response, 200, 'text/html', await renderList(newestFirst, to, language))
    if (url.pathname === '/style.css') return send(response, 200, 'text/css', readStyle())
    if (url.pathname === '/api/messages')
      return send(response, 200, 'application/json', JSON.stringify(newestFirst))
    const found = mails.find((mail) => mail.id === (first === 'api' ? part : id))
    if (!found || (first !== 'messages' && first !== 'api'))
      return send(response, 404, 'text/html', await renderMissing(language))
    if (first === 'api') return send(response, 200, 'application/json', JSON.stringify(found))
    if (part === 'html') return send(response, 200, 'text/html', openLinksOutside(found.html), mailPolicy)
    return send(response, 200, 'text/html', await renderMail(found, language))
  }

  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(options.httpPort, host, done)
  })
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    smtpPort: sink.port,
    mails,
    stop: async () => {
      server.closeAllConnections()
      await Promise.all([new Promise((done) => server.close(done)), sink.stop()])
    },
  }
}

/** Makes the links of a mail open in a tab of their own, as in a mail program. */
function openLinksOutside(html: string): string {
  const base = '<base target="_blank">'
  return /<head[^>]*>/i.test(html) ? html.replace(/<head[^>]*>/i, (head) => head + base) : base + html
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  policy = pagePolicy,
): void {
  response
    .writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    .end(body)
}
