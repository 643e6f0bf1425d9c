/** What may be typed as an address, a login, a password: hostile ones among them. */
import { describe, expect, it, test } from 'vitest'
import {
  checkNewPassword,
  looksLikeAddress,
  readAddress,
  showAddress,
  type AddressProblem,
} from '../../../provider/activation/rules.ts'

const accepted: [typed: string, address: string][] = [
  ['jean.dupont@societe.fr', 'jean.dupont@societe.fr'],
  ['  Jean.Dupont@Societe.FR  ', 'Jean.Dupont@societe.fr'],
  ['\u00a0\u200bjean@societe.fr\ufeff\r\n', 'jean@societe.fr'],
  ["o'brien+ellipro@societe.ie", "o'brien+ellipro@societe.ie"],
  ['a@b.fr.', 'a@b.fr'],
  ['contact@1and1.fr', 'contact@1and1.fr'],
  ['contact@société.fr', 'contact@xn--socit-esab.fr'],
  ['contact@socie\u0301te\u0301.fr', 'contact@xn--socit-esab.fr'],
  ['contact@例え。jp', 'contact@xn--r8jz45g.jp'],
  // Letters that only look alike are another domain, and say so in ASCII; wide and bold ones are the same domain.
  ['contact@sоciete.fr', 'contact@xn--sciete-wqf.fr'],
  ['contact@ｓｏｃｉｅｔｅ．𝐟𝐫', 'contact@societe.fr'],
  ['contact@Straße.de', 'contact@xn--strae-oqa.de'],
  [`${'a'.repeat(64)}@societe.fr`, `${'a'.repeat(64)}@societe.fr`],
]

const refused: [problem: AddressProblem, typed: string][] = [
  ['missing', ''],
  ['missing', ' \t\u200b'],
  ['looks_like_login', 'transports.lefevre'],
  ['looks_like_login', 'CF204518'],
  ['local_not_ascii', 'hélène@societe.fr'],
  ['too_long', `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.fr`],
  ['too_long', `a@${'b'.repeat(100_000)}.fr`],
  ...[
    // header injection
    'a@b.fr\r\nBcc: victim@example.fr',
    'a\nb@c.fr',
    'a@b.fr\nSubject: x',
    'a@b.fr%0aBcc:x@y.fr',
    'a@b\u0000.fr',
    'a\u0000@b.fr',
    'a\u202e@b.fr',
    'a\u200b@b.fr',
    // several addresses, names, comments, quotes
    'a@b.fr,c@d.fr',
    'a@b.fr;c@d.fr',
    'a@b.fr c@d.fr',
    'a@b@c.fr',
    'Jean <a@b.fr>',
    '<a@b.fr>',
    'a(comment)@b.fr',
    '"a b"@c.fr',
    '"a"@c.fr',
    'mailto:a@b.fr',
    'a\\@b.fr',
    // a mailbox elsewhere, an option
    'victim%other.fr@relay.fr',
    'other.fr!victim@relay.fr',
    '@relay.fr:victim@other.fr',
    '-oQ/tmp@b.fr',
    // the end of a mail, for a server that sees it where another does not
    'a@b.fr\n.\r\nMAIL FROM:<c@d.fr>',
    'a@b.fr>\r\nRCPT TO:<c@d.fr',
    // local parts that are none
    '@b.fr',
    '.a@b.fr',
    'a.@b.fr',
    'a..b@c.fr',
    `${'a'.repeat(65)}@b.fr`,
    // domains that are none
    'a@',
    'a@b',
    'a@localhost',
    'a@.fr',
    'a@b..fr',
    'a@-b.fr',
    'a@b-.fr',
    'a@b_c.fr',
    'a@b.c',
    'a@127.0.0.1',
    'a@127.1',
    'a@0x7f.1',
    'a@2130706433',
    'a@[127.0.0.1]',
    'a@[IPv6:::1]',
    'a@b.123',
    'a@exa%6dple.com',
    'a@b.fr/c',
    'a@b.fr:25',
    'a@b.fr?c',
    'a@b.fr#c',
    'a@xn--.fr',
    'a@${x}.fr',
    `a@${'b'.repeat(64)}.fr`,
  ].map((typed): [AddressProblem, string] => ['malformed', typed]),
]

describe('readAddress', () => {
  it.each(accepted)('takes %j as %s', (typed, address) => {
    expect(readAddress(typed)).toEqual({ ok: true, address })
  })

  it.each(refused)('says %s of %j', (problem, typed) => {
    expect(readAddress(typed)).toEqual({ ok: false, problem })
  })

  it('gives addresses that it takes again as they are', () => {
    for (const [, address] of accepted) expect(readAddress(address)).toEqual({ ok: true, address })
  })

  it('gives nothing that could end a header or hold a second address', () => {
    for (const [, address] of accepted) expect(address).toMatch(/^[\x21-\x7e]+$/)
  })
})

test('an address is shown with its domain in its own script', () => {
  expect(showAddress('contact@xn--socit-esab.fr')).toBe('contact@société.fr')
  expect(showAddress('contact@societe.fr')).toBe('contact@societe.fr')
})

test.each([
  ['jean@societe.fr', true],
  [' Jean@societe.fr ', true],
  ['transports.lefevre', false],
  ['jean@cofacering', false],
  ['@lefevre', false],
  ['', false],
])('%j in the login field looks like an address: %s', (typed, expected) => {
  expect(looksLikeAddress(typed)).toBe(expected)
})

test.each([
  ['', 'missing'],
  ['elevenchars', 'too_short'],
  ['twelve chars', undefined],
  ['correct cheval batterie agrafe', undefined],
  ['x'.repeat(128), undefined],
  ['x'.repeat(129), 'too_long'],
  ['Jean.Dupont@Societe.fr', 'is_address'],
  // Eleven letters, some of them spelt in two: however the keyboard spells them, Keycloak would count eleven
  ['e\u0301te\u0301 2024 ok', 'too_short'],
])('the password %j is %s', (password, problem) => {
  expect(checkNewPassword(password, 'jean.dupont@societe.fr')).toBe(problem)
})

test('a password that is the address in its own script is the address', () => {
  expect(checkNewPassword('contact@société.fr', 'contact@xn--socit-esab.fr')).toBe('is_address')
})
