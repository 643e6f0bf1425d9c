import { describe, expect, it } from 'vitest'
import {
  dummyHash,
  formatName,
  parseHash,
  usualShapes,
  verifyPassword,
} from '../../../provider/legacy/password-hash.ts'

async function check(text: string, password: string): Promise<boolean | undefined> {
  const parsed = parseHash(text)
  return parsed && verifyPassword(password, parsed.hash)
}

describe('a stored password hash', () => {
  // crypt_blowfish's own test vectors, and the one of the Argon2 reference implementation.
  it.each([
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    ['$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    ['$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    ['$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a', 'U*U*U'],
    ['$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'password'],
  ])('%s is checked', async (text, password) => {
    expect(await check(text, password)).toBe(true)
    expect(await check(text, `${password}x`)).toBe(false)
    expect(await check(text, '')).toBe(false)
  })

  const bcryptRest = 'CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  const argonRest = `c29tc2FsdHNvbWVzYWx0$${'A'.repeat(43)}`
  it.each([
    ['', 'empty'],
    ['secret', 'plain text'],
    [`$2x$05$${bcryptRest}`, 'of a broken bcrypt'],
    [`$2b$03$${bcryptRest}`, 'of a cost too low'],
    [`$2b$15$${bcryptRest}`, 'of a cost that would take seconds'],
    [`$2b$31$${bcryptRest}`, 'of a cost that would take days'],
    [`$2b$05$${bcryptRest.slice(1)}`, 'cut short'],
    [`$2b$05$${bcryptRest}x`, 'too long'],
    [`$2b$05$${bcryptRest}\n`, 'with a line end'],
    [`$argon2i$v=19$m=4096,t=3,p=1$${argonRest}`, 'Argon2i'],
    [`$argon2d$v=19$m=4096,t=3,p=1$${argonRest}`, 'Argon2d'],
    [`$argon2id$v=16$m=4096,t=3,p=1$${argonRest}`, 'of an old Argon2'],
    [`$argon2id$v=19$m=262145,t=3,p=1$${argonRest}`, 'that would take too much memory'],
    [`$argon2id$v=19$m=4096,t=13,p=1$${argonRest}`, 'that would take too many passes'],
    [`$argon2id$v=19$m=4096,t=0,p=1$${argonRest}`, 'without a pass'],
    [`$argon2id$v=19$m=4096,t=3,p=9$${argonRest}`, 'with too many lanes'],
    [`$argon2id$v=19$m=8,t=3,p=4$${argonRest}`, 'with less memory than its lanes need'],
    [`$argon2id$v=19$m=4096,t=3,p=1$c29t$${'A'.repeat(43)}`, 'with a short salt'],
    [`$argon2id$v=19$m=4096,t=3,p=1$c29tc2FsdHNvbWVzYWx0$AAAA`, 'with a tag short enough to guess'],
    ['$6$rounds=5000$salt$hash', 'SHA-crypt'],
  ])('%s (%s) is not accepted', (text) => {
    expect(parseHash(text)).toBeUndefined()
  })

  it('at the limits is accepted', () => {
    expect(parseHash(`$2b$14$${bcryptRest}`)?.shape).toBe('$2b$14$')
    expect(parseHash(`$argon2id$v=19$m=262144,t=12,p=8$${argonRest}`)?.shape).toBe(
      '$argon2id$v=19$m=262144,t=12,p=8$',
    )
  })

  it('gives its shape to a dummy that no password opens', async () => {
    for (const shape of [...usualShapes, '$2y$05$', '$argon2id$v=19$m=64,t=1,p=1$']) {
      const dummy = dummyHash(shape)
      for (const password of ['', 'x', 'password']) expect(await verifyPassword(password, dummy)).toBe(false)
    }
  })

  it('names its format without giving a part of itself away', () => {
    expect(formatName('$2b$10$CCCCCCCC')).toBe('$2b$')
    expect(formatName('$argon2id$v=19$m=1')).toBe('$argon2id$')
    expect(formatName('{SSHA}c2VjcmV0')).toBe('{SSHA}')
    expect(formatName('secret')).toBe('none')
    expect(formatName('$secretpassword')).toBe('none')
  })
})
