/**
 * What an agent should look at before opening an access: what fraud looks like, as short codes. Pure. None of them
 * decides anything, and none is shown to the person.
 *
 *   foreign_domain          not a mail domain of the contract     lookalike_domain    written like one of them
 *   free_mail               anybody can have one                  mixed_scripts       letters of two alphabets in one word
 *   no_known_domains        Cofacering knows none to compare      international_domain  other letters than a to z
 *   other_logins            the same network asked on others      same_network        others of this case ask from there
 *   many_requests           many people at once                   asked_at_night      22 h to 6 h in Paris
 *   holder_does_not_know    the holder's answer                   refused_before      the same address, in this case
 *   name_unknown            came from an activation               phone_unverified    typed by the person: never call it
 */
import { domainToUnicode } from 'node:url'

export const signalCodes = [
  'lookalike_domain',
  'mixed_scripts',
  'free_mail',
  'foreign_domain',
  'no_known_domains',
  'international_domain',
  'holder_does_not_know',
  'refused_before',
  'other_logins',
  'same_network',
  'many_requests',
  'asked_at_night',
  'name_unknown',
  'phone_unverified',
] as const
export type SignalCode = (typeof signalCodes)[number]
/** `resembles`: the domain that a `lookalike_domain` is taken for. */
export type Signals = { codes: SignalCode[]; resembles?: string }

/** What of a request its signals depend on. */
export type Asked = {
  id: string
  state: string
  name: string | null
  phone: string | null
  address: string
  network: string | null
  holderKnows: boolean | null
  /** The address was proved for an activation, not typed into the form. */
  fromActivation: boolean
  createdAt: Date
  /** Requests from its network on other logins, in the last thirty days. */
  networkElsewhere: number
}

const freeDomains = new Set(
  `gmail.com googlemail.com outlook.com outlook.fr hotmail.com hotmail.fr live.com live.fr msn.com yahoo.com yahoo.fr
   ymail.com icloud.com me.com mac.com aol.com gmx.com gmx.fr gmx.net mail.com mail.ru yandex.com yandex.ru proton.me
   protonmail.com pm.me tutanota.com zoho.com orange.fr wanadoo.fr free.fr sfr.fr neuf.fr laposte.net bbox.fr
   numericable.fr club-internet.fr aliceadsl.fr cegetel.net hey.com fastmail.com hotmail.be skynet.be bluewin.ch`.split(
    /\s+/,
  ),
)

/** Requests of one day, and requests that wait, from which on they are many. */
const manyInADay = 5
const manyWaiting = 8

export const domainOf = (address: string): string =>
  address
    .slice(address.lastIndexOf('@') + 1)
    .trim()
    .toLowerCase()

/** A subdomain of a known domain is known. */
export function isKnownDomain(domain: string, known: readonly string[]): boolean {
  return known.some((one) => {
    const lower = one.trim().toLowerCase()
    return lower !== '' && (domain === lower || domain.endsWith(`.${lower}`))
  })
}

/** @param others every request of the case, this one too */
export function findSignals(
  request: Asked,
  { knownDomains, others }: { knownDomains: readonly string[]; others: readonly Asked[] },
): Signals {
  const domain = domainOf(request.address)
  const shown = domainToUnicode(domain) || domain
  const known = isKnownDomain(domain, knownDomains)
  const resembles = known ? undefined : findResembled(shown, knownDomains)
  const rest = others.filter(({ id }) => id !== request.id)
  const found: Record<SignalCode, boolean> = {
    lookalike_domain: resembles !== undefined,
    mixed_scripts: hasMixedScripts(`${request.name ?? ''} ${request.address} ${shown}`),
    free_mail: freeDomains.has(domain),
    foreign_domain: !known && knownDomains.length > 0 && !freeDomains.has(domain),
    no_known_domains: knownDomains.length === 0,
    // oxlint-disable-next-line no-control-regex -- everything that is not ASCII
    international_domain: /[^\u0000-\u007f]/.test(shown),
    holder_does_not_know: request.holderKnows === false,
    refused_before: rest.some(
      (other) =>
        other.state === 'refused' &&
        other.createdAt < request.createdAt &&
        other.address.toLowerCase() === request.address.toLowerCase(),
    ),
    other_logins: request.networkElsewhere > 0,
    same_network: request.network !== null && rest.some(({ network }) => network === request.network),
    many_requests:
      rest.filter(({ createdAt }) => Math.abs(createdAt.getTime() - request.createdAt.getTime()) < 86_400_000)
        .length +
        1 >=
        manyInADay ||
      others.filter(({ state }) => state === 'proved' || state === 'granting').length >= manyWaiting,
    asked_at_night: isNight(request.createdAt),
    name_unknown: request.name === null,
    phone_unverified: request.phone !== null,
  }
  return {
    codes: signalCodes.filter((code) => found[code]),
    ...(resembles !== undefined && { resembles }),
  }
}

const parisHour = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Paris',
  hour: '2-digit',
  hourCycle: 'h23',
})
function isNight(at: Date): boolean {
  const hour = Number(parisHour.format(at))
  return hour >= 22 || hour < 6
}

// ── domains that are written like another ──────────────────────────────────────────────────────────────────────────

/** Letters of other alphabets, and digits, that are read as a Latin letter. */
const confusables: Record<string, string> = Object.fromEntries(
  Object.entries({
    a: 'аɑα',
    b: 'ЬЪвβ6',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еєε',
    g: 'ɡց9',
    h: 'һн',
    i: 'іıìíîïι1l|',
    j: 'јϳ',
    k: 'кκ',
    m: 'м',
    n: 'пո',
    o: 'оοσ0օ',
    p: 'рρ',
    q: 'ԛ',
    r: 'г',
    s: 'ѕ5',
    t: 'тτ',
    u: 'υսц',
    v: 'ѵν',
    w: 'ԝωш',
    x: 'хχ',
    y: 'уүγ',
    z: 'ᴢ2',
  }).flatMap(([latin, likes]) => Array.from(likes).map((like) => [like, latin])),
)

/** What an eye takes it for: accents, alphabets and look-alike pairs are gone. */
export function skeleton(domain: string): string {
  const plain = domain
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
  const letters = Array.from(plain).map((letter) => confusables[letter] ?? letter)
  return letters
    .join('')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('cl', 'd')
    .replaceAll('ci', 'd')
}

function findResembled(domain: string, known: readonly string[]): string | undefined {
  return known.find((one) => {
    const lower = one.trim().toLowerCase()
    return lower !== '' && lower !== domain && isLike(domain, domainToUnicode(lower) || lower)
  })
}

function isLike(domain: string, known: string): boolean {
  const [mine, theirs] = [skeleton(domain), skeleton(known)]
  if (mine === theirs) return true
  const [label, theirLabel] = [registered(mine), registered(theirs)]
  // Short names are near to everything.
  if (theirLabel.length < 4) return false
  if (label === theirLabel) return true
  if (theirLabel.length >= 5 && isOneSlipAway(label, theirLabel)) return true
  return label.split('-').includes(theirLabel) || label.replaceAll('-', '') === theirLabel.replaceAll('-', '')
}

/** The part of a domain that somebody chose: `client` of `mail.client.fr` and of `client.co.uk`. */
function registered(domain: string): string {
  const labels = domain.split('.')
  const suffix = /^(co|com|gouv|asso|org|net)$/.test(labels.at(-2) ?? '') && labels.length > 2 ? 3 : 2
  return labels.at(-suffix) ?? labels[0] ?? ''
}

const from = (text: string, start: number) => text.slice(start)
/** One letter more, less or other, or two of them exchanged. */
export function isOneSlipAway(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  return (
    from(a, start + 1) === from(b, start + 1) ||
    from(a, start + 1) === from(b, start) ||
    from(a, start) === from(b, start + 1) ||
    (a[start] === b[start + 1] && a[start + 1] === b[start] && from(a, start + 2) === from(b, start + 2))
  )
}

const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u]
/** Within one word: a name in two alphabets, one after the other, is a name. */
function hasMixedScripts(text: string): boolean {
  return text
    .split(/[^\p{L}\p{M}]+/u)
    .some((word) => scripts.filter((script) => script.test(word)).length > 1)
}
