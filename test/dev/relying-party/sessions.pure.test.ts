import { describe, expect, it } from 'vitest'
import { createSessions } from '../../../dev/relying-party/sessions.ts'

const account = (sub: string, sid: string) => ({
  idToken: 'opaque',
  claims: { iss: 'https://issuer.example', aud: 'portal', iat: 0, exp: 0, sub, sid },
})
const attempt = {
  nonce: 'n',
  codeVerifier: 'v',
  silent: false,
  fromCofacering: false,
  loginHint: undefined,
  restarted: false,
}

describe('sessions', () => {
  it('do not begin for a Keycloak session that a logout token has already ended', () => {
    const sessions = createSessions()
    expect(sessions.endFromLogoutToken({ sub: 'a', sid: 's1' })).toBe(0)
    expect(sessions.signIn(sessions.create(), account('a', 's1'))).toBeUndefined()
    expect(sessions.signIn(sessions.create(), account('a', 's2'))?.account?.claims.sub).toBe('a')
  })

  it('are not ended by a logout token whose sub and sid belong to two people', () => {
    const sessions = createSessions()
    const session = sessions.signIn(sessions.create(), account('a', 's1'))
    expect(sessions.endFromLogoutToken({ sub: 'b', sid: 's1' })).toBe(0)
    expect(sessions.find(session?.id)).toBeDefined()
  })

  it('end after eight hours', () => {
    let now = 0
    const sessions = createSessions(() => now)
    const { id } = sessions.create()
    now = 8 * 3_600_000 - 1
    expect(sessions.find(id)).toBeDefined()
    now += 1
    expect(sessions.find(id)).toBeUndefined()
  })

  it('keep the newest attempts and the newest sessions when somebody starts thousands', () => {
    const sessions = createSessions()
    const first = sessions.create()
    for (let n = 1; n <= 50; n++) sessions.addAttempt(first, `state-${n}`, attempt)
    expect(first.attempts.size).toBe(10)
    expect(first.attempts.has('state-50')).toBe(true)
    for (let n = 1; n <= 10_000; n++) sessions.create()
    expect(sessions.find(first.id)).toBeUndefined()
  })
})
