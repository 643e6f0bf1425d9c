/**
 * What every legacy directory must do, whatever it asks: run it on each implementation of the port.
 *
 * `open` gives a directory that serves the sample Cofacering (dev/cofacering), and ways to make it fail. A test
 * that belongs to one implementation only is in that implementation's own file.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleLogins } from '../../../dev/cofacering/generate.ts'
import type { LegacyAnswer, LegacyDirectory } from '../../../provider/legacy/directory.ts'
import { UpstreamError } from '../../../core/errors.ts'

export type DirectoryUnderTest = {
  directory: LegacyDirectory
  /** One whose server refuses connections. */
  unreachable: LegacyDirectory
  /** One whose server takes the connection and never answers; it must give up within 5 s. */
  hanging: LegacyDirectory
  /** The lines that all of them logged so far. */
  logged: () => string
  close: () => Promise<void>
}

const byNote = (note: string) => {
  const found = sampleLogins.find((sample) => sample.note.en.includes(note))
  if (!found) throw new Error(`no sample login is noted as ${note}`)
  return found
}
const plain = byNote('one person')
const recent = byNote('Argon2id')
const shared = byNote('shared')
const old = byNote('not used since')
const disabled = byNote('disabled')

const keyOf = (answer: LegacyAnswer) => (answer.status === 'ok' ? answer.account.account : undefined)

/** Texts that people or attackers send in place of a login. */
const hostileTexts: Record<string, string> = {
  empty: '',
  blank: ' \t\u00a0\u200b',
  'a NUL byte': `${plain.login}\0`,
  'a NUL byte in front': `\0${plain.login}`,
  'ten thousand characters': 'a'.repeat(10_000),
  'a million characters': 'é'.repeat(1_000_000),
  'characters that grow when normalised': '\ufdfa'.repeat(200),
  'SQL quotes': `' OR '1'='1`,
  'SQL comment': `${plain.login}'--`,
  'SQL in dollars': `$$; DROP TABLE login; $$`,
  'a LIKE pattern': '%',
  'an LDAP filter': `*)(uid=*))(|(uid=*`,
  'a path': '../../login',
  'a line break': `${plain.login}\r\nX: 1`,
  'a right-to-left mark inside': `trans\u202eports.lefevre`,
  'a zero-width space inside': `transports\u200b.lefevre`,
  emoji: '🚚🚚🚚',
  'half a surrogate pair': 'a\ud83d',
  'combining marks': `a${'\u0301'.repeat(100)}`,
  'an e-mail address': 'camille@lefevre.example',
  'a Cyrillic look-alike': 'trаnsports.lefevre',
}

export function describeLegacyDirectory(name: string, open: () => Promise<DirectoryUnderTest>): void {
  describe(`${name} as a legacy directory`, () => {
    let subject: DirectoryUnderTest
    beforeAll(async () => {
      subject = await open()
    })
    afterAll(async () => {
      await subject.close()
    })
    const verify = (login: string, password: string, signal?: AbortSignal) =>
      subject.directory.verify(login, password, signal)
    const refused = { status: 'refused' }

    it('knows a login with its password, and says whose it is', async () => {
      const answer = await verify(plain.login, plain.password)
      expect(answer).toEqual({
        status: 'ok',
        account: {
          account: expect.stringMatching(/./),
          login: plain.login,
          company: plain.company,
          contract: expect.stringMatching(/^CF-\d+$/),
          shared: false,
          // A directory may tell none.
          knownDomains: expect.any(Array),
        },
      })
    })

    it.each([recent, old])('knows $login ($note.en)', async ({ login, password, company }) => {
      expect(await verify(login, password)).toMatchObject({ status: 'ok', account: { login, company } })
    })

    it('says when a login is shared', async () => {
      expect(await verify(shared.login, shared.password)).toMatchObject({
        status: 'ok',
        account: { shared: true },
      })
    })

    it('gives one key for one login, every time, and another key for another', async () => {
      const first = keyOf(await verify(plain.login, plain.password))
      expect(first).toBeDefined()
      expect(keyOf(await verify(plain.login.toUpperCase(), plain.password))).toBe(first)
      expect(keyOf(await verify(recent.login, recent.password))).not.toBe(first)
    })

    it.each([
      ['capitals', plain.login.toUpperCase()],
      ['spaces around', `  ${plain.login}\t`],
      ['a mark pasted at the end', `\u202a${plain.login}\u200e`],
      ['full-width letters', 'ｔｒａｎｓｐｏｒｔｓ．ｌｅｆｅｖｒｅ'],
    ])('forgives %s in the login, and answers with its own spelling', async (_what, typed) => {
      expect(await verify(typed, plain.password)).toMatchObject({
        status: 'ok',
        account: { login: plain.login },
      })
    })

    it.each([
      ['of another login', recent.password],
      ['in other capitals', plain.password.toUpperCase()],
      ['with a space after it', `${plain.password} `],
      ['that is empty', ''],
      ['cut short', plain.password.slice(0, -1)],
      ['followed by a NUL byte', `${plain.password}\0`],
      ['followed by a NUL byte and more', `${plain.password}\0x`],
      ['of a million characters', plain.password.repeat(70_000)],
      ['with half a surrogate pair', `${plain.password}\ud83d`],
    ])('refuses a password %s', async (_what, password) => {
      expect(await verify(plain.login, password)).toEqual(refused)
    })

    it('refuses a disabled login as it refuses an unknown one', async () => {
      expect(await verify(disabled.login, disabled.password)).toEqual(refused)
      expect(await verify(disabled.login, 'wrong')).toEqual(refused)
      expect(await verify('nobody.at.all', 'wrong')).toEqual(refused)
    })

    it.each(Object.entries(hostileTexts))('refuses %s as a login', async (_what, text) => {
      expect(await verify(text, plain.password)).toEqual(refused)
    })

    it.each(Object.entries(hostileTexts))('refuses %s as a password', async (_what, text) => {
      expect(await verify(plain.login, text)).toEqual(refused)
    })

    it('answers many questions at once, each with its own answer', async () => {
      const questions = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? plain.password : `wrong ${n}`))
      const answers = await Promise.all(questions.map((password) => verify(plain.login, password)))
      expect(answers.map(({ status }) => status)).toEqual(
        questions.map((password) => (password === plain.password ? 'ok' : 'refused')),
      )
    })

    it('stops when it is told to', async () => {
      const reason = new Error('the person left')
      await expect(verify(plain.login, plain.password, AbortSignal.abort(reason))).rejects.toBe(reason)
      const controller = new AbortController()
      const hanging = subject.hanging.verify(plain.login, plain.password, controller.signal)
      controller.abort(reason)
      await expect(hanging).rejects.toBe(reason)
    })

    it.each(['unreachable', 'hanging'] as const)(
      'says that it could not ask, and refuses nobody, when its server is %s',
      async (state) => {
        const started = performance.now()
        const error: unknown = await subject[state]
          .verify(plain.login, plain.password)
          .catch((e: unknown) => e)
        expect(error).toBeInstanceOf(UpstreamError)
        expect(error).toMatchObject({ service: 'legacy', disposition: 'retry' })
        expect(performance.now() - started).toBeLessThan(5000)
      },
    )

    it('logs no login, company or password', async () => {
      await verify(plain.login, 'wrong-password-in-log')
      await subject.unreachable.verify(plain.login, plain.password).catch(() => undefined)
      const everything = subject.logged()
      for (const { login, password, company } of sampleLogins)
        for (const secret of [login, password, company]) expect(everything).not.toContain(secret)
      expect(everything).not.toContain('wrong-password-in-log')
    })
  })
}
