/**
 * Part `memory`: resident memory of provider and of admin-sync at rest, each against a bare oidc-provider process, and
 * how long each takes to start. Each is started, used a little, left alone, and looked at; all of one repetition rest
 * at the same time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openAccount } from './opening.ts'
import type { PartResult } from './parts.ts'
import { createConfirmable, createLinkedUsers, insertOpened, newPeople, prove } from './people.ts'
import { readMemoryMb } from './processes.ts'
import { scaled } from './scale.ts'
import { walkSignIn } from './sign-in.ts'
import { peerAlias, type Part, type Stage } from './stage.ts'
import { compare, median, round } from './statistics.ts'
import { Browser, keepConnections } from './web.ts'

const signIns = 10
const openings = 5
const restSeconds = scaled(20)

type Look = { memoryMb: number; startMs: number }
type Name = 'provider' | 'adminSync' | 'peer'

export async function benchMemory(stage: Stage, repetitions: number): Promise<PartResult> {
  const keycloak = await stage.keycloak()
  const opened = await insertOpened(stage.database, signIns)
  await createLinkedUsers(keycloak, 'cofacering', opened)
  const linked = newPeople(signIns)
  await createLinkedUsers(keycloak, peerAlias, linked)
  const looks: Record<Name, Look[]> = { provider: [], adminSync: [], peer: [] }
  for (let i = 0; i < repetitions; i++) {
    // One after the other, or each would start in the time of the others.
    const parts: Record<Name, Part> = {
      peer: await stage.start('peer'),
      provider: await stage.start('provider'),
      adminSync: await stage.start('adminSync'),
    }
    const agent = keepConnections()
    for (const [j, person] of opened.entries()) {
      const [proved] = await prove(stage.database, [person])
      const browser = new Browser(agent)
      browser.give(parts.provider.url, `op_proof_${proved!.handle}`, proved!.proof)
      await walkSignIn(stage, keycloak, browser, {
        kc_idp_hint: 'cofacering',
        login_hint: proved!.handle,
      })
      await walkSignIn(stage, keycloak, new Browser(agent), {
        kc_idp_hint: peerAlias,
        login_hint: linked[j]!.sub,
      })
    }
    for (const person of await createConfirmable(stage, keycloak, openings))
      await openAccount(stage, agent, person)
    agent.destroy()
    await sleep(restSeconds * 1000)
    for (const name of Object.keys(parts) as Name[])
      looks[name].push({ memoryMb: readMemoryMb(parts[name].child), startMs: parts[name].startMs })
    await Promise.all(Object.values(parts).map((part) => part.stop()))
  }
  const memory = (name: Name) => looks[name].map(({ memoryMb }) => memoryMb)
  const row = (text: string, name: Name) => [
    text,
    round(median(memory(name))),
    round(median(looks[name].map(({ startMs }) => startMs))),
  ]
  const figure = { unit: 'MB resident', goal: 1.5, better: 'lower' } as const
  return {
    results: [
      compare('memory of provider', memory('provider'), memory('peer'), figure),
      compare('memory of admin-sync', memory('adminSync'), memory('peer'), figure),
    ],
    tables: {
      memory: {
        columns: ['process', 'MB resident at rest', 'ms to start'],
        rows: [
          row('provider', 'provider'),
          row('admin-sync', 'adminSync'),
          row('bare oidc-provider', 'peer'),
        ],
      },
    },
  }
}
