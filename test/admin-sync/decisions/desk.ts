/**
 * Agents at their desk, for the tests of what they decide: they sign in at the real Keycloak, and what provider does is
 * done by its functions with its database role. Requests are made by the same functions; the codes of their mails are
 * put in place of the mails.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { decisionNonce, sessionNonce, type DecisionContent, type DecisionKind } from '../../../core/nonce.ts'
import { agentRole, leadRole } from '../../../admin-sync/realm/roles.ts'
import {
  password,
  providerUrl,
  sha256,
  type Bench,
  type LegacyLogin,
  type Started,
} from '../accounts/bench.ts'
import { signInAt } from '../identity/sign-in.ts'
import { Web } from '../realm/web.ts'

export type Agent = {
  userId: string
  address: string
  /** Of the browser that the agent works with, signed in at Keycloak. */
  web: Web
  /** SHA-256 of the session's cookie. */
  cookieHash: Buffer
}
/** `role`: whether the account has the role of an agent; `leads`: whether it has that of a lead of the migration. */
export type Account = { address?: string; role?: boolean; leads?: boolean; name?: [string, string] }
export type Asked = { caseId: string; requestId: string; address: string; login: LegacyLogin }
export type Decided = { id: string; outcome: string; state: string }
export type Decision = {
  agent: Agent
  caseId: string
  requestId?: string
  kind: DecisionKind
  reason?: string
  called?: string
}

const number = () => randomBytes(4).toString('hex')

export function createDesk(bench: Bench) {
  const { pool, providerPool, admin, issuer } = bench
  const one = async <T extends object>(text: string, values: unknown[] = []): Promise<T> => {
    const { rows } = await pool.query<T>(text, values)
    if (!rows[0]) throw new Error(`no row: ${text}`)
    return rows[0]
  }
  const roleOf = async (role: string = agentRole) =>
    (await admin.realm.listRoles()).filter(({ name }) => name === role)

  const desk = {
    async createAccount(o: Account = {}): Promise<{ userId: string; address: string }> {
      const address = o.address ?? `agent-${number()}@ellipro.example`
      const userId = await admin.createUser({
        username: address,
        email: address,
        enabled: true,
        emailVerified: true,
        ...(o.name && { firstName: o.name[0], lastName: o.name[1] }),
        credentials: [{ type: 'password', value: password, temporary: false }],
      })
      if (o.role !== false) await admin.realm.addUserRealmRoles(userId, await roleOf())
      if (o.leads) await admin.realm.addUserRealmRoles(userId, await roleOf(leadRole))
      return { userId, address }
    },
    takeRole: async (userId: string, role?: string) =>
      admin.realm.removeUserRealmRoles(userId, await roleOf(role)),

    signIn: (who: { address: string; web: Web }, nonce: string) =>
      signInAt({ issuer, origin: providerUrl, nonce, address: who.address, password, web: who.web }),

    /** Signs in on the agents' pages; the job that grants the session has not run. @returns its id and hash */
    async beginSession(who: { address: string; web: Web }, idToken?: string) {
      const cookieHash = sha256(randomBytes(32))
      const token = idToken ?? (await desk.signIn(who, sessionNonce(cookieHash))).idToken
      await providerPool.query('SELECT ellipro.begin_staff_session($1, $2, $3)', [
        cookieHash,
        token,
        randomUUID(),
      ])
      const { id } = await one<{ id: string }>(
        'SELECT id FROM ellipro.staff_session WHERE cookie_hash = $1',
        [cookieHash],
      )
      return { id, cookieHash }
    },
    session: (id: string) =>
      one<{
        state: string
        reason: string | null
        id_token: string | null
        name: string | null
        user_id: string | null
        address_key: string | null
        is_agent: boolean
        is_lead: boolean
      }>('SELECT * FROM ellipro.staff_session WHERE id = $1', [id]),

    /** An agent with a granted session. */
    async createAgent(o: Account = {}): Promise<Agent> {
      const account = await desk.createAccount(o)
      const web = new Web()
      const { id, cookieHash } = await desk.beginSession({ address: account.address, web })
      const outcome = await bench.runCaseWell('check-staff', id)
      if (outcome !== 'granted') throw new Error(`not granted: ${outcome}`)
      return { ...account, web, cookieHash }
    },

    /** The holder of a login, with an open account. */
    async createHolder(o: Parameters<Bench['start']>[0] = {}): Promise<Started> {
      const holder = await bench.confirmed(o)
      const outcome = await bench.runWell('open-account', holder.id)
      if (outcome !== 'opened') throw new Error(`not opened: ${outcome}`)
      return holder
    },

    /** Somebody asks for an access of their own on a login that is held, and has proved the address. */
    async ask(login: LegacyLogin, o: { address?: string; locale?: 'fr' | 'en' } = {}): Promise<Asked> {
      const address = o.address ?? `claire-${number()}@${await desk.domainOf(login)}`
      const { rows } = await providerPool.query<{ outcome: string }>(
        'SELECT ellipro.request_access($1, $2, $3, $4, $5, $6, NULL, $7, $8, $9) AS outcome',
        [
          login.account,
          login.login,
          login.company,
          login.contract,
          'Claire Petit',
          address,
          o.locale ?? 'fr',
          '192.0.2.0/24',
          randomUUID(),
        ],
      )
      if (rows[0]?.outcome !== 'asked') throw new Error(`not asked: ${rows[0]?.outcome}`)
      const request = await one<{ id: string; case_id: string }>(
        `SELECT id, case_id FROM ellipro.access_request WHERE address = $1 AND state = 'asked'`,
        [address],
      )
      const code = randomBytes(32)
      await pool.query(
        'UPDATE ellipro.access_request SET proof_hash = $2, mailed_generation = mail_generation WHERE id = $1',
        [request.id, sha256(code)],
      )
      await providerPool.query('SELECT ellipro.prove_address($1, $2)', [request.id, code])
      if ((await desk.request(request.id)).state !== 'proved') throw new Error('not proved')
      return { caseId: request.case_id, requestId: request.id, address, login }
    },

    /** A mail domain that Cofacering knows of the contract; that of nobody when it knows none. */
    async domainOf({ contract }: LegacyLogin): Promise<string> {
      const { rows } = await bench.cofacering.query<{ domain: string | null }>(
        'SELECT known_domains[1] AS domain FROM directory_contract WHERE contract = $1',
        [contract],
      )
      return rows[0]?.domain ?? 'client.example'
    },
    /** A login of a contract with a mail domain. */
    async nextLogin(): Promise<LegacyLogin> {
      for (;;) {
        const login = bench.nextLogin()
        if ((await desk.domainOf(login)) !== 'client.example') return login
      }
    },

    /** A login with a holder, and one more person who asks. */
    async createCase(o: { address?: string; locale?: 'fr' | 'en' } = {}) {
      const holder = await desk.createHolder({ login: await desk.nextLogin() })
      return { holder, ...(await desk.ask(holder.login, o)) }
    },

    /** What provider sends Keycloak to sign for. */
    async content(d: Decision, id: string = randomUUID()): Promise<DecisionContent> {
      const { generation } = await desk.case(d.caseId)
      return {
        id,
        caseId: d.caseId,
        requestId: d.requestId,
        kind: d.kind,
        reason: d.reason ?? 'Appelé au numéro du contrat.',
        called: d.called,
        generation,
      }
    },
    /** @returns what the database says to provider */
    async submit(cookieHash: Buffer, c: DecisionContent, idToken: string): Promise<string> {
      const { rows } = await providerPool.query<{ outcome: string }>(
        'SELECT ellipro.submit_decision($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcome',
        [
          cookieHash,
          c.id,
          c.caseId,
          c.requestId ?? null,
          c.kind,
          c.reason,
          c.called ?? null,
          c.generation,
          idToken,
        ],
      )
      return rows[0]?.outcome ?? ''
    },
    /** The round trip: the agent's browser goes to Keycloak with the nonce of the decision and comes back. */
    async submitDecision(d: Decision, content?: DecisionContent): Promise<string> {
      const c = content ?? (await desk.content(d))
      const { idToken } = await desk.signIn(d.agent, decisionNonce(c))
      const outcome = await desk.submit(d.agent.cookieHash, c, idToken)
      if (outcome !== 'submitted') throw new Error(`not submitted: ${outcome}`)
      return c.id
    },
    async decide(d: Decision): Promise<Decided> {
      const id = await desk.submitDecision(d)
      await bench.runCaseWell('apply-decision', id)
      return desk.decision(id)
    },

    decision: (id: string) =>
      one<Decided & { id_token: string | null; user_id: string | null; due_at: Date | null }>(
        'SELECT * FROM ellipro.decision WHERE id = $1',
        [id],
      ),
    request: (id: string) =>
      one<{ state: string; reason: string | null; granted_id: string | null; ended_at: Date | null }>(
        'SELECT * FROM ellipro.access_request WHERE id = $1',
        [id],
      ),
    case: (id: string) =>
      one<{ state: string; closed_reason: string | null; generation: number }>(
        'SELECT * FROM ellipro.login_case WHERE id = $1',
        [id],
      ),
    granted: async (requestId: string) =>
      one<{
        id: string
        state: string
        reason: string | null
        holds: boolean
        succeeds: string | null
        kind: string
        address: string
        account: string
      }>(
        'SELECT a.* FROM ellipro.activation a JOIN ellipro.access_request r ON r.granted_id = a.id WHERE r.id = $1',
        [requestId],
      ),
    async events(caseId: string): Promise<string[]> {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.case_event WHERE case_id = $1 ORDER BY id',
        [caseId],
      )
      return rows.map(({ kind }) => kind)
    },
    async caseOutbox(subject: string): Promise<string[]> {
      const { rows } = await pool.query<{ kind: string }>(
        'SELECT kind FROM ellipro.case_outbox WHERE subject_id = $1 ORDER BY id',
        [subject],
      )
      return rows.map(({ kind }) => kind)
    },
  }
  return desk
}
export type Desk = ReturnType<typeof createDesk>
