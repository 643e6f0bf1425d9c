/** Cookies, networks, sealing and the choice of an error's page. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ConfigError, ScreenError, UpstreamError } from '../../../core/errors.ts'
import { readProviderConfig } from '../../../provider/config.ts'
import { classifyError } from '../../../provider/error-handler.ts'
import { createSeal } from '../../../provider/seal.ts'
import { readCookie } from '../../../provider/web/cookies.ts'
import { networkOf } from '../../../provider/web/network.ts'

describe('a cookie', () => {
  it.each([
    ['a=1', 'a', '1'],
    ['b=2; a=1', 'a', '1'],
    ['aa=1', 'a', undefined],
    ['a=', 'a', undefined],
    [undefined, 'a', undefined],
    ['a=1=2', 'a', '1=2'],
  ])('of %j named %s is %j', (header, name, value) => {
    expect(readCookie(header, name)).toBe(value)
  })

  it.each(['\u00a0', '\u00c2\u00a0', '\u00c2\u0085', '\u00e2\u0080\u0080', '\u000b', '\ufeff', 'x,', '"'])(
    'whose name only begins with %j is not ours: a sibling host may set it for the whole domain',
    (before) => {
      expect(readCookie(`z=1; ${before}__Host-a=planted`, '__Host-a')).toBeUndefined()
      expect(readCookie(`__Host-a=ours; ${before}__Host-a=planted`, '__Host-a')).toBe('ours')
    },
  )

  it('that was planted beside ours is not believed, and neither is ours', () => {
    expect(readCookie('a=ours; a=planted', 'a')).toBeUndefined()
  })
})

describe('the network of an address', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001::9', '2001:db8:1:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['nonsense', 'unknown'],
    [undefined, 'unknown'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('what was sealed', () => {
  const secret = randomBytes(32)
  const content = Buffer.from('content')

  it('opens with the same secret, purpose and binding, and with nothing else', () => {
    const sealed = createSeal(secret, 'one').close(content, 'here')
    expect(createSeal(secret, 'one').open(sealed, 'here')).toEqual(content)
    expect(createSeal(secret, 'one').open(sealed, 'there')).toBeUndefined()
    expect(createSeal(secret, 'two').open(sealed, 'here')).toBeUndefined()
    expect(createSeal(randomBytes(32), 'one').open(sealed, 'here')).toBeUndefined()
    for (let i = 0; i < sealed.length; i++) {
      const altered = Buffer.from(sealed)
      altered[i]! ^= 1
      expect(createSeal(secret, 'one').open(altered, 'here')).toBeUndefined()
    }
    expect(createSeal(secret, 'one').open(Buffer.alloc(0), 'here')).toBeUndefined()
  })
})

describe('an error', () => {
  it.each([
    [new ScreenError('sent.gone', 410), { messageKey: 'sent.gone', status: 410 }],
    [new UpstreamError('legacy', 0, 'retry', 'connect'), { messageKey: 'error.unavailable', status: 503 }],
    [new UpstreamError('legacy', 403, 'fail', 'refused'), undefined],
    [new UpstreamError('hashing', 0, 'retry', 'busy'), { messageKey: 'error.busy', status: 503 }],
    [new Error('Query read timeout'), { messageKey: 'error.unavailable', status: 503 }],
    [
      Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      { messageKey: 'error.unavailable', status: 503 },
    ],
    [new Error('timeout exceeded when trying to connect'), { messageKey: 'error.unavailable', status: 503 }],
    [
      Object.assign(new Error('too large'), { status: 413 }),
      { messageKey: 'error.bad_request', status: 413 },
    ],
    [Object.assign(new Error('x'), { status: 500 }), undefined],
    [new TypeError('a bug'), undefined],
    ['not even an error', undefined],
  ])('%s has the page %j', (error, page) => {
    expect(classifyError(error)).toEqual(page)
  })

  it.each([
    ['57P01', 503],
    ['57014', 503],
    ['53300', 503],
    ['08006', 503],
    ['40P01', 503],
    ['25006', 503],
    ['53100', 503],
    ['58030', 503],
    ['55P03', 503],
    ['EHOSTUNREACH', 503],
    ['23505', undefined],
    ['42501', undefined],
  ])('%s of PostgreSQL has status %j', (code, status) => {
    expect(classifyError(Object.assign(new Error('x'), { code }))?.status).toBe(status)
  })
})

describe('the configuration', () => {
  it('names everything that is missing at once, and shows no secret', () => {
    const secret = 'not-a-key'
    const read = () =>
      readProviderConfig({
        PROVIDER_COOKIE_KEY: secret,
        TRUST_PROXY: 'true',
        PROVIDER_URL: 'https://a.example/path',
      })
    expect(read).toThrow(ConfigError)
    let problems: readonly string[] = []
    try {
      read()
    } catch (error) {
      problems = (error as ConfigError).problems
    }
    const names = problems.map((problem) => /^[A-Z_]+/.exec(problem)?.[0])
    expect(names).toEqual(
      expect.arrayContaining([
        'PROVIDER_URL',
        'TRUST_PROXY',
        'PROVIDER_COOKIE_KEY',
        'PROVIDER_SEALING_KEY',
        'PORTAL_URL',
        'DESK_EMAIL',
      ]),
    )
    expect(problems.join()).not.toContain(secret)
  })
})
