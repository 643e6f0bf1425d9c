/**
 * Part `opening`: from the confirmation posted to the account opened, against the bare sequence of the same Admin REST
 * calls on the same Keycloak, in turn, one at a time. Then several in flight, for the number a minute; then a few with a
 * line for each step (timed-admin-sync.ts), which also proves that the bare sequence is the real one.
 */
import { readFileSync } from 'node:fs'
import type { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { operatorClient, readerClient } from '../admin-sync/realm/permissions.ts'
import { hashForKeycloak } from '../provider/activation/credential.ts'
import type { PartResult } from './parts.ts'
import { createConfirmable, password, type Confirmable } from './people.ts'
import { measureCpu } from './processes.ts'
import { scaled } from './scale.ts'
import { askAdmin, readToken, type KeycloakStage, type Stage } from './stage.ts'
import { compare, median, quantile, round, type Table } from './statistics.ts'
import { Browser, inParallel, keepConnections } from './web.ts'
import type { TimedLine } from './timed-admin-sync.ts'

const each = scaled(15)
const warmUp = scaled(25)
const inFlight = 6
const inFlightCount = scaled(90)
const timedCount = scaled(15)

/** Milliseconds from the POST to its answer, and to the account opened. */
type Opening = { answeredMs: number; openedMs: number; from: number; to: number }

/** Fetches the page that asks for the password once more, then starts the clock, posts, and waits for the opening. */
export async function openAccount(stage: Stage, agent: Agent, person: Confirmable): Promise<Opening> {
  const send = await prepare(stage, agent, person)
  const from = performance.timeOrigin + performance.now()
  const startedAt = performance.now()
  await send()
  const answeredMs = performance.now() - startedAt
  while (!(await areOpened(stage, [person]))) {
    if (performance.now() - startedAt > 30_000) throw new Error('The account does not open')
    await sleep(2)
  }
  const openedMs = performance.now() - startedAt
  return { answeredMs, openedMs, from, to: from + openedMs }
}

async function prepare(stage: Stage, agent: Agent, { id, k }: Confirmable): Promise<() => Promise<void>> {
  const browser = new Browser(agent)
  browser.give(stage.providerUrl, `act_${id}`, k)
  const page = await browser.open(`${stage.providerUrl}/activation/${id}/confirm`)
  return async () => {
    const answer = await browser.submit(page, { password })
    if (!answer.location?.endsWith('/opening'))
      throw new Error(`Not confirmed: ${answer.status} ${answer.location}`)
  }
}

async function areOpened(stage: Stage, people: readonly Confirmable[]): Promise<boolean> {
  const { rows } = await stage.database.query<{ opened: number }>(
    `SELECT count(*)::integer AS opened FROM ellipro.activation WHERE id = ANY ($1) AND state = 'opened'`,
    [people.map(({ id }) => id)],
  )
  return rows[0]?.opened === people.length
}

/** One look for all who wait, because looking costs PostgreSQL something too. */
async function wakeOpened(stage: Stage, waiting: Map<string, () => void>): Promise<void> {
  const { rows } = await stage.database.query<{ id: string }>(
    `SELECT id FROM ellipro.activation WHERE id = ANY ($1) AND state = 'opened'`,
    [[...waiting.keys()]],
  )
  for (const { id } of rows) {
    waiting.get(id)?.()
    waiting.delete(id)
  }
}

/** What open-account asks Keycloak; checked against the real job in each run. It asks the first four at once. */
const calls = [
  'GET /users/{id}',
  'GET /users',
  'GET /users/{id}/federated-identity',
  'GET /users/{id}/credentials',
  'POST /users/{id}/logout',
  'GET /users/{id}/consents',
  'GET /users/{id}',
  'PUT /users/{id}',
  'POST /users/{id}/federated-identity/cofacering',
  'GET /users/{id}',
  'PUT /users/{id}',
]

/** The same with nothing around it: one program, one token, one call after the other. @returns milliseconds */
async function openBarely(
  keycloak: KeycloakStage,
  { token, readerToken }: { token: string; readerToken: string },
  person: Confirmable,
): Promise<number> {
  const { userId, sub } = person
  const base = `${keycloak.url}/admin/realms/ellipro/users`
  const user = `${base}/${userId}`
  const read = async (url: string) => (await askAdmin(url, 'GET', token)).json() as Promise<object>
  const write = async (method: string, url: string, body?: unknown) => {
    await (await askAdmin(url, method, token, body)).arrayBuffer()
  }
  const credential = { ...(await hashForKeycloak(password)), type: 'password' }
  const startedAt = performance.now()
  await read(user)
  await (await askAdmin(`${base}?idpAlias=cofacering&idpUserId=${sub}`, 'GET', readerToken)).text()
  await read(`${user}/federated-identity`)
  await read(`${user}/credentials`)
  await write('POST', `${user}/logout`)
  await read(`${user}/consents`)
  const attributes = { cofacering_login: ['login'], company: ['Banc d’essai'], contract: ['BENCH'] }
  await write('PUT', user, {
    ...(await read(user)),
    credentials: [credential],
    attributes: { ...attributes, activation: ['pending'], activation_record: ['record'] },
  })
  await write('POST', `${user}/federated-identity/cofacering`, {
    identityProvider: 'cofacering',
    userId: sub,
    userName: sub,
  })
  await write('PUT', user, { ...(await read(user)), attributes })
  return performance.now() - startedAt
}

export async function benchOpening(stage: Stage, repetitions: number): Promise<PartResult> {
  const keycloak = await stage.keycloak()
  const provider = await stage.start('provider')
  let adminSync = await stage.start('adminSync')
  const agent = keepConnections()
  const people = async (count: number) => createConfirmable(stage, keycloak, count)
  try {
    for (const person of await people(warmUp)) await openAccount(stage, agent, person)
    const rounds: { ours: Opening[]; peer: number[] }[] = []
    for (let i = 0; i < repetitions; i++) {
      const [ours, peer] = [await people(each), await people(each)]
      // A token lives five minutes.
      const tokens = {
        token: await readToken(keycloak, operatorClient, stage.secrets.operatorClient),
        readerToken: await readToken(keycloak, readerClient, stage.secrets.readerClient),
      }
      const turns: (typeof rounds)[number] = { ours: [], peer: [] }
      for (let j = 0; j < each; j++) {
        turns.ours.push(await openAccount(stage, agent, ours[j]!))
        turns.peer.push(await openBarely(keycloak, tokens, peer[j]!))
      }
      rounds.push(turns)
    }

    const crowd = await people(inFlightCount)
    const agents = Array.from({ length: inFlight }, keepConnections)
    const sends = await inParallel(crowd.length, 2, (i, lane) => prepare(stage, agents[lane]!, crowd[i]!))
    const parts = {
      keycloak: keycloak.child,
      provider: provider.child,
      'admin-sync': adminSync.child,
      PostgreSQL: stage.postgres,
    }
    const startedAt = performance.now()
    const { cpuMs } = await measureCpu(parts, async () => {
      const waiting = new Map<string, () => void>()
      const looking = setInterval(() => void wakeOpened(stage, waiting), 25)
      await inParallel(crowd.length, inFlight, async (i) => {
        const opened = new Promise<void>((done) => waiting.set(crowd[i]!.id, done))
        await sends[i]!()
        await opened
      })
      clearInterval(looking)
    })
    const seconds = (performance.now() - startedAt) / 1000
    agents.forEach((one) => one.destroy())

    await adminSync.stop()
    adminSync = await stage.start('adminSyncTimed')
    const timed = await measureSteps(stage, agent, adminSync.child.log, await people(timedCount + 5))

    const ours = rounds.map((turns) => median(turns.ours.map(({ openedMs }) => openedMs)))
    const answered = rounds.map((turns) => median(turns.ours.map(({ answeredMs }) => answeredMs)))
    const all = rounds.flatMap((turns) => turns.ours.map(({ openedMs }) => openedMs))
    return {
      results: [
        compare(
          'opening against the bare calls',
          ours,
          rounds.map(({ peer }) => median(peer)),
          { unit: 'ms', goal: 1.5, better: 'lower' },
        ),
      ],
      tables: {
        opening: {
          columns: ['', 'ms'],
          rows: [
            ['POST answered (median)', round(median(answered))],
            ['account opened (median)', round(median(ours))],
            ['account opened (90 % within)', round(quantile(all, 0.9))],
            ['the bare calls (median)', round(median(rounds.map(({ peer }) => median(peer))))],
          ],
        },
        'opening-steps': timed,
        'opening-rate': {
          columns: ['', 'value', 'unit'],
          rows: [
            ['accounts opened', round((crowd.length * 60) / seconds), 'a minute'],
            ['in flight', inFlight, 'at once'],
            ...Object.entries(cpuMs).map(([name, ms]) => [
              `CPU of ${name}`,
              round(ms / crowd.length),
              'ms an account',
            ]),
          ],
        },
      },
    }
  } finally {
    agent.destroy()
    await Promise.all([provider.stop(), adminSync.stop()])
  }
}

/** Where the time of one opening goes, step by step. @throws Error when the job asks Keycloak something else */
async function measureSteps(
  stage: Stage,
  agent: Agent,
  log: string,
  people: readonly Confirmable[],
): Promise<Table> {
  const openings: { person: Confirmable; opening: Opening }[] = []
  for (const person of people) openings.push({ person, opening: await openAccount(stage, agent, person) })
  await sleep(200)
  const lines = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"timed"'))
    .map((line) => JSON.parse(line) as TimedLine)
  const times: Record<string, number[]> = {}
  const note = (name: string, ms: number) => void (times[name] ??= []).push(ms)
  // The first ones warm up.
  for (const { opening } of openings.slice(people.length - timedCount)) {
    const { from, to, answeredMs, openedMs } = opening
    const mine = lines
      .filter((line) => line.timed === 'call' && line.at >= from && line.at <= to)
      .flatMap((line) => (line.timed === 'call' && line.call.includes('/users') ? [line] : []))
    const asked = mine.map(({ call }) => call)
    if (asked.toSorted().join() !== calls.toSorted().join())
      throw new Error(`open-account asks something else than the bench:\n${asked.join('\n')}`)
    const first = mine[0]!.at
    const last = mine.at(-1)!.at + mine.at(-1)!.ms
    note('POST: two Argon2 hashes, limits, one call of the database', answeredMs)
    note('from there to the first call to Keycloak: outbox, job, lock, reads', first - from - answeredMs)
    // In the order of the bare sequence; the job's own order differs where it asks at once.
    const left = [...mine]
    calls.forEach((wanted, i) => {
      const [found] = left.splice(
        left.findIndex(({ call }) => call === wanted),
        1,
      )
      note(`${i + 1}. ${wanted}`, found!.ms)
    })
    note('from the first call to the last, some of them at once', last - first)
    note('from the last call to the state `opened`', to - last)
    note('all', openedMs)
  }
  return {
    columns: ['step', 'ms'],
    rows: Object.entries(times).map(([name, list]) => [name, round(median(list))]),
  }
}
