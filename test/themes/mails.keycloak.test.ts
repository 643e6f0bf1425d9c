/** The mails of the theme as Keycloak sends them: HTML and text, French and English. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Mail } from '../../dev/smtp-sink.ts'
import { startInbox } from '../support/inbox.ts'
import { createRealm } from '../support/keycloak.ts'
import { readMessages } from './properties.ts'
import {
  deskTexts,
  helpUrl,
  makeThemeRealm,
  openEmail,
  openPassword,
  pendingEmail,
  providerUrl,
  type ThemeRealm,
} from './theme-realm.ts'
import { readable, Visitor } from './visitor.ts'

const server = await createRealm()
const inbox = await startInbox()
let realm: ThemeRealm
beforeAll(async () => {
  realm = await makeThemeRealm(server, server.realmName, inbox.port)
})
beforeEach(() => inbox.clear())

const company = 'Menuiseries de l’Adour & <Fils>'
const withdrawUrl = `${providerUrl}/activation/a1/withdraw?w=1&x=2`
const plain = (text: string) => text.replaceAll(/\s+/g, ' ')
const say = (key: string, language: 'fr' | 'en', value = '') =>
  plain(readMessages('email', language).get(key) ?? `no message ${key}`).replaceAll('{0}', value)
const days = { fr: '24 heures', en: '24 hours' }

async function send(
  userId: string,
  what: 'send-verify-email' | 'execute-actions-email',
  actions: readonly string[] = ['VERIFY_EMAIL'],
  lifespanSeconds = 86_371, // a day, less what a job has used of it
): Promise<Mail> {
  await realm.sendLink(userId, what, { lifespanSeconds, actions })
  return inbox.waitForMail(userId === realm.openId ? openEmail : pendingEmail)
}

/** What every mail of ours must be. */
function expectOurs(mail: Mail, language: 'fr' | 'en') {
  const [html, text] = [readable(mail.html.replaceAll(/<head>.*?<\/head>/gs, '')), plain(mail.text)]
  for (const part of [html, text]) {
    for (const desk of Object.values(deskTexts[language])) expect(part).toContain(desk)
    expect(part).toContain(say('ellNeverAsk', language))
    expect(part).toContain(say('ellHelp', language))
    expect(part).not.toMatch(/ell[A-Z]\w+|desk[A-Z]\w+|\{\d/)
  }
  expect(mail.links.filter((url) => url === helpUrl)).toHaveLength(1)
  expect(mail.text).toContain(helpUrl)
  expect(mail.html).toContain(`<html lang="${language}"`)
  expect(mail.html).not.toMatch(/<img|<script|<link|url\(/)
  expect(mail.text).not.toMatch(/\n{4}|<\/|<(br|p|a)\b|&\w+;/)
  const link = mail.links.find((url) => url.includes('/action-token')) ?? ''
  const [inText, inHtml] = [mail.text.split(link), mail.html.replaceAll('&amp;', '&').split(link)]
  // once in the text; in HTML on the button, and in full below it (address and words)
  expect([inText.length, inHtml.length]).toEqual([2, 4])
  return { html, text }
}

describe.each(['fr', 'en'] as const)('the confirmation mail of an activation in %s', (language) => {
  beforeAll(() =>
    realm.updateUser(realm.pendingId, {
      attributes: { locale: [language], activation_withdraw: [withdrawUrl] },
    }),
  )

  test.each([
    ['send-verify-email', 'emailVerificationSubject'],
    ['execute-actions-email', 'executeActionsSubject'],
  ] as const)('of %s says why, for whom, what next, how long, and how to object', async (what, subject) => {
    const mail = await send(realm.pendingId, what)
    expect(plain(mail.subject)).toBe(say(subject, language))
    const { html, text } = expectOurs(mail, language)
    for (const part of [html, text]) {
      for (const key of ['Title', 'Why', 'NextTitle', 'Next1', 'Next2', 'Next3', 'NotMe', 'Report']) {
        expect(part).toContain(say(`ellActivation${key}`, language))
      }
      expect(part).toContain('m•••••2')
      expect(part).toContain(company)
      expect(part).toContain(say('ellActivationLifetime', language, days[language]))
    }
    expect(html).toContain(say('ellActivationButton', language))
    expect(html).toContain(say('ellActivationWithdraw', language))
    expect(mail.links).toContain(withdrawUrl)
    // Nothing that the person who asks has typed: not even the address.
    expect(html + text).not.toContain(pendingEmail)
  })
})

test('a value of an attribute is text in the HTML mail, never markup', async () => {
  const mail = await send(realm.pendingId, 'send-verify-email')
  expect(mail.html).toContain('Menuiseries de l’Adour &amp; &lt;Fils&gt;')
  expect(mail.html).not.toContain('<Fils>')
})

test.each(['fr', 'en'] as const)(
  'of an access that an agent opened, a password is to be chosen (%s)',
  async (language) => {
    await realm.updateUser(realm.pendingId, {
      attributes: { activation_kind: ['granted'], locale: [language] },
    })
    for (const path of ['send-verify-email', 'execute-actions-email'] as const) {
      const { html, text } = expectOurs(await send(realm.pendingId, path), language)
      for (const part of [html, text]) {
        for (const key of ['Title', 'Why', 'Next2', 'NotMe']) {
          expect(part).toContain(say(`ellGranted${key}`, language))
          expect(part).not.toContain(say(`ellActivation${key}`, language))
        }
        expect(part).toContain(company)
      }
    }
    await realm.updateUser(realm.pendingId, { attributes: { activation_kind: ['legacy'], locale: ['fr'] } })
  },
)

test('what is not known is left out', async () => {
  const user = (await (await realm.admin('GET', `/users/${realm.pendingId}`)).json()) as object
  await realm.admin('PUT', `/users/${realm.pendingId}`, {
    ...user,
    attributes: { activation: ['pending'], locale: ['fr'], activation_company: [company] },
  })
  const mail = await send(realm.pendingId, 'send-verify-email')
  const { html, text } = expectOurs(mail, 'fr')
  for (const part of [html, text]) {
    expect(part).toContain(company)
    expect(part).not.toContain(say('ellActivationLogin', 'fr'))
    expect(part).not.toContain(say('ellActivationReport', 'fr'))
  }
})

test.each([
  [60, '1 minute'],
  [300, '5 minutes'],
  [3600, '60 minutes'],
  [7150, '2 heures'],
  [43_200, '12 heures'],
  [86_371, '24 heures'],
  [259_200, '3 jours'],
])('a link of %i seconds is said to be good for %s', async (seconds, words) => {
  const mail = await send(realm.openId, 'execute-actions-email', ['UPDATE_PASSWORD'], seconds)
  expect(plain(mail.text)).toContain(say('ellLifetime', 'fr', words))
})

describe.each(['fr', 'en'] as const)('the other mails in %s', (language) => {
  beforeAll(() => realm.updateUser(realm.openId, { attributes: { locale: [language] } }))

  test('an opened account that must confirm its address gets no word of an activation', async () => {
    await realm.updateUser(realm.openId, { emailVerified: false })
    const mail = await send(realm.openId, 'send-verify-email')
    await realm.updateUser(realm.openId, { emailVerified: true })
    const { html, text } = expectOurs(mail, language)
    for (const part of [html, text]) {
      expect(part).toContain(say('ellVerifyWhy', language))
      expect(part).not.toContain('Cofacering')
    }
  })

  test('actions asked for by an administrator are listed in words', async () => {
    const mail = await send(realm.openId, 'execute-actions-email', ['UPDATE_PASSWORD', 'VERIFY_EMAIL'])
    const { html, text } = expectOurs(mail, language)
    for (const part of [html, text]) {
      expect(part).toContain(say('requiredAction.UPDATE_PASSWORD', language))
      expect(part).toContain(say('requiredAction.VERIFY_EMAIL', language))
    }
  })

  test('a forgotten password and a changed address have mails of their own', async () => {
    const visitor = new Visitor(new URL(server.url).origin, language)
    const signInUrl = realm.signInUrl({ kc_action: 'UPDATE_EMAIL' })
    await visitor.open(signInUrl)
    await visitor.follow(
      readMessages('login', language).get('doForgotPassword')?.replaceAll(/\s/g, ' ') ?? '',
    )
    await visitor.submit({ username: openEmail })
    const reset = await inbox.waitForMail(openEmail)
    expect(plain(reset.subject)).toBe(say('passwordResetSubject', language))
    expect(expectOurs(reset, language).text).toContain(say('ellResetNotMe', language))

    await visitor.open(signInUrl)
    await visitor.submit({ username: openEmail, password: openPassword })
    const next = `paul.${language}@menuiseries.example`
    await visitor.submit({ email: next })
    const update = await inbox.waitForMail(next)
    expect(plain(update.subject)).toBe(say('emailUpdateConfirmationSubject', language))
    expect(expectOurs(update, language).text).toContain(say('ellUpdateNotMe', language))
  })
})
