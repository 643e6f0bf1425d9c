/** The notice to the old address, after a change through Keycloak's own page and mail. */
import { createHash, randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { UpstreamError } from '../../../core/errors.ts'
import { tellAddressChanges } from '../../../admin-sync/accounts/address-change.ts'
import { Web } from '../realm/web.ts'
import { createBench, findActionLink, password, providerUrl } from './bench.ts'

const bench = await createBench()
const { inbox, pool, admin, dependencies } = bench
const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')
const subject = { fr: /adresse e-mail de votre accès/, en: /address of your Ellipro account/ }

/** One run of the cron job; `killedAt`: it dies before that step. */
const run = async (killedAt?: string) =>
  (
    await tellAddressChanges({
      ...dependencies,
      holdAddress: (key, work) =>
        dependencies.locks.hold(key, () =>
          work(async (step) => {
            if (step === killedAt) throw new Error('killed')
          }),
        ),
    })
  ).outcomes
const notices = (to: string) =>
  inbox.mails.filter(
    (mail) => mail.to.includes(to) && Object.values(subject).some((s) => s.test(mail.subject)),
  )
const ledger = async (to: string) =>
  (
    await pool.query<{ kind: string; activation_id: string | null }>(
      'SELECT kind, activation_id FROM ellipro.mail WHERE address_key = $1',
      [to],
    )
  ).rows

async function person(locale = 'fr'): Promise<{ address: string; user: string }> {
  const address = bench.nextAddress()
  const user = await admin.createUser({
    username: address,
    email: address,
    enabled: true,
    emailVerified: true,
    attributes: { locale: [locale] },
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
  return { address, user }
}

/** As its owner does it: sign in, the form, and the link in the mail to the new address. */
async function change(address: string, next: string): Promise<void> {
  const web = new Web()
  const callback = `${providerUrl}/callback`
  const authorize = new URLSearchParams({
    client_id: 'portal',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    kc_action: 'UPDATE_EMAIL',
  })
  const login = await web.follow(
    await web.open(`${bench.issuer}/protocol/openid-connect/auth?${String(authorize)}`),
    callback,
  )
  const form = await web.follow(await web.submit(login, { username: address, password }), callback)
  await web.follow(await web.submit(form, { email: next }), callback)
  // A scanner: no cookie, one GET.
  await new Web().open(findActionLink(await inbox.waitForMail(next)))
}

beforeEach(() => {
  inbox.clear()
  inbox.refuse(false)
  bench.gate.set('open')
  bench.lines.length = 0
})

test('the old address gets one mail about a change, however often the job runs', async () => {
  const { address, user } = await person()
  const next = `new-${address}`
  await change(address, next)
  expect(await admin.getUser(user)).toMatchObject({ email: next })
  expect(await run()).toEqual({ told: 1 })
  const [mail] = notices(address)
  expect(mail?.subject).toMatch(subject.fr)
  expect(mail?.text).toContain('n•••••@client.example')
  expect(mail?.text).toContain(bench.environment['DESK_EMAIL'])
  expect(mail?.text).not.toContain(next)
  expect(await ledger(address)).toEqual([{ kind: 'address-changed', activation_id: null }])
  expect(await run()).toEqual({})
  expect(notices(address)).toHaveLength(1)
  expect(notices(next)).toEqual([])
  const lines = bench.lines.join('')
  expect(lines).toContain('"outcome":"told"')
  for (const secret of [address, next]) expect(lines).not.toContain(secret)
})

test('an English person is told in English; an address that came back before the job ran, nothing', async () => {
  const [english, back] = [await person('en'), await person()]
  await change(english.address, `new-${english.address}`)
  await change(back.address, `new-${back.address}`)
  await admin.updateUserMerged(back.user, { email: back.address, username: back.address })
  expect(await run()).toEqual({ told: 1, address_is_back: 1 })
  expect(notices(english.address).map((mail) => mail.subject)).toEqual([
    expect.stringMatching(subject.en) as string,
  ])
  expect(notices(back.address)).toEqual([])
})

test('a job that is killed tells it again once at most', async () => {
  const { address } = await person()
  await change(address, `new-${address}`)
  await expect(run('send')).rejects.toThrow('killed')
  expect(notices(address)).toHaveLength(0)
  await expect(run('record')).rejects.toThrow('killed')
  expect(await run()).toEqual({ told_perhaps: 1 })
  expect(await run()).toEqual({})
  expect(notices(address)).toHaveLength(1)

  const other = await person()
  await change(other.address, `new-${other.address}`)
  await expect(run('record')).rejects.toThrow('killed')
  expect(await run()).toEqual({ told: 1 })
  expect(await run()).toEqual({})
  const sent = notices(other.address)
  expect(sent).toHaveLength(2)
  expect(new Set(sent.map((mail) => mail.headers['message-id'])).size).toBe(1)
})

test('a mail server that says "later", a budget that is used up and a Keycloak that is away delay the mail', async () => {
  const { address } = await person()
  await change(address, `new-${address}`)
  bench.gate.set('unavailable')
  await expect(run()).rejects.toBeInstanceOf(UpstreamError)
  bench.gate.set('open')
  inbox.refuse(true)
  for (let i = 0; i < 4; i++) expect(await run()).toEqual({ later: 1 })
  inbox.refuse(false)
  await pool.query(
    `INSERT INTO ellipro.mail (kind, address_key) SELECT 'other', $1 FROM generate_series(1, 3)`,
    [address],
  )
  expect(await run()).toEqual({ later: 1 })
  // Those who come later do not wait for it, and are told once.
  const other = await person()
  await change(other.address, `new-${other.address}`)
  expect(await run()).toEqual({ later: 1, told: 1 })
  expect(await run()).toEqual({ later: 1 })
  expect(notices(address)).toEqual([])
  await pool.query(`DELETE FROM ellipro.mail WHERE kind = 'other'`)
  expect(await run()).toEqual({ told: 1 })
  expect(notices(address)).toHaveLength(1)
  expect(notices(other.address)).toHaveLength(1)
})

test('a person who came from Cofacering has the mail in the history of their activation', async () => {
  const started = await bench.confirmed()
  await bench.runWell('open-account', started.id)
  await change(started.address, `new-${started.address}`)
  expect(await run()).toEqual({ told: 1 })
  expect(await ledger(started.address)).toContainEqual({ kind: 'address-changed', activation_id: started.id })
})

test('what lies a day behind the cursor is forgotten, and the cursor never goes back', async () => {
  const cursor = await dependencies.addressChanges.readCursor()
  await dependencies.addressChanges.recordOutcome('long-ago', new Date(cursor.getTime() - 90_000_000), 'told')
  await dependencies.addressChanges.recordOutcome('lately', new Date(cursor.getTime() - 80_000_000), 'told')
  await dependencies.addressChanges.moveCursor(new Date(0))
  expect(await dependencies.addressChanges.readCursor()).toEqual(cursor)
  expect(await dependencies.addressChanges.isHandled('long-ago')).toBe(false)
  expect(await dependencies.addressChanges.isHandled('lately')).toBe(true)
})
