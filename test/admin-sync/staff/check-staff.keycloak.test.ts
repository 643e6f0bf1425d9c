/** Who gets an agent's session: the job with the real Keycloak, and provider's functions with its own database role. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sessionNonce } from '../../../core/nonce.ts'
import { leadRole } from '../../../admin-sync/realm/roles.ts'
import { createBench, sha256 } from '../accounts/bench.ts'
import { createDesk } from '../decisions/desk.ts'
import { Web } from '../realm/web.ts'

const bench = await createBench()
const desk = createDesk(bench)
const refused = (code: string) => ({
  state: 'refused',
  reason: code,
  id_token: null,
  name: null,
  user_id: null,
  is_agent: false,
  is_lead: false,
})

test('an agent gets a session, once, and the token is erased', async () => {
  const account = await desk.createAccount({ name: ['Agnès', 'Roy'] })
  const { id, cookieHash } = await desk.beginSession({ ...account, web: new Web() })
  const view = async () =>
    (await bench.providerPool.query('SELECT * FROM ellipro.staff_session_view($1)', [cookieHash]))
      .rows[0] as unknown
  expect(await view()).toMatchObject({ state: 'checking', name: null })
  expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
  expect(await desk.session(id)).toMatchObject({
    state: 'granted',
    id_token: null,
    user_id: account.userId,
    name: 'Agnès Roy',
    address_key: account.address,
    is_agent: true,
    is_lead: false,
  })
  expect(await view()).toMatchObject({
    state: 'granted',
    name: 'Agnès Roy',
    is_agent: true,
    is_lead: false,
  })
  expect(await bench.runCaseWell('check-staff', id)).toBe('nothing')
  expect(bench.lines.join('\n')).toContain('"event":"staff.granted"')
  expect(bench.lines.join('\n')).not.toContain(account.address)
})

test('an account without the role, or that has lost it since, is refused and said so in the log', async () => {
  const person = await desk.createAccount({ role: false })
  const first = await desk.beginSession({ ...person, web: new Web() })
  expect(await bench.runCaseWell('check-staff', first.id)).toBe('refused:not_agent')
  expect(await desk.session(first.id)).toMatchObject(refused('not_agent'))
  expect(bench.lines.at(-2)).toContain('"event":"staff.refused"')

  const agent = await desk.createAccount()
  const second = await desk.beginSession({ ...agent, web: new Web() })
  await desk.takeRole(agent.userId)
  expect(await bench.runCaseWell('check-staff', second.id)).toBe('refused:not_agent')
})

test('a lead of the migration gets a session that shows no case, and somebody who is both one for both', async () => {
  const shown = async (cookieHash: Buffer) => {
    const { rows } = await bench.providerPool.query<{ cases: string; numbers: boolean }>(
      `SELECT (SELECT count(*) FROM ellipro.staff_cases($1, 'all', NULL, 10, 0)) AS cases,
              ellipro.staff_migration($1) IS NOT NULL AS numbers`,
      [cookieHash],
    )
    return rows[0]
  }
  await bench.pool.query(
    `SELECT ellipro.ensure_case('an-account', 'login', 'Société A', 'CF-1', 'import', 'x')`,
  )
  const table = [
    [
      { role: true, leads: false },
      { cases: '1', numbers: false },
    ],
    [
      { role: false, leads: true },
      { cases: '0', numbers: true },
    ],
    [
      { role: true, leads: true },
      { cases: '1', numbers: true },
    ],
  ] as const
  for (const [roles, expected] of table) {
    const account = await desk.createAccount(roles)
    const { id, cookieHash } = await desk.beginSession({ ...account, web: new Web() })
    expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
    expect(await desk.session(id)).toMatchObject({ is_agent: roles.role, is_lead: roles.leads })
    expect([roles, await shown(cookieHash)]).toEqual([roles, expected])
  }
})

test('a role that the token has and the account has lost does not count, whatever the other one is worth', async () => {
  const account = await desk.createAccount({ leads: true })
  const first = await desk.beginSession({ ...account, web: new Web() })
  await desk.takeRole(account.userId, leadRole)
  expect(await bench.runCaseWell('check-staff', first.id)).toBe('granted')
  expect(await desk.session(first.id)).toMatchObject({ is_agent: true, is_lead: false })
  const lead = await desk.createAccount({ role: false, leads: true })
  const second = await desk.beginSession({ ...lead, web: new Web() })
  await desk.takeRole(lead.userId, leadRole)
  expect(await bench.runCaseWell('check-staff', second.id)).toBe('refused:not_agent')
  expect(await desk.session(second.id)).toMatchObject(refused('not_agent'))
})

test('an account that was disabled or deleted since is refused', async () => {
  const agent = await desk.createAccount()
  const session = await desk.beginSession({ ...agent, web: new Web() })
  await bench.admin.updateUserMerged(agent.userId, { enabled: false })
  expect(await bench.runCaseWell('check-staff', session.id)).toBe('refused:account_disabled')
  const other = await desk.createAccount()
  const gone = await desk.beginSession({ ...other, web: new Web() })
  await bench.admin.deleteUser(other.userId)
  expect(await bench.runCaseWell('check-staff', gone.id)).toBe('refused:account_gone')
})

test('a role held by a group counts', async () => {
  const account = await desk.createAccount({ role: false })
  const group = await bench.admin.realm.createGroup({ name: 'agents' })
  const roles = (await bench.admin.realm.listRoles()).filter(({ name }) => name === 'relation-client')
  await bench.admin.realm.addGroupRealmRoles(group ?? '', roles)
  await bench.admin.realm.addMember(group ?? '', account.userId)
  const { id } = await desk.beginSession({ ...account, web: new Web() })
  expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
  expect(await desk.session(id)).toMatchObject({ name: account.address })
})

test('an administrator may be an agent', async () => {
  const account = await desk.createAccount()
  const group = (await bench.admin.realm.listTopGroups()).find(({ name }) => name === 'protected-accounts')
  await bench.admin.realm.addMember(group?.id ?? '', account.userId)
  const { id } = await desk.beginSession({ ...account, web: new Web() })
  expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
})

test('the token of another session, or a forged one, opens none', async () => {
  const account = await desk.createAccount()
  const web = new Web()
  const { idToken } = await desk.signIn({ ...account, web }, sessionNonce(sha256(randomBytes(32))))
  const stolen = await desk.beginSession({ ...account, web }, idToken)
  expect(await bench.runCaseWell('check-staff', stolen.id)).toBe('refused:token_nonce')
  const forged = await desk.beginSession({ ...account, web }, 'not.a.token')
  expect(await bench.runCaseWell('check-staff', forged.id)).toMatch(/^refused:token_/)
  expect(await desk.session(forged.id)).toMatchObject({ state: 'refused', id_token: null })
})

test('Keycloak away is no answer: the session waits', async () => {
  const account = await desk.createAccount()
  const { id } = await desk.beginSession({ ...account, web: new Web() })
  bench.gate.set('dead')
  expect(await bench.runCase('check-staff', id)).toMatchObject({ status: 'failed' })
  expect(await desk.session(id)).toMatchObject({ state: 'checking' })
  bench.gate.set('open')
  expect(await bench.runCaseWell('check-staff', id)).toBe('granted')
})

test('who signed out meanwhile stays signed out, and their token is gone', async () => {
  const account = await desk.createAccount()
  const { id, cookieHash } = await desk.beginSession({ ...account, web: new Web() })
  await bench.runCase('check-staff', id, {
    onStep: async () => {
      await bench.providerPool.query('SELECT ellipro.end_staff_session($1)', [cookieHash])
    },
  })
  expect(await desk.session(id)).toMatchObject({ state: 'ended', id_token: null })
})
