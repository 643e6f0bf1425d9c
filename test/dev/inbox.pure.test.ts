import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startInbox, type Inbox } from '../../dev/inbox.ts'

const dir = mkdtempSync(join(tmpdir(), 'ellipro-inbox-'))
let inbox: Inbox
beforeAll(async () => {
  inbox = await startInbox({ dir, host: '127.0.0.1', httpPort: 0, smtpPort: 0 })
  const transport = createTransport({ host: '127.0.0.1', port: inbox.smtpPort, secure: false })
  const from = 'ellipro@example.org'
  await transport.sendMail({ from, to: 'marc@client.example', subject: 'Autre', text: 'Rien ici' })
  await transport.sendMail({
    from,
    to: 'Jeanne@client.example',
    subject: 'Vérifiez <votre> adresse',
    text: 'Suivez https://ellipro.example/a?k=1&b=2.',
    html: '<html><head></head><body><script>alert(1)</script><a href="https://ellipro.example/a?k=1&amp;b=2">ici</a></body></html>',
  })
})
afterAll(async () => {
  await inbox.stop()
  rmSync(dir, { recursive: true })
})
const get = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(inbox.url + path, { headers })
  return {
    status: answer.status,
    text: await answer.text(),
    policy: answer.headers.get('content-security-policy'),
  }
}

describe('the inbox', () => {
  test('gives the mails of one address as JSON, with the links in them', async () => {
    const { text } = await get('/api/messages?to=jeanne@client.example')
    expect(JSON.parse(text)).toMatchObject([
      {
        subject: 'Vérifiez <votre> adresse',
        to: ['Jeanne@client.example'],
        links: ['https://ellipro.example/a?k=1&b=2'],
      },
    ])
  })

  test('lists them newest first, in French, or in English when the browser prefers it', async () => {
    const french = await get('/')
    expect(french.text).toContain('<html lang="fr">')
    expect(french.text.indexOf('Vérifiez')).toBeLessThan(french.text.indexOf('Autre'))
    expect((await get('/', { 'accept-language': 'en-GB,en' })).text).toContain('<html lang="en">')
  })

  test('shows a mail without letting anything in it run', async () => {
    const id = inbox.mails.at(-1)?.id
    const page = await get(`/messages/${id}`)
    expect(page.text).toContain('Vérifiez &lt;votre&gt; adresse')
    expect(page.policy).toMatch(/default-src 'none'/)
    expect(page.policy).not.toContain('script-src')
    const frame = await get(`/messages/${id}/html`)
    expect(frame.text).toContain('<base target="_blank">')
    expect(frame.policy).toMatch(/default-src 'none'.*sandbox(?!.*allow-scripts)/)
  })

  test('still has its mails after the next start', async () => {
    const next = await startInbox({ dir, host: '127.0.0.1', httpPort: 0, smtpPort: 0 })
    expect(next.mails.map(({ subject }) => subject)).toEqual(inbox.mails.map(({ subject }) => subject))
    await next.stop()
  })

  test('answers no page of another site that points its own name here', async () => {
    const port = new URL(inbox.url).port
    const { request } = await import('node:http')
    const status = await new Promise((done) =>
      request(
        { host: '127.0.0.1', port, path: '/api/messages', headers: { host: 'evil.example' } },
        (answer) => done(answer.statusCode),
      ).end(),
    )
    expect(status).toBe(421)
  })
})
