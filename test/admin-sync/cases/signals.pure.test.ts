/** What an agent is told to look at. A row fails when its code is not found, or found where nothing is wrong. */
import { describe, expect, it } from 'vitest'
import {
  findSignals,
  isKnownDomain,
  isOneSlipAway,
  signalCodes,
  skeleton,
  type Asked,
} from '../../../admin-sync/cases/signals.ts'

const noon = new Date('2026-11-24T11:00:00Z')
const request = (change: Partial<Asked> = {}): Asked => ({
  id: 'one',
  state: 'proved',
  name: 'Claire Martin',
  phone: null,
  address: 'claire@client.example',
  network: '192.0.2.0/24',
  holderKnows: null,
  fromActivation: false,
  createdAt: noon,
  networkElsewhere: 0,
  ...change,
})
const other = (id: string, change: Partial<Asked> = {}) => request({ id, network: `${id}/24`, ...change })
const codes = (change: Partial<Asked>, knownDomains = ['client.example'], rest: Asked[] = []) => {
  const mine = request(change)
  return findSignals(mine, { knownDomains, others: [mine, ...rest] }).codes
}

describe('the signals of a request', () => {
  it('are none for a colleague at noon', () => {
    expect(codes({})).toEqual([])
  })

  it.each<[string, Partial<Asked>, string[] | undefined, string[]]>([
    ['another company', { address: 'a@elsewhere.example' }, undefined, ['foreign_domain']],
    ['a free mailbox', { address: 'a@GMAIL.com' }, undefined, ['free_mail']],
    ['a free mailbox that the contract uses', { address: 'a@gmail.com' }, ['gmail.com'], ['free_mail']],
    ['nothing to compare', {}, [], ['no_known_domains']],
    ['a subdomain of the company', { address: 'a@paris.client.example' }, undefined, []],
    [
      'a digit for a letter',
      { address: 'a@c1ient.example' },
      undefined,
      ['lookalike_domain', 'foreign_domain'],
    ],
    [
      'a pair for a letter',
      { address: 'a@rnairie.fr' },
      ['mairie.fr'],
      ['lookalike_domain', 'foreign_domain'],
    ],
    [
      'two letters exchanged',
      { address: 'a@dupnot.fr' },
      ['dupont.fr'],
      ['lookalike_domain', 'foreign_domain'],
    ],
    ['another ending', { address: 'a@dupont.com' }, ['dupont.fr'], ['lookalike_domain', 'foreign_domain']],
    ['a part more', { address: 'a@dupont-compta.fr' }, ['dupont.fr'], ['lookalike_domain', 'foreign_domain']],
    [
      'a Cyrillic letter',
      { address: 'a@xn--dupnt-lye.fr' },
      ['dupont.fr'],
      ['lookalike_domain', 'mixed_scripts', 'foreign_domain', 'international_domain'],
    ],
    ['a name in two alphabets at once', { name: 'Mаrtin' }, undefined, ['mixed_scripts']],
    ['a Greek name', { name: 'Martin Παπαδόπουλος' }, undefined, []],
    ['no name yet', { name: null }, undefined, ['name_unknown']],
    ['a telephone', { phone: '06 00 00 00 00' }, undefined, ['phone_unverified']],
    ['a holder who says no', { holderKnows: false }, undefined, ['holder_does_not_know']],
    ['a holder who says yes', { holderKnows: true }, undefined, []],
    ['a network that asks on other logins', { networkElsewhere: 2 }, undefined, ['other_logins']],
  ])('say it of %s', (_what, change, known, expected) => {
    expect(codes(change, known)).toEqual(signalCodes.filter((code) => expected.includes(code)))
  })

  it('know the night of Paris, in winter and in summer', () => {
    expect(codes({ createdAt: new Date('2026-11-24T20:59:00Z') })).toEqual([])
    expect(codes({ createdAt: new Date('2026-11-24T21:00:00Z') })).toEqual(['asked_at_night'])
    expect(codes({ createdAt: new Date('2026-07-01T20:00:00Z') })).toEqual(['asked_at_night'])
    expect(codes({ createdAt: new Date('2026-07-01T04:00:00Z') })).toEqual([])
  })

  it('compare a request with the others of its case', () => {
    expect(codes({}, undefined, [other('two', { network: '192.0.2.0/24' })])).toEqual(['same_network'])
    const earlier = new Date(noon.getTime() - 86_400_000 * 5)
    const refused = other('two', { state: 'refused', address: 'CLAIRE@client.example', createdAt: earlier })
    expect(codes({}, undefined, [refused])).toEqual(['refused_before'])
    const many = ['2', '3', '4', '5'].map((id) => other(id))
    expect(codes({}, undefined, many.slice(1))).toEqual([])
    expect(codes({}, undefined, many)).toEqual(['many_requests'])
  })

  it('name the domain that is imitated', () => {
    const mine = request({ address: 'a@dup0nt.fr' })
    const found = findSignals(mine, { knownDomains: ['autre.fr', 'Dupont.fr'], others: [mine] })
    expect(found.resembles).toBe('Dupont.fr')
  })
})

describe('two names', () => {
  it('are one slip apart when a letter is more, less, other, or two are exchanged', () => {
    for (const [a, b] of ['ab abc', 'abc ab', 'abc axc', 'abcd acbd'].map((pair) => pair.split(' ')))
      expect(isOneSlipAway(a ?? '', b ?? ''), `${a} ${b}`).toBe(true)
    for (const [a, b] of ['abc abc', 'abc abcde', 'abcd badc'].map((pair) => pair.split(' ')))
      expect(isOneSlipAway(a ?? '', b ?? ''), `${a} ${b}`).toBe(false)
  })
  it('have one skeleton when an eye takes one for the other', () => {
    expect(skeleton('ехаmple.fr')).toBe(skeleton('example.fr'))
    expect(skeleton('société.fr')).toBe(skeleton('societe.fr'))
    expect(skeleton('client.fr')).not.toBe(skeleton('patient.fr'))
  })
  it('are the same domain below a known one, and not beside it', () => {
    expect(isKnownDomain('mail.client.fr', ['client.fr'])).toBe(true)
    expect(isKnownDomain('notclient.fr', ['client.fr', ''])).toBe(false)
  })
})
