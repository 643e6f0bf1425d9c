/** The mails of our own: complete in both languages and both forms, and safe with whatever the legacy data holds. */
import { expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import { accessAcknowledgedMail } from '../../../admin-sync/mail/access-acknowledged.ts'
import { accessProofMail } from '../../../admin-sync/mail/access-proof.ts'
import { accessRefusedMail } from '../../../admin-sync/mail/access-refused.ts'
import { accountClosedMail } from '../../../admin-sync/mail/account-closed.ts'
import { addressChangedMail } from '../../../admin-sync/mail/address-changed.ts'
import { alreadyAccountMail } from '../../../admin-sync/mail/already-account.ts'
import { caseNoticeMail } from '../../../admin-sync/mail/case-notice.ts'
import { contactNoticeMail } from '../../../admin-sync/mail/contact-notice.ts'
import { handOverWarningMail } from '../../../admin-sync/mail/hand-over-warning.ts'
import { holderQuestionMail } from '../../../admin-sync/mail/holder-question.ts'
import { typedLine, typedLines } from '../../../admin-sync/mail/typed.ts'

const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))
const desk = {
  telephone: '0825 123 456',
  price: '0,15 €/min',
  email: 'desk@ellipro.example',
  hours: { fr: 'du lundi au vendredi', en: 'Monday to Friday' },
  helpUrl: 'https://cofacering.example/help',
}
const hostile = `<script>alert("x")</script> & Fils`
const links = (html: string) => [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)

test.each([
  ['fr', false],
  ['fr', true],
  ['en', false],
  ['en', true],
] as const)('"you already have an account" in %s, granted by an agent: %s', (language, isGranted) => {
  const mail = alreadyAccountMail(
    texts[language],
    {
      login: 'a•••••z',
      company: hostile,
      isGranted,
      contractUrl: 'https://id.ellipro.example/activation/1/contract?k=code',
      withdrawUrl: 'https://id.ellipro.example/activation/1/withdraw?w=code',
    },
    { language, desk, portalUrl: 'https://ellipro.example' },
  )
  expect(typeof mail.html).toBe('string')
  expect(mail.html).toContain(`<html lang="${language}">`)
  expect(mail.html).not.toContain('<script>')
  expect(mail.html).toContain('&lt;script&gt;')
  expect(mail.text).toContain(hostile)
  expect(links(mail.html)).toEqual([
    'https://id.ellipro.example/activation/1/contract?k=code',
    'https://ellipro.example',
    'https://id.ellipro.example/activation/1/withdraw?w=code',
    'https://id.ellipro.example/activation/1/contract?k=code',
    'tel:0825123456',
    'mailto:desk@ellipro.example',
    desk.helpUrl,
  ])
  for (const body of [mail.html, mail.text]) {
    for (const said of [
      '0825 123 456',
      desk.hours[language],
      'a•••••z',
      'withdraw?w=code',
      'contract?k=code',
    ])
      expect(body).toContain(said)
    // A key without a text would show itself.
    expect(body).not.toMatch(/alreadyAccount|notYou|fact[A-Z]|desk[A-Z]/)
  }
  expect(mail.subject).not.toBe('alreadyAccountSubject')
})

test('the notice to a contact is French, then English, with or without a name', () => {
  const facts = {
    login: 'a•••••z',
    company: 'Négoce Atlantique',
    contract: 'CF-1',
    address: 'j•••••@atlantique.example',
  }
  const named = contactNoticeMail(texts, { ...facts, contactName: 'Anne Le Gall' }, desk)
  expect(named.text.indexOf('Bonjour Anne Le Gall,')).toBeGreaterThan(-1)
  expect(named.text.indexOf('Hello Anne Le Gall,')).toBeGreaterThan(
    named.text.indexOf('Bonjour Anne Le Gall,'),
  )
  expect(named.subject).toBe('Un accès Ellipro a été ouvert pour Négoce Atlantique')
  for (const body of [named.html, named.text]) {
    for (const said of Object.values(facts)) expect(body).toContain(said)
    expect(body).not.toMatch(/contactNotice|greeting|fact[A-Z]|desk[A-Z]/)
  }
  expect(contactNoticeMail(texts, { ...facts, contactName: '' }, desk).text).toContain('Bonjour,')
})

test.each([
  ['fr', 'mardi 24 novembre 2026 à 08:30 (heure de Paris)'],
  ['en', '24 November 2026 at 08:30 (Paris time)'],
] as const)('"your e-mail address has been changed" in %s', (language, when) => {
  const mail = addressChangedMail(
    texts[language],
    { newAddress: 'a•••••@•••••.fr', at: new Date('2026-11-24T07:30:00Z') },
    { language, desk },
  )
  expect(links(mail.html)).toEqual(['tel:0825123456', 'mailto:desk@ellipro.example', desk.helpUrl])
  for (const body of [mail.html, mail.text]) {
    for (const said of [when, 'a•••••@•••••.fr', desk.telephone, desk.email, mail.subject])
      expect(body).toContain(said)
    expect(body).not.toMatch(/addressChanged|parisTime|notYou|fact[A-Z]|desk[A-Z]/)
  }
})

test.each([
  ['fr', undefined],
  ['fr', { login: 'a•••••z', company: hostile }],
  ['en', undefined],
  ['en', { login: 'a•••••z', company: hostile }],
] as const)('"your account is closed" in %s, or has a contract less: %o', (language, removed) => {
  const mail = accountClosedMail(texts[language], removed ? { removed } : {}, { language, desk })
  expect(links(mail.html)).toEqual(['tel:0825123456', 'mailto:desk@ellipro.example', desk.helpUrl])
  for (const body of [mail.html, mail.text]) {
    for (const said of [desk.telephone, desk.email, desk.hours[language], mail.subject])
      expect(body).toContain(said)
    expect(body).not.toMatch(/accountClosed|contractRemoved|fact[A-Z]|desk[A-Z]/)
  }
})

test.each([
  ['fr', /jeudi 26 novembre 2026.* 14:05/],
  ['en', /Thursday,? 26 November 2026.* 14:05/],
] as const)(
  '"your account is about to be closed" in %s says when, in Paris, and how to object',
  (language, when) => {
    const closesAt = new Date('2026-11-26T13:05:00Z')
    const mail = handOverWarningMail(texts[language], { closesAt }, { language, desk })
    expect(links(mail.html)).toEqual(['tel:0825123456', 'mailto:desk@ellipro.example', desk.helpUrl])
    for (const body of [mail.html, mail.text]) {
      for (const said of [desk.telephone, desk.email, desk.hours[language], mail.subject])
        expect(body).toContain(said)
      expect(body).toMatch(when)
      expect(body).not.toMatch(/handOver|fact[A-Z]|desk[A-Z]/)
    }
  },
)

const state = 'https://id.ellipro.example/access/1?s=code'
/** A key without a text would show itself. */
const bareKey =
  /access(Proof|Acknowledged|Refused|State)|holderQuestion|caseNotice|nextTitle|fact[A-Z]|desk[A-Z]/

test.each(['fr', 'en'] as const)('"confirm your request" in %s', (language) => {
  const mail = accessProofMail(
    texts[language],
    {
      login: 'a•••••z',
      company: hostile,
      hoursLeft: 24,
      proofUrl: 'https://id.ellipro.example/access/1/prove?k=code',
      withdrawUrl: 'https://id.ellipro.example/access/1/withdraw?w=code',
    },
    { language, desk },
  )
  expect(mail.html).not.toContain('<script>')
  expect(links(mail.html)).toEqual([
    'https://id.ellipro.example/access/1/prove?k=code',
    'https://id.ellipro.example/access/1/withdraw?w=code',
    'https://id.ellipro.example/access/1/prove?k=code',
    'tel:0825123456',
    'mailto:desk@ellipro.example',
    desk.helpUrl,
  ])
  for (const body of [mail.html, mail.text]) {
    for (const said of ['24', 'prove?k=code', 'withdraw?w=code', 'a•••••z', desk.telephone])
      expect(body).toContain(said)
    expect(body).not.toMatch(bareKey)
  }
})

test.each(['fr', 'en'] as const)('"your request has been received", and its refusal, in %s', (language) => {
  const about = { caseReference: 'ELP-2345-6789', stateUrl: state }
  const acknowledged = accessAcknowledgedMail(texts[language], about, { language, desk })
  const refused = accessRefusedMail(
    texts[language],
    { ...about, reason: `Non.\r\n\r\n${hostile}` },
    { language, desk },
  )
  for (const { subject, html, text } of [acknowledged, refused]) {
    expect(subject).toContain('ELP-2345-6789')
    for (const body of [html, text]) {
      for (const said of ['ELP-2345-6789', desk.telephone, desk.price, desk.hours[language], state])
        expect(body).toContain(said)
      expect(body).not.toMatch(bareKey)
    }
    expect(html).not.toContain('<script>')
  }
  expect(refused.html).toContain('&lt;script&gt;')
  expect(refused.subject).not.toContain('script')
})

test.each(['fr', 'en'] as const)('the question to a holder in %s names at most twenty people', (language) => {
  const question = (count: number) =>
    holderQuestionMail(
      texts[language],
      {
        login: 'a•••••z',
        company: 'Négoce Atlantique',
        people: Array.from({ length: count }, (_, n) => ({
          name: n === 0 ? undefined : `Person ${n}`,
          domain: 'x.example',
        })),
        answerUrl: 'https://id.ellipro.example/access/holder/1?h=code',
      },
      { language, desk },
    )
  for (const body of [question(1).text, question(1).html, question(30).text, question(30).html])
    expect(body).not.toMatch(bareKey)
  expect(question(30).text).toContain('Person 19')
  expect(question(30).text).not.toContain('Person 20')
  expect(question(30).text).toContain('10')
})

test('the notice of a case is French, then English, and says only what happened', () => {
  const facts = { login: 'a•••••z', company: 'Négoce Atlantique', contract: 'CF-1', contactName: 'Anne' }
  const notice = (asked: string[], opened: string[]) =>
    caseNoticeMail(texts, { ...facts, asked, opened }, desk)
  const both = notice(['j•••••@atlantique.example'], ['m•••••@•••••.fr'])
  for (const body of [both.html, both.text]) {
    for (const said of [
      'a•••••z',
      'CF-1',
      'j•••••@atlantique.example',
      'm•••••@•••••.fr',
      'Bonjour Anne',
      'Hello Anne',
    ])
      expect(body).toContain(said)
    expect(body).not.toMatch(bareKey)
  }
  const opened = notice([], ['m•••••@•••••.fr'])
  expect([opened.subject, both.subject]).toEqual([
    'Accès Ellipro ouverts pour Négoce Atlantique',
    'Accès Ellipro demandés pour Négoce Atlantique',
  ])
  expect(opened.text).not.toContain('demandé')
})

test.each([
  ['http://evil.example/pay', 'http:|/|/|evil.|example/|pay'],
  ['www.evil.example', 'www.|evil.|example'],
  ['x@evil.example', 'x|@|evil.|example'],
  ['M. Dupont', 'M. Dupont'],
  ['Anne\r\nBcc: x', 'Anne Bcc: x'],
  ['a\u202eb\u200bc', 'a b c'],
])('what somebody typed makes no link, no header and turns nothing: %j', (typed, shown) => {
  expect(typedLine(typed).replaceAll('\u200c', '|')).toBe(shown)
})

test('words of several lines keep their lines', () => {
  expect(typedLines('\none\r\n\ntwo\u2028three\n')).toEqual(['one', '', 'two', 'three'])
})
