/** The pages of the theme as Keycloak serves them, in both languages and without JavaScript. */
import { beforeAll, describe, expect, test } from 'vitest'
import { startInbox } from '../support/inbox.ts'
import { createRealm } from '../support/keycloak.ts'
import { readMessages } from './properties.ts'
import {
  confirmUrl,
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

const origin = new URL(server.url).origin
const say = (key: string, language: 'fr' | 'en' = 'fr', ...values: string[]) =>
  readable(readMessages('login', language).get(key) ?? `no message ${key}`).replaceAll(
    /\{(\d)\}/g,
    (_all, index: string) => values[Number(index)] ?? '',
  )
/** Sends a mail with an action link, and gives the link. */
async function sendLink(what: 'send-verify-email' | 'execute-actions-email', lifespanSeconds = 3600) {
  inbox.clear()
  await realm.sendLink(realm.pendingId, what, { lifespanSeconds })
  const mail = await inbox.waitForMail(pendingEmail)
  return mail.links.find((link) => link.includes('/action-token')) ?? ''
}
const makePending = (language: 'fr' | 'en') =>
  realm.updateUser(realm.pendingId, {
    emailVerified: false,
    requiredActions: ['VERIFY_EMAIL'],
    attributes: { locale: [language] },
  })

describe.each(['fr', 'en'] as const)('the sign-in page in %s', (language) => {
  test('offers the Cofacering door, says which address is wanted, and names the desk', async () => {
    const page = await new Visitor(origin, language).open(realm.signInUrl())
    expect(page.status).toBe(200)
    expect(page.html).toContain(`<html class="" lang="${language}"`)
    expect(page.heading).toBe(say('loginAccountTitle', language))
    expect(page.text).toContain(say('ellDoorTitle', language))
    expect(page.text).toContain(say('ellEmailHint', language))
    for (const text of Object.values(deskTexts[language])) expect(page.text).toContain(text)
    expect(page.html).toContain('href="tel:0825123456"')
    expect(page.html).toContain(`<a href="${helpUrl}">${say('ellHelp', language)}</a>`)
    expect(page.html).not.toContain('patternfly')
    const out = new Visitor(origin, language)
    await out.open(realm.signInUrl())
    expect((await out.follow('social-cofacering')).url).toContain(`${providerUrl}/oidc/auth`)
  })

  test('tells a Cofacering identifier from an e-mail address, and where it goes', async () => {
    const visitor = new Visitor(origin, language)
    await visitor.open(realm.signInUrl())
    const page = await visitor.submit({ username: 'martin12', password: 'whatever' })
    expect(page.text).toContain(say('ellNotAnEmailTitle', language))
    expect(page.text).toContain(say('ellNotAnEmailDoor', language))
    expect(page.html.match(/id="social-cofacering"/g)).toHaveLength(1)
    expect(page.html).toMatch(
      /id="username"[^>]*aria-invalid="true"[^>]*aria-describedby="username-hint input-error-username"/s,
    )
    expect((await visitor.follow('social-cofacering')).url).toContain(`${providerUrl}/oidc/auth`)
  })

  test('says the same of an unknown address as of a wrong password', async () => {
    const answers = []
    for (const username of ['nobody@nowhere.example', openEmail]) {
      const visitor = new Visitor(origin, language)
      await visitor.open(realm.signInUrl())
      answers.push((await visitor.submit({ username, password: 'not the password' })).text)
    }
    expect(answers[0]).toBe(answers[1])
    expect(answers[0]).toContain(say('invalidUserMessage', language))
    expect(answers[0]).not.toContain(say('ellNotAnEmailTitle', language))
  })
})

test('the language changes by a link', async () => {
  const visitor = new Visitor(origin, 'fr')
  await visitor.open(realm.signInUrl())
  expect((await visitor.follow('English')).heading).toBe(say('loginAccountTitle', 'en'))
  expect((await visitor.follow('Français')).heading).toBe(say('loginAccountTitle', 'fr'))
})

test('without the identity provider the mistake is still named, and no door is shown', async () => {
  const provider = (await (
    await realm.admin('GET', '/identity-provider/instances/cofacering')
  ).json()) as object
  await realm.admin('PUT', '/identity-provider/instances/cofacering', { ...provider, enabled: false })
  try {
    const visitor = new Visitor(origin)
    expect((await visitor.open(realm.signInUrl())).html).not.toContain('social-cofacering')
    expect((await visitor.submit({ username: 'martin12', password: 'x' })).text).toContain(
      say('ellNotAnEmail'),
    )
  } finally {
    await realm.admin('PUT', '/identity-provider/instances/cofacering', { ...provider, enabled: true })
  }
})

test('a desk text that nobody has set is left out', async () => {
  await realm.admin('DELETE', '/localization/fr/deskTelephonePrice')
  await realm.admin('DELETE', '/localization/fr/deskHours')
  try {
    const page = await new Visitor(origin).open(realm.signInUrl())
    expect(page.text).toContain(deskTexts.fr.deskTelephone)
    expect(page.html).not.toMatch(/deskTelephonePrice|deskHours|\(\)/)
  } finally {
    await realm.admin('PUT', '/localization/fr/deskTelephonePrice', deskTexts.fr.deskTelephonePrice)
    await realm.admin('PUT', '/localization/fr/deskHours', deskTexts.fr.deskHours)
  }
})

describe.each(['fr', 'en'] as const)('a forgotten password in %s', (language) => {
  // Once Keycloak knows the person, the language of their account wins over the browser's.
  beforeAll(() => realm.updateUser(realm.openId, { attributes: { locale: [language] } }))

  test('goes from the form to the mail, and to a page that states the rules first', async () => {
    const visitor = new Visitor(origin, language)
    await visitor.open(realm.signInUrl())
    const form = await visitor.follow(say('doForgotPassword', language))
    expect(form.heading).toBe(say('emailForgotTitle', language))
    expect(form.text).toContain(say('ellForgotHint', language))
    inbox.clear()
    const sent = await visitor.submit({ username: openEmail })
    expect(sent.text).toContain(say('emailSentMessage', language))
    const mail = await inbox.waitForMail(openEmail)
    const page = await visitor.open(mail.links.find((link) => link.includes('/action-token')) ?? '')
    expect(page.heading).toBe(say('updatePasswordTitle', language))
    expect(page.text).toContain(say('ellPasswordRules', language, '12'))
    const short = await visitor.submit({ 'password-new': 'court', 'password-confirm': 'court' })
    expect(short.text).toContain(say('invalidPasswordMinLengthMessage', language, '12'))
    const different = await visitor.submit({
      'password-new': 'quatre mots de plus',
      'password-confirm': 'autre',
    })
    expect(different.text).toContain(say('notMatchPasswordMessage', language))
  })
})

describe.each(['fr', 'en'] as const)('the link of a confirmation mail in %s', (language) => {
  test.each(['send-verify-email', 'execute-actions-email'] as const)(
    'of %s asks for one click, then leads to our confirmation page, step by step',
    async (what) => {
      await makePending(language)
      const link = await sendLink(what)
      const visitor = new Visitor(origin, language)
      const page = await visitor.open(link)
      expect(page.heading).toBe(say('confirmEmailAddressVerificationHeader', language))
      expect(page.text).toContain(say('ellConfirmNext', language))
      expect(page.html).toContain(
        `<li class="ell-steps__item" aria-current="step"><span class="ell-steps__label">${say('ellStep.mailbox', language)}</span>`,
      )
      const confirmed = await visitor.follow('ell-confirm')
      expect(confirmed.heading).toBe(say('emailVerifiedMessageHeader', language))
      expect(confirmed.html).toContain(`location.replace("${confirmUrl}")`)
      expect((await visitor.follow('ell-continue')).url).toBe(confirmUrl)

      const again = await new Visitor(origin, language).open(link)
      const isVerify = what === 'send-verify-email'
      expect(again.heading).toBe(
        say(isVerify ? 'emailVerifiedAlreadyMessageHeader' : 'ellExpiredTitle', language),
      )
      expect(again.text).toContain(say('ellActivationContinue', language))
      expect(again.html).toContain(`href="${providerUrl}/activation/continue"`)
    },
  )

  test('that expires while its page is open offers the way on, and no form to sign in to nothing', async () => {
    await makePending(language)
    const lifespanSeconds = 8 // enough for a slow machine to open the page within it
    const link = await sendLink('send-verify-email', lifespanSeconds)
    const visitor = new Visitor(origin, language)
    expect((await visitor.open(link)).heading).toBe(say('confirmEmailAddressVerificationHeader', language))
    await new Promise((done) => setTimeout(done, (lifespanSeconds + 1) * 1000))
    const page = await visitor.follow('ell-confirm')
    expect(page.heading).toBe(say('ellExpiredTitle', language))
    expect(page.html).not.toContain('<form')
    expect((await visitor.follow('ell-continue')).url).toBe(`${providerUrl}/activation/continue`)
  })

  test('that has expired says what to do and whom to call, and leads back when the realm says where', async () => {
    await makePending(language)
    const link = await sendLink('send-verify-email', 1)
    await new Promise((done) => setTimeout(done, 2500))
    const page = await new Visitor(origin, language).open(link)
    expect(page.heading).toBe(say('ellExpiredTitle', language))
    expect(page.text).toContain(say('expiredActionTokenNoSessionMessage', language))
    expect(page.text).toContain(deskTexts[language].deskTelephone)
    expect(page.html).not.toContain('ell-restart')
    await realm.admin('PUT', `/localization/${language}/activationUrl`, `${providerUrl}/activation/continue`)
    const visitor = new Visitor(origin, language)
    await visitor.open(link)
    expect((await visitor.follow('ell-restart')).url).toBe(`${providerUrl}/activation/continue`)
    await realm.admin('DELETE', `/localization/${language}/activationUrl`)
  })
})

describe.each(['fr', 'en'] as const)('other pages in %s', (language) => {
  beforeAll(() => realm.updateUser(realm.openId, { attributes: { locale: [language] } }))

  test('an address to verify at sign-in can be sent again with a button', async () => {
    await realm.updateUser(realm.openId, { emailVerified: false })
    const visitor = new Visitor(origin, language)
    await visitor.open(realm.signInUrl())
    const page = await visitor.submit({ username: openEmail, password: openPassword })
    expect(page.heading).toBe(say('emailVerifyTitle', language))
    expect(page.html).toMatch(/<a class="ell-button[^>]*>[^<]*e-mail/)
    await realm.updateUser(realm.openId, { emailVerified: true })
  })

  test('signing out asks first, then says that it is done', async () => {
    const visitor = new Visitor(origin, language)
    await visitor.open(realm.signInUrl())
    await visitor.submit({ username: openEmail, password: openPassword })
    const page = await visitor.open(`${realm.url}/protocol/openid-connect/logout`)
    expect(page.heading).toBe(say('logoutConfirmTitle', language))
    expect((await visitor.submit({ confirmLogout: 'yes' })).heading).toBe(say('successLogout', language))
  })

  test('changing the address shows one field and says what happens next', async () => {
    const visitor = new Visitor(origin, language)
    await visitor.open(realm.signInUrl({ kc_action: 'UPDATE_EMAIL' }))
    const page = await visitor.submit({ username: openEmail, password: openPassword })
    expect(page.heading).toBe(say('updateEmailTitle', language))
    const next = `paul.${language}@menuiseries.example`
    const sent = await visitor.submit({ email: next })
    expect(sent.heading).toBe(say('emailUpdateConfirmationSentTitle', language))
    expect(sent.text).toContain(say('emailUpdateConfirmationSent', language, next))
    // Keycloak sends such a mail again only after a second (theme-realm.ts).
    await new Promise((done) => setTimeout(done, 1200))
  })

  test('an error says so in our words, without a stack or a key', async () => {
    const page = await new Visitor(origin, language).open(
      realm.signInUrl({ redirect_uri: 'https://elsewhere.example/' }),
    )
    expect(page.status).toBe(400)
    expect(page.heading).toBe(say('errorTitle', language))
    expect(page.text).toContain(deskTexts[language].deskEmail)
  })
})

test('the texts of a realm win over those of the theme, and keep their heading', async () => {
  await realm.admin('PUT', '/localization/fr/accountPending', 'Texte du domaine.')
  const flow = await makeDenyingFlow('accountPending')
  await realm.admin('PUT', '', { realm: realm.name, browserFlow: flow })
  const page = await new Visitor(origin).open(realm.signInUrl())
  await realm.admin('PUT', '', { realm: realm.name, browserFlow: 'browser' })
  expect(page.heading).toBe(say('ellPendingTitle'))
  expect(page.text).toContain('Texte du domaine.')
})

/** A browser flow that refuses everybody with this text. */
async function makeDenyingFlow(textKey: string): Promise<string> {
  const alias = `deny ${textKey}`
  const path = `/authentication/flows/${encodeURIComponent(alias)}`
  await realm.admin('POST', '/authentication/flows', {
    alias,
    providerId: 'basic-flow',
    topLevel: true,
    builtIn: false,
  })
  await realm.admin('POST', `${path}/executions/execution`, { provider: 'deny-access-authenticator' })
  const [execution] = (await (await realm.admin('GET', `${path}/executions`)).json()) as { id: string }[]
  await realm.admin('PUT', `${path}/executions`, { ...execution, requirement: 'REQUIRED' })
  await realm.admin('POST', `/authentication/executions/${execution?.id}/config`, {
    alias,
    config: { denyErrorMessage: textKey },
  })
  return alias
}
