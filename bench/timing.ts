/**
 * Part `timing`: can the time of an answer tell whether a login exists, or an address has an account? Requests of the
 * kinds to be told apart are sent in random order, several at once, each by a browser and a network of its own; the area
 * under the ROC curve of the two sets of times says how well they can be told apart (0.5: not at all). A figure, and no
 * test.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { PartResult } from './parts.ts'
import { insertLogins, insertOpened, password } from './people.ts'
import { scaled } from './scale.ts'
import type { Stage } from './stage.ts'
import { areaUnderCurve, median, quantile, round, type Cell } from './statistics.ts'
import { Browser, inParallel, keepConnections } from './web.ts'

const samples = scaled(1000)
const atOnce = 12
const addressSamples = scaled(200)
/** Shapes that a directory may hold, of parameters in use; no password is known for them. */
const hashes = {
  bcrypt: `$2b$10$${'.'.repeat(53)}`,
  argon2id: `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
}

type Kinds<K extends string> = Record<K, number[]>

export async function benchTiming(stage: Stage): Promise<PartResult> {
  await stage.database.query(`UPDATE ellipro.setting SET value = 1000000 WHERE name = 'activations_per_hour'`)
  // Each attempt comes from a network of its own, or the limits would answer.
  const provider = await stage.start('provider', { TRUST_PROXY: 'loopback' })
  try {
    const signIns = await measureSignIns(stage, provider.url)
    const addresses = await measureAddresses(stage, provider.url)
    return {
      results: [],
      tables: {
        timing: {
          columns: ['a against b', 'each', 'a: median ms', 'b: median ms', 'a: 90 %', 'b: 90 %', 'area'],
          rows: [
            row('unknown login against wrong password, bcrypt', signIns.unknown, signIns.bcrypt),
            row('unknown login against wrong password, Argon2id', signIns.unknown, signIns.argon2id),
            row('wrong password, bcrypt against Argon2id', signIns.bcrypt, signIns.argon2id),
            row('address with an account against without', addresses.taken, addresses.free),
          ],
        },
      },
    }
  } finally {
    await provider.stop()
  }
}

function row(text: string, a: number[], b: number[]): Cell[] {
  return [
    text,
    a.length,
    round(median(a)),
    round(median(b)),
    round(quantile(a, 0.9)),
    round(quantile(b, 0.9)),
    areaUnderCurve(a, b).toFixed(3),
  ]
}

async function measureSignIns(stage: Stage, url: string): Promise<Kinds<'unknown' | 'bcrypt' | 'argon2id'>> {
  const existing = {
    bcrypt: await insertLogins(stage.cofacering, samples, [hashes.bcrypt]),
    argon2id: await insertLogins(stage.cofacering, samples, [hashes.argon2id]),
  }
  const attempts = shuffle([
    ...Array.from({ length: samples }, () => ({
      kind: 'unknown' as const,
      login: `banc.inconnu.${randomBytes(4).toString('hex')}`,
    })),
    ...existing.bcrypt.map(({ login }) => ({ kind: 'bcrypt' as const, login })),
    ...existing.argon2id.map(({ login }) => ({ kind: 'argon2id' as const, login })),
  ])
  const agents = Array.from({ length: atOnce }, keepConnections)
  const times: Kinds<'unknown' | 'bcrypt' | 'argon2id'> = { unknown: [], bcrypt: [], argon2id: [] }
  // The first ones teach provider the shapes of the hashes, and warm it up.
  const first = 60
  await inParallel(attempts.length, atOnce, async (i, lane) => {
    const { kind, login } = attempts[i]!
    const browser = new Browser(agents[lane]!, fromAnywhere())
    const page = await browser.open(`${url}/`)
    const startedAt = performance.now()
    const answer = await browser.submit(page, { login, password: 'faux' })
    if (i >= first) times[kind].push(performance.now() - startedAt)
    if (answer.status !== 303) throw new Error(`Not refused: ${answer.status}`)
  })
  agents.forEach((agent) => agent.destroy())
  return times
}

async function measureAddresses(stage: Stage, url: string): Promise<Kinds<'taken' | 'free'>> {
  const opened = await insertOpened(stage.database, addressSamples)
  const logins = await insertLogins(stage.cofacering, 2 * addressSamples, [hashes.argon2id])
  const asked = shuffle([
    ...opened.map(({ address }) => ({ kind: 'taken' as const, address })),
    ...opened.map(() => ({
      kind: 'free' as const,
      address: `${randomBytes(8).toString('hex')}@bench.example`,
    })),
  ])
  const agent = keepConnections()
  const times: Kinds<'taken' | 'free'> = { taken: [], free: [] }
  for (const [i, { kind, address }] of asked.entries()) {
    const browser = new Browser(agent, fromAnywhere())
    const { account, login } = logins[i]!
    const cookie = randomBytes(32)
    await stage.database.query(
      `INSERT INTO provider.legacy_sign_in (cookie_hash, account, login, company, contract, shared, expires_at)
       VALUES ($1, $2, $3, 'Banc d’essai', 'BENCH', false, now() + interval '10 minutes')`,
      [createHash('sha256').update(cookie).digest(), account, login],
    )
    browser.give(url, 'sign_in', cookie.toString('base64url'))
    const page = await browser.open(`${url}/redirection`)
    const startedAt = performance.now()
    const answer = await browser.submit(page, { email: address, password, shared: 'no' })
    if (i >= 20) times[kind].push(performance.now() - startedAt)
    if (!/\/activation\/[\w-]+$/.test(answer.location ?? ''))
      throw new Error(`No activation: ${answer.status} ${answer.location}`)
  }
  agent.destroy()
  return times
}

function fromAnywhere(): Record<string, string> {
  return { 'x-forwarded-for': `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}` }
}

function shuffle<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[list[i], list[j]] = [list[j]!, list[i]!]
  }
  return list
}
