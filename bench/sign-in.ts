/**
 * Part `sign-in`: one sign-in through Keycloak, from the authorization request of an application to its tokens, in three
 * ways on one server, in turn: by the proof of an activation at our OP; by a bare oidc-provider with its memory adapter
 * as a second identity provider; by address and password at Keycloak's own form. Nobody is signed in before.
 */
import type { PartResult } from './parts.ts'
import { createLinkedUsers, createPasswordUsers, insertOpened, newPeople, password, prove } from './people.ts'
import { readCpuMs } from './processes.ts'
import { compare, median, quantile, round } from './statistics.ts'
import { scaled } from './scale.ts'
import { checkedPeerAlias, peerAlias, type KeycloakStage, type Stage } from './stage.ts'
import { Browser, keepConnections } from './web.ts'

const people = scaled(20)
const each = scaled(40)
const warmUp = scaled(120)

type Way = 'ours' | 'peer' | 'checkedPeer' | 'form'
const ways: readonly Way[] = ['ours', 'peer', 'checkedPeer', 'form']

export async function benchSignIn(stage: Stage, repetitions: number): Promise<PartResult> {
  const keycloak = await stage.keycloak()
  const provider = await stage.start('provider')
  const peer = await stage.start('peer')
  const opened = await insertOpened(stage.database, people)
  await createLinkedUsers(keycloak, 'cofacering', opened)
  const linked = newPeople(people)
  await createLinkedUsers(keycloak, peerAlias, linked)
  const checked = newPeople(people)
  await createLinkedUsers(keycloak, checkedPeerAlias, checked)
  const addresses = await createPasswordUsers(keycloak, people)
  const agent = keepConnections()

  /** Everything that a person has before the sign-in begins. */
  async function prepare(way: Way, person: number): Promise<() => Promise<void>> {
    const browser = new Browser(agent)
    if (way === 'form')
      return async () => {
        const form = await browser.open(authorizationUrl(keycloak, stage, {}))
        const answer = await browser.submit(form, { username: addresses[person]!, password })
        await redeem(stage, keycloak, browser, await browser.walk(answer, stage.portalUrl))
      }
    if (way === 'peer') {
      const hint = { kc_idp_hint: peerAlias, login_hint: linked[person]!.sub }
      return () => walkSignIn(stage, keycloak, browser, hint)
    }
    if (way === 'checkedPeer') {
      const hint = { kc_idp_hint: checkedPeerAlias, login_hint: checked[person]!.sub }
      return () => walkSignIn(stage, keycloak, browser, hint)
    }
    const [proved] = await prove(stage.database, [opened[person]!])
    browser.give(provider.url, `op_proof_${proved!.handle}`, proved!.proof)
    const hint = { kc_idp_hint: 'cofacering', login_hint: proved!.handle }
    return () => walkSignIn(stage, keycloak, browser, hint)
  }

  const parts = { keycloak: keycloak.child, op: provider.child, peer: peer.child, postgres: stage.postgres }
  type Parts = keyof typeof parts
  const readAll = () =>
    Object.fromEntries(Object.entries(parts).map(([name, child]) => [name, readCpuMs(child)])) as Record<
      Parts,
      number
    >

  try {
    for (let i = 0; i < warmUp; i++) for (const way of ways) await (await prepare(way, i % people))()
    const rounds = Array.from({ length: repetitions }, () => ({
      times: { ours: [], peer: [], checkedPeer: [], form: [] } as Record<Way, number[]>,
      cpu: { ours: [], peer: [], checkedPeer: [], form: [] } as Record<Way, Record<Parts, number>[]>,
    }))
    for (const { times, cpu } of rounds)
      for (let i = 0; i < each; i++)
        for (const way of ways) {
          const signIn = await prepare(way, i % people)
          const before = readAll()
          const startedAt = performance.now()
          await signIn()
          times[way].push(performance.now() - startedAt)
          const after = readAll()
          cpu[way].push(
            Object.fromEntries(
              Object.keys(parts).map((name) => [name, after[name as Parts] - before[name as Parts]]),
            ) as Record<Parts, number>,
          )
        }
    const medians = (way: Way) => rounds.map(({ times }) => median(times[way]))
    const mean = (way: Way, part: Parts) => {
      const all = rounds.flatMap(({ cpu }) => cpu[way].map((one) => one[part]))
      return all.reduce((sum, one) => sum + one, 0) / all.length
    }
    const row = (name: string, way: Way, op: Parts | undefined) => [
      name,
      round(median(medians(way))),
      round(
        quantile(
          rounds.flatMap(({ times }) => times[way]),
          0.9,
        ),
      ),
      round(mean(way, 'keycloak')),
      op ? round(mean(way, op)) : '',
      round(mean(way, 'postgres')),
    ]
    const figure = { unit: 'ms', better: 'lower' } as const
    return {
      results: [
        compare('sign-in against a bare OP', medians('ours'), medians('peer'), { ...figure, goal: 1.25 }),
        compare('sign-in against Keycloak’s password form', medians('ours'), medians('form'), {
          ...figure,
          goal: 0.75,
        }),
      ],
      tables: {
        'sign-in': {
          columns: [
            'way',
            'median ms',
            '90 % within ms',
            'CPU ms of Keycloak',
            'CPU ms of the OP',
            'CPU ms of PostgreSQL',
          ],
          rows: [
            row('by the proof of an activation', 'ours', 'op'),
            row('by a bare oidc-provider', 'peer', 'peer'),
            row('by a bare oidc-provider, pending accounts refused', 'checkedPeer', 'peer'),
            row('by Keycloak’s password form', 'form', undefined),
          ],
        },
      },
    }
  } finally {
    agent.destroy()
    await Promise.all([provider.stop(), peer.stop()])
  }
}

const [verifier, challenge] = [
  'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
]

/** An authorization request of the portal. */
function authorizationUrl(keycloak: KeycloakStage, stage: Stage, hint: Record<string, string>): string {
  const query = new URLSearchParams({
    client_id: 'portal',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${stage.portalUrl}/callback`,
    state: 'state',
    nonce: 'nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...hint,
  })
  return `${keycloak.issuer}/protocol/openid-connect/auth?${query.toString()}`
}

/** A whole sign-in of the portal by way of an identity provider that asks nothing. */
export async function walkSignIn(
  stage: Stage,
  keycloak: KeycloakStage,
  browser: Browser,
  hint: { kc_idp_hint: string; login_hint: string },
): Promise<void> {
  const back = await browser.walk(authorizationUrl(keycloak, stage, hint), stage.portalUrl)
  await redeem(stage, keycloak, browser, back)
}

async function redeem(stage: Stage, keycloak: KeycloakStage, browser: Browser, back: URL): Promise<void> {
  const code = back.searchParams.get('code')
  if (!code) throw new Error(`No code: ${back.search}`)
  const answer = await browser.open(`${keycloak.issuer}/protocol/openid-connect/token`, {
    form: {
      grant_type: 'authorization_code',
      client_id: 'portal',
      client_secret: stage.secrets.portalClient,
      redirect_uri: `${stage.portalUrl}/callback`,
      code_verifier: verifier,
      code,
    },
  })
  if (answer.status !== 200 || !answer.body.includes('"id_token"'))
    throw new Error(`No tokens: ${answer.status} ${answer.body}`)
}
