/**
 * What an agent sees at Request Tracker's own pages, in a browser: our tickets as text, and the picture of the documentation.
 * And what RT tells us of its own accord, with the scrip of docs/help-desk/.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { connectRt } from '../../../admin-sync/tickets/rt.ts'
import { startBrowser, takeScreenshot } from '../../support/browser.ts'
import { createQueue } from '../../support/request-tracker.ts'
import { draftOf, newKey, ticketOf } from './contract.ts'
import { hostileTexts } from './hostile.ts'

const desk = await createQueue(undefined, '')
const queue = connectRt(desk.options)
const browser = await startBrowser()

async function signIn() {
  const { page } = await browser.open('en-GB', { viewport: { width: 1280, height: 1200 } })
  // The page itself, opened directly, leads nowhere after the sign-in.
  await page.goto(`${desk.url}/`)
  await page.fill('input[name=user]', 'agent1')
  await page.fill('input[name=pass]', desk.password)
  await page.press('input[name=pass]', 'Enter')
  await page.waitForURL((url) => !url.pathname.includes('Login'))
  return page
}

const pageTexts = hostileTexts.filter(([name]) => /HTML|script|template/.test(name))
test.each(pageTexts)('an agent sees %s as text, and nothing of it runs', async (_name, typed) => {
  const page = await signIn()
  const dialogs: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  const { externalId, url } = ticketOf(await queue.ensure(draftOf(newKey(), { subject: typed, text: typed })))
  await queue.apply(externalId, { note: { id: randomUUID(), text: typed } })
  await page.goto(url ?? '')
  await page.locator('.message-stanza').nth(1).waitFor()
  expect(await page.locator('.message-stanza').nth(0).innerText()).toContain(typed)
  expect(await page.title()).toContain(typed)
  expect(await page.locator('img[src=x]').count()).toBe(0)
  expect((await queue.get(externalId))?.status).toBe('new')
  expect(dialogs).toEqual([])
})

test('an agent sees the ticket of a case and its history', async () => {
  const key = 'ELP-7KQM-4T2X'
  const { externalId, url } = ticketOf(
    await queue.ensure({
      key,
      subject: `Identifiant partagé : NORDTEXT SA (${key})`,
      text: `Une personne demande son propre accès à l’espace de NORDTEXT SA.

Contrat 204417, identifiant COF204417
Titulaire : a•••••@nordtext.example, depuis le 12/10/2026

1. Léa Fontaine, lea.fontaine@nordtext.example, demandé le 24/11/2026 à 09:12

Traiter la demande : https://activation.ellipro.example/staff/cases/9f1c`,
    }),
  )
  await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Owner: 'agent1' })
  await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Status: 'open' })
  await desk.call('agent1', 'POST', `/ticket/${externalId}/comment`, {
    Content: 'Rappelé le contact du contrat : Mme Fontaine est bien à la comptabilité.',
    ContentType: 'text/plain',
  })
  await queue.apply(externalId, {
    status: 'resolved',
    note: { id: randomUUID(), text: 'Accès ouvert pour Léa Fontaine, par agent1, le 24/11/2026 à 09:40.' },
  })
  const page = await signIn()
  await page.setViewportSize({ width: 1280, height: 1720 })
  await page.goto(url ?? '')
  await page.locator('.message-stanza').nth(2).waitFor()
  const shown = await page.locator('body').innerText()
  for (const wanted of [key, 'Accès ouvert pour Léa Fontaine', 'resolved', 'agent1'])
    expect(shown).toContain(wanted)
  // RT unfolds the history with an animation
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(`document.querySelector('.collapsing') === null`)
  await takeScreenshot(page, 'request-tracker-ticket')
})

test('RT signs what it tells us, once it is there for us to read', async () => {
  const secret = 'a-secret-of-the-webhook'
  const told: { body: string; signature: unknown; status: string | undefined }[] = []
  const server = createServer((request, response) => {
    // RT waits for the answer: by then the change must be there for everybody
    const hear = async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks).toString()
      const { ticket } = JSON.parse(body) as { ticket: number }
      const status = (await queue.get(String(ticket)))?.rawStatus
      told.push({ body, signature: request.headers['x-rt-signature'], status })
      response.end()
    }
    void hear()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  afterAll(() => server.close())
  const { externalId } = ticketOf(await queue.ensure(draftOf(newKey())))
  desk.setWebhook(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/tickets`, secret)
  await desk.call('agent1', 'PUT', `/ticket/${externalId}`, { Status: 'stalled' })
  desk.setWebhook()
  expect(told).toHaveLength(1)
  const [{ body, signature, status } = { body: '', signature: '', status: '' }] = told
  expect(JSON.parse(body)).toMatchObject({ ticket: Number(externalId), transactions: [expect.any(Number)] })
  const hmac = createHmac('sha256', secret).update(body).digest('hex')
  expect(signature).toBe(`sha256=${hmac}`)
  expect(status).toBe('stalled')
})
