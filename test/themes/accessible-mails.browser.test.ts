/**
 * Every mail that a person gets, Keycloak's through the theme and ours, in both languages: usable without images, in a
 * narrow window, in both colour schemes, by a screen reader, and as text alone.
 */
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { createMailer } from '../../admin-sync/mail/mailer.ts'
import type { Mail } from '../../dev/smtp-sink.ts'
import { runAxe, type Language } from '../support/accessible.ts'
import { startBrowser } from '../support/browser.ts'
import { startInbox } from '../support/inbox.ts'
import { createRealm } from '../support/keycloak.ts'
import { makeThemeRealm, openEmail, openPassword, pendingEmail, type ThemeRealm } from './theme-realm.ts'

const server = await createRealm()
const inbox = await startInbox()
const browser = await startBrowser()
const mailer = createMailer({
  host: '127.0.0.1',
  port: inbox.port,
  from: 'ne-pas-repondre@ellipro.example',
  fromName: 'Ellipro',
  security: 'none',
  user: undefined,
  password: undefined,
  portalUrl: 'https://portail.ellipro.example',
  desk: {
    telephone: '0825 123 456',
    price: '0,15 €/min',
    email: 'relation@desk.example',
    hours: { fr: 'du lundi au vendredi', en: 'Monday to Friday' },
    helpUrl: 'https://cofacering.example/help',
  },
})
let realm: ThemeRealm
beforeAll(async () => {
  realm = await makeThemeRealm(server, server.realmName, inbox.port)
})

async function receive(to: string, send: () => Promise<void>): Promise<Mail> {
  inbox.clear()
  await send()
  return inbox.waitForMail(to)
}

/** Every mail, by what it is about. */
async function sendAll(language: Language): Promise<Record<string, Mail>> {
  await realm.updateUser(realm.pendingId, { attributes: { locale: [language] } })
  await realm.updateUser(realm.openId, { attributes: { locale: [language] } })
  const to = 'contact@societe.example'
  const about = { to, reference: `mail-${language}`, login: 'm•••••2', company: 'Menuiseries & <Fils>' }
  const { page, context } = await browser.open(language === 'fr' ? 'fr-FR' : 'en-GB')
  const mails = {
    confirmation: await receive(pendingEmail, () => realm.sendLink(realm.pendingId, 'send-verify-email')),
    'confirmation, again': await receive(pendingEmail, () =>
      realm.sendLink(realm.pendingId, 'execute-actions-email'),
    ),
    verification: await receive(openEmail, () => realm.sendLink(realm.openId, 'send-verify-email')),
    actions: await receive(openEmail, () =>
      realm.sendLink(realm.openId, 'execute-actions-email', { actions: ['UPDATE_PASSWORD'] }),
    ),
    'forgotten password': await receive(openEmail, async () => {
      await page.goto(realm.signInUrl())
      await page.click('.ell-kc-aside a')
      await page.fill('#username', openEmail)
      await page.click('#kc-form-buttons')
    }),
    'new address': await receive(`paul.${language}@menuiseries.example`, async () => {
      await page.goto(realm.signInUrl({ kc_action: 'UPDATE_EMAIL' }))
      await page.fill('#username', openEmail)
      await page.fill('#password', openPassword)
      await page.click('#kc-login')
      await page.fill('#email', `paul.${language}@menuiseries.example`)
      await page.click('#kc-submit')
    }),
    'already an account': await receive(to, () =>
      mailer.sendAlreadyAccount({
        ...about,
        language,
        isGranted: false,
        contractUrl: 'https://id.example/contract?k=1&x=2',
        withdrawUrl: 'https://id.example/withdraw?w=1&x=2',
      }),
    ),
    'notice to the contact': await receive(to, () =>
      mailer.sendContactNotice({
        ...about,
        contactName: 'Anne',
        contract: 'CF-1',
        address: 'c•••••@m.example',
      }),
    ),
    'proof of a request': await receive(to, () =>
      mailer.sendAccessProof({
        ...about,
        language,
        hoursLeft: 24,
        proofUrl: 'https://id.example/prove?k=1&x=2',
        withdrawUrl: 'https://id.example/withdraw?w=1&x=2',
      }),
    ),
    'request received': await receive(to, () =>
      mailer.sendAccessAcknowledged({
        ...about,
        language,
        caseReference: 'ELP-2345-6789',
        stateUrl: 'https://id.example/state?s=1&x=2',
      }),
    ),
    'request refused': await receive(to, () =>
      mailer.sendAccessRefused({
        ...about,
        language,
        caseReference: 'ELP-2345-6789',
        reason: 'Inconnu de <votre> société.\nVoir http://evil.example',
        stateUrl: 'https://id.example/state?s=1&x=2',
      }),
    ),
    'question to the holder': await receive(to, () =>
      mailer.sendHolderQuestion({
        ...about,
        language,
        people: [
          { name: '<script>alert(1)</script>', domain: 'societe.example' },
          { name: undefined, domain: 'gmail.example' },
        ],
        answerUrl: 'https://id.example/holder?h=1&x=2',
      }),
    ),
    'notice of a case': await receive(to, () =>
      mailer.sendCaseNotice({
        ...about,
        contactName: '',
        contract: 'CF-1',
        asked: ['c•••••@m.example', 'd•••••@m.example'],
        opened: ['e•••••@m.example'],
      }),
    ),
    'account closed': await receive(to, () => mailer.sendAccountClosed({ ...about, language })),
    'address changed': await receive(to, () =>
      mailer.sendAddressChanged({ ...about, language, newAddress: 'p•••••@m.example', at: new Date(0) }),
    ),
  }
  await context.close()
  return mails
}

const plain = (text: string) => text.replaceAll(/\s+/g, ' ').trim()
/** Sentences of the HTML form without the words of links, and the addresses of its links. */
const read = (page: Page) =>
  page.evaluate<{ sentences: string[]; links: { href: string; text: string }[] }>(`(() => {
    const bare = (element) => {
      const copy = element.cloneNode(true)
      copy.querySelectorAll('a').forEach((link) => link.remove())
      return copy.textContent
    }
    const blocks = [...document.querySelectorAll('h1, h2, p:not(.e-line), li, tr > td.e-ink > strong')]
    return {
      sentences: blocks.map(bare),
      links: [...document.links].map((link) => ({ href: link.getAttribute('href'), text: link.textContent })),
    }
  })()`)

async function inspectMail(page: Page, name: string, mail: Mail, language: Language): Promise<string[]> {
  const problems: string[] = []
  const say = (holds: boolean, problem: string) => void (holds || problems.push(`${name}: ${problem}`))
  await page.setContent(mail.html)
  const words = plain(mail.text)
  const { sentences, links } = await read(page)
  for (const sentence of sentences.map(plain))
    say(words.includes(sentence), `not in the text form: "${sentence}"`)
  for (const { href } of links.filter(({ href: to }) => to.startsWith('http')))
    say(mail.text.includes(href), `not in the text form: ${href}`)
  const button = await page.locator('.e-button a').all()
  for (const one of button) {
    const href = await one.getAttribute('href')
    say(
      links.some((link) => link.href === href && plain(link.text) === href),
      'its address is nowhere to be read',
    )
  }
  // A mail program may show neither head nor html element.
  say((await page.locator(`body > table[lang="${language}"]`).count()) === 1, 'language')
  say(
    (await page.locator('img, picture, video, link, script, [background]').count()) === 0,
    'loads something',
  )
  say(!/url\(/.test(mail.html), 'loads something')
  const [preheader] = await page.locator('body > div').all()
  say(Boolean(preheader && (await preheader.textContent())?.trim()), 'no preheader')
  say(preheader !== undefined && !(await preheader.isVisible()), 'its preheader is seen')
  say(mail.subject.trim().length > 5 && mail.subject.length <= 78, `subject "${mail.subject}"`)
  await page.setViewportSize({ width: 320, height: 800 })
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Landmarks are those of the page that a mail program shows it in.
    const found = (await runAxe(page)).filter(({ id }) => !['region', 'landmark-one-main'].includes(id))
    for (const { id, html } of found) say(false, `axe ${id}, ${colorScheme}: ${html.slice(0, 120)}`)
  }
  const width = await page.evaluate<number>('document.documentElement.scrollWidth')
  say(width <= 320, `${width} px wide`)
  return problems
}

test.each(['fr', 'en'] as const)(
  'every mail can be read by everybody: %s',
  async (language) => {
    const { page } = await browser.open(language === 'fr' ? 'fr-FR' : 'en-GB')
    const problems: string[] = []
    for (const [name, mail] of Object.entries(await sendAll(language))) {
      const holdsBoth = name === 'notice to the contact' || name === 'notice of a case'
      const own = holdsBoth ? 'fr' : language
      problems.push(...(await inspectMail(page, name, mail, own)))
    }
    expect(problems).toEqual([])
  },
  600_000,
)
