/**
 * What agents decide, from their round trip to its effects: real Keycloak, provider's functions with its own database
 * role, and the jobs.
 */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decisionNonce } from '../../../core/nonce.ts'
import { createBench } from '../accounts/bench.ts'
import { Web } from '../realm/web.ts'
import { createDesk } from './desk.ts'

const bench = await createBench()
const desk = createDesk(bench)
const agent = await desk.createAgent({ name: ['Agnès', 'Roy'] })
const colleague = await desk.createAgent({ name: ['Benoît', 'Lay'] })

const count = async (text: string, values: unknown[]) =>
  Number((await bench.pool.query<{ count: string }>(`SELECT count(*) ${text}`, values)).rows[0]?.count)

describe('open', () => {
  test('makes a granted activation, which is mailed, and the history names the agent', async () => {
    const { caseId, requestId, address, login } = await desk.createCase()
    const before = await desk.case(caseId)
    const decision = await desk.decide({ agent, caseId, requestId, kind: 'open' })
    expect(decision).toMatchObject({ state: 'applied', outcome: null, id_token: null, user_id: agent.userId })
    const granted = await desk.granted(requestId)
    expect(granted).toMatchObject({
      kind: 'granted',
      state: 'requested',
      holds: false,
      succeeds: null,
      address,
    })
    expect(granted.account).toBe(login.account)
    expect(await desk.request(requestId)).toMatchObject({ state: 'granting', ended_at: null })
    expect(await bench.outbox(granted.id)).toEqual(['send-confirmation'])
    expect((await desk.case(caseId)).generation).toBe(before.generation + 1)
    const { rows } = await bench.pool.query(
      `SELECT actor, request_id, detail FROM ellipro.case_event WHERE case_id = $1 AND kind = 'granted'`,
      [caseId],
    )
    expect(rows).toEqual([
      {
        actor: 'Agnès Roy',
        request_id: requestId,
        detail: { decision: decision.id, reason: 'Appelé au numéro du contrat.', called: null },
      },
    ])
    expect(await desk.caseOutbox(caseId)).toContain('sync-case')
    expect(bench.lines.join('\n')).toContain('"event":"decision.applied"')
    expect(bench.lines.join('\n')).not.toContain(address)
  })

  test('needs a call for an address that is not of the contract’s domains', async () => {
    const { caseId, requestId } = await desk.createCase({
      address: `someone-${randomUUID()}@elsewhere.example`,
    })
    const decide = (called?: string) =>
      desk.decide({ agent, caseId, requestId, kind: 'open', ...(called && { called }) })
    expect(await decide()).toMatchObject({ state: 'rejected', outcome: 'needs_call' })
    expect(await desk.request(requestId)).toMatchObject({ state: 'proved' })
    expect(await decide('M. Martin, au standard')).toMatchObject({ state: 'applied' })
  })

  test('clicked twice is one decision, and one job after the other finds nothing to do', async () => {
    const { caseId, requestId } = await desk.createCase()
    const content = await desk.content({ agent, caseId, requestId, kind: 'open' })
    await desk.submitDecision({ agent, caseId, requestId, kind: 'open' }, content)
    await desk.submitDecision({ agent, caseId, requestId, kind: 'open' }, content)
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map(() => bench.runCaseWell('apply-decision', content.id)),
    )
    expect(outcomes.filter((one) => one === 'applied')).toHaveLength(1)
    expect(
      await count(
        'FROM ellipro.activation WHERE kind = $1 AND address = (SELECT address FROM ellipro.access_request WHERE id = $2)',
        ['granted', requestId],
      ),
    ).toBe(1)
  })

  test('by one agent and a refusal by another at the same time: one counts, the other is told', async () => {
    const { caseId, requestId } = await desk.createCase()
    const [one, other] = await Promise.all([
      desk.submitDecision({ agent, caseId, requestId, kind: 'open' }),
      desk.submitDecision({ agent: colleague, caseId, requestId, kind: 'refuse' }),
    ])
    await Promise.all([one, other].map((id) => bench.runCaseWell('apply-decision', id)))
    const both = [await desk.decision(one), await desk.decision(other)]
    expect(both.map(({ state }) => state).toSorted()).toEqual(['applied', 'rejected'])
    expect(both.find(({ state }) => state === 'rejected')?.outcome).toBe('stale')
  })

  test('where nobody holds the login makes the one who holds it', async () => {
    const { holder, caseId, requestId } = await desk.createCase()
    await bench.pool.query(
      `UPDATE ellipro.activation SET state = 'withdrawn', reason = 'released' WHERE id = $1`,
      [holder.id],
    )
    await desk.decide({ agent, caseId, requestId, kind: 'open' })
    expect(await desk.granted(requestId)).toMatchObject({ holds: true, succeeds: null })
  })

  test('where the holder’s account is gone takes its place', async () => {
    const { holder, caseId, requestId } = await desk.createCase()
    await bench.pool.query(`UPDATE ellipro.activation SET state = 'closed' WHERE id = $1`, [holder.id])
    await desk.decide({ agent, caseId, requestId, kind: 'open' })
    expect(await desk.granted(requestId)).toMatchObject({ holds: true, succeeds: holder.id })
  })
})

test('a refusal has the agent’s words, and the person is told', async () => {
  const { caseId, requestId } = await desk.createCase()
  const reason = 'Le contact du contrat ne connaît pas cette personne.\n<script>alert(1)</script> 🙂'
  expect(await desk.decide({ agent, caseId, requestId, kind: 'refuse', reason })).toMatchObject({
    state: 'applied',
  })
  expect(await desk.request(requestId)).toMatchObject({ state: 'refused', reason })
  expect(await desk.caseOutbox(requestId)).toContain('tell-refusal')
  expect(await desk.decide({ agent, caseId, requestId, kind: 'open' })).toMatchObject({
    state: 'rejected',
    outcome: 'already_decided',
  })
})

test('a case is closed as not shared, but not while somebody waits', async () => {
  const { caseId, requestId } = await desk.createCase()
  expect(await desk.decide({ agent, caseId, kind: 'not_shared' })).toMatchObject({ outcome: 'requests_open' })
  await desk.decide({ agent, caseId, requestId, kind: 'refuse' })
  expect(await desk.decide({ agent, caseId, kind: 'not_shared' })).toMatchObject({ state: 'applied' })
  expect(await desk.case(caseId)).toMatchObject({ state: 'closed', closed_reason: 'not_shared' })
})

describe('nobody decides', () => {
  test('on their own request, whatever the capitals', async () => {
    const { caseId, requestId } = await desk.createCase({ address: `Own-${randomUUID()}@client.example` })
    const { rows } = await bench.pool.query<{ address: string }>(
      'SELECT address FROM ellipro.access_request WHERE id = $1',
      [requestId],
    )
    const own = await desk.createAgent({ address: rows[0]!.address.toLowerCase() })
    for (const kind of ['open', 'refuse', 'holder_left'] as const)
      expect(await desk.decide({ agent: own, caseId, requestId, kind })).toMatchObject({
        outcome: 'own_request',
      })
  })

  test('about a login that they hold themselves, even under another address by now', async () => {
    const { holder, caseId, requestId } = await desk.createCase()
    const user = await bench.user(holder.address)
    await bench.admin.updateUserMerged(user!.id, { email: `moved-${holder.address}`, emailVerified: true })
    const role = (await bench.admin.realm.listRoles()).filter(({ name }) => name === 'relation-client')
    await bench.admin.realm.addUserRealmRoles(user!.id, role)
    const web = new Web()
    const address = `moved-${holder.address}`
    const { id, cookieHash } = await desk.beginSession({ address, web })
    expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
    const self = { userId: user!.id, address, web, cookieHash }
    expect(await desk.decide({ agent: self, caseId, requestId, kind: 'open' })).toMatchObject({
      outcome: 'own_request',
    })
  })

  test('who is no agent any more', async () => {
    const former = await desk.createAgent()
    const { caseId, requestId } = await desk.createCase()
    const id = await desk.submitDecision({ agent: former, caseId, requestId, kind: 'open' })
    await desk.takeRole(former.userId)
    expect(await bench.runCaseWell('apply-decision', id)).toBe('rejected:not_allowed')
    expect(await desk.request(requestId)).toMatchObject({ state: 'proved' })
  })

  test('with the token of another agent’s round trip', async () => {
    const { caseId, requestId } = await desk.createCase()
    const content = await desk.content({ agent, caseId, requestId, kind: 'open' })
    const { idToken } = await desk.signIn(colleague, decisionNonce(content))
    expect(await desk.submit(agent.cookieHash, content, idToken)).toBe('submitted')
    expect(await bench.runCaseWell('apply-decision', content.id)).toBe('rejected:not_allowed')
  })
})

describe('provider alone decides nothing', () => {
  test('by changing what an agent signed for: reason, call, request, kind, case or generation', async () => {
    const { caseId, requestId } = await desk.createCase()
    const other = await desk.createCase()
    const signed = await desk.content({ agent, caseId, requestId, kind: 'refuse' })
    const { idToken } = await desk.signIn(agent, decisionNonce(signed))
    for (const change of [
      { reason: 'Another reason.' },
      { called: 'Nobody' },
      { requestId: other.requestId, caseId: other.caseId },
      { kind: 'open' as const },
    ]) {
      const forged = { ...signed, id: randomUUID(), ...change }
      expect(await desk.submit(agent.cookieHash, forged, idToken)).toBe('submitted')
      expect(await bench.runCaseWell('apply-decision', forged.id)).toBe('rejected:token_nonce')
    }
    // The same decision under another id is another decision.
    const again = { ...signed, id: randomUUID() }
    expect(await desk.submit(agent.cookieHash, again, idToken)).toBe('submitted')
    expect(await bench.runCaseWell('apply-decision', again.id)).toBe('rejected:token_nonce')
    expect(await desk.request(requestId)).toMatchObject({ state: 'proved' })
    expect(await desk.events(caseId)).not.toContain('decision_rejected')
  })

  test('with an old decision of the same agent, or a token of their sign-in', async () => {
    const { caseId, requestId } = await desk.createCase()
    const content = await desk.content({ agent, caseId, requestId, kind: 'open' })
    const { idToken } = await desk.signIn(agent, 'the nonce of a session')
    expect(await desk.submit(agent.cookieHash, content, idToken)).toBe('submitted')
    expect(await bench.runCaseWell('apply-decision', content.id)).toBe('rejected:token_nonce')
    const old = await desk.content({ agent, caseId, requestId, kind: 'open' })
    const signed = await desk.signIn(agent, decisionNonce(old))
    await desk.submit(agent.cookieHash, old, signed.idToken)
    await bench.pool.query(
      `UPDATE ellipro.decision SET created_at = now() + interval '6 minutes' WHERE id = $1`,
      [old.id],
    )
    expect(await bench.runCaseWell('apply-decision', old.id)).toBe('rejected:token_too_old')
    expect(await desk.decision(old.id)).toMatchObject({ state: 'rejected', id_token: null })
  })
})

describe('whatever fails on the way', () => {
  test('Keycloak or Cofacering away: the decision waits, and is applied later', async () => {
    const { caseId, requestId } = await desk.createCase()
    const id = await desk.submitDecision({ agent, caseId, requestId, kind: 'open' })
    bench.gate.set('dead')
    expect(await bench.runCase('apply-decision', id)).toMatchObject({ status: 'failed' })
    bench.gate.set('open')
    expect(await desk.decision(id)).toMatchObject({ state: 'submitted' })
    expect(await bench.runCaseWell('apply-decision', id)).toBe('applied')
  })

  test('killed before its end and run again it ends the same', async () => {
    const { caseId, requestId } = await desk.createCase()
    const id = await desk.submitDecision({ agent, caseId, requestId, kind: 'open' })
    const killed = await bench.runCase('apply-decision', id, {
      onStep: () => {
        throw new DOMException('killed', 'AbortError')
      },
    })
    expect(killed.status).toBe('failed')
    expect(await desk.request(requestId)).toMatchObject({ state: 'proved' })
    expect(await bench.runCaseWell('apply-decision', id)).toBe('applied')
    expect(await bench.runCaseWell('apply-decision', id)).toBe('nothing')
  })
})
