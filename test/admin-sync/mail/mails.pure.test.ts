/** The mails of our own: complete in both languages and both forms, and safe with whatever the legacy data holds. */
import { expect, test } from 'vitest'
import { loadTexts } from '../../../core/text.ts'
import { accountClosedMail } from '../../../admin-sync/mail/account-closed.ts'
import { addressChangedMail } from '../../../admin-sync/mail/address-changed.ts'
import { alreadyAccountMail } from '../../../admin-sync/mail/already-account.ts'
import { contactNoticeMail } from '../../../admin-sync/mail/contact-notice.ts'

const texts = loadTexts(new URL('../../../admin-sync/text/', import.meta.url))
const desk = {
  telephone: '0825 123 456',
  price: '0,15 €/min',
  email: 'desk@ellipro.example',
  hours: { fr: 'du lundi au vendredi', en: 'Monday to Friday' },
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
  expect(links(mail.html)).toEqual(['tel:0825123456', 'mailto:desk@ellipro.example'])
  for (const body of [mail.html, mail.text]) {
    for (const said of [when, 'a•••••@•••••.fr', desk.telephone, desk.email, mail.subject])
      expect(body).toContain(said)
    expect(body).not.toMatch(/addressChanged|parisTime|notYou|fact[A-Z]|desk[A-Z]/)
  }
})

test.each(['fr', 'en'] as const)('"your account is closed" in %s', (language) => {
  const mail = accountClosedMail(texts[language], { language, desk })
  expect(links(mail.html)).toEqual(['tel:0825123456', 'mailto:desk@ellipro.example'])
  for (const body of [mail.html, mail.text]) {
    for (const said of [desk.telephone, desk.email, desk.hours[language], mail.subject])
      expect(body).toContain(said)
    expect(body).not.toMatch(/accountClosed|desk[A-Z]/)
  }
})
