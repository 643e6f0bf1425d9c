/**
 * Invariant 12 for shared logins: whatever step of the work on a case one of our processes dies at, the person who asked
 * gets their access, once; there is one case, one request, one ticket and one account, nobody gets more than one mail
 * twice, and no job is given up.
 *
 * A cell holds a process at a checkpoint (test/support/entries), kills it, starts it again, and lets person and agent
 * finish. The way is one: a request on a login that is held, its proof, the agent's sign-in and decision, the password.
 *
 * KILL_SHARED_LOGIN='ticket,proof' runs the cells whose checkpoint has one of these in its name.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBoss } from '../../admin-sync/jobs/queues.ts'
import { createLog } from '../../core/log.ts'
import { generateSample } from '../../dev/cofacering/generate.ts'
import { signInAdministrator } from '../../dev/keycloak.ts'
import { createSampleAgents, sampleAgents } from '../../dev/sample-agents.ts'
import { createCheckpoints, until } from '../support/checkpoints.ts'
import { HttpPerson } from '../support/http-person.ts'
import { startProduct } from '../support/product.ts'
import { chosenPassword } from './journey.ts'

const provider = ['after:request_access', 'after:prove_address', 'after:submit_decision']
const adminSync = [
  'before:commit.case-outbox',
  'after:commit.case-outbox',
  'send-proof.store-codes',
  'send-proof.send',
  'send-proof.record',
  'acknowledge.send',
  'acknowledge.record',
  'ask-holder.send',
  'ask-holder.record',
  'tell-case-contact.send',
  'tell-case-contact.record',
  'sync-case.store',
  'sync-case.write-user',
  'push-ticket.ensure',
  'push-ticket.record',
  'push-ticket.posted',
  'push-ticket.fulfilled',
  'check-staff.settle',
  'apply-decision.settle',
  'mark-opened',
  'after:commit.opened',
]
const words = process.env['KILL_SHARED_LOGIN']?.split(',')
const cells = [
  ...provider.map((checkpoint) => ({ checkpoint, victim: 'provider' as const })),
  ...adminSync.map((checkpoint) => ({ checkpoint, victim: 'adminSync' as const })),
].filter(({ checkpoint }) => words?.some((word) => checkpoint.includes(word)) ?? true)

const checkpoints = createCheckpoints()
const environment = { CHECKPOINTS: checkpoints.folder }
const product = await startProduct(
  { TRUST_PROXY: '1' },
  {
    entries: {
      provider: 'test/support/entries/provider.ts',
      adminSync: 'test/support/entries/admin-sync.ts',
    },
    environment: { provider: environment, adminSync: environment },
  },
)
const { database, inbox, installation, urls } = product
const client = new pg.Pool({ connectionString: database.superuser, max: 3 })
const rows = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
  (await client.query<T>(text, values)).rows
const deskAddress = 'service-relation-client@ellipro.example'
const agent = sampleAgents[0]!

beforeAll(() => createSampleAgents(installation.keycloak, installation.secrets))
afterAll(() => client.end())

async function askKeycloak<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { url, realm, administrator } = installation.keycloak
  const answer = await fetch(`${url}/admin/realms/${realm}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await signInAdministrator(url, administrator)}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  const text = await answer.text()
  return (text === '' ? {} : JSON.parse(text)) as T
}
const findUsers = (address: string) =>
  askKeycloak<{ id: string; attributes?: Record<string, string[]> }[]>(
    'GET',
    `/users?exact=true&email=${encodeURIComponent(address)}`,
  )

const sample = generateSample()
const logins = sample.logins.filter(({ disabled, shared }) => !disabled && !shared)
let next = 0

/** A login with its holder, as an activation would have left them. */
async function newLogin() {
  const found = logins[next++]!
  const network = `10.61.${next}.1`
  const [holder, asker] = [`holder${next}@matrix.example`, `asker${next}@matrix.example`]
  await askKeycloak('POST', '/users', { username: holder, email: holder, emailVerified: true, enabled: true })
  const [user] = await findUsers(holder)
  await rows(
    `WITH opened AS (
       INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at, unlinked_at)
       VALUES ('opened', $1, $2, 'Société', $3, $4, 'fr', now(), now(), now()) RETURNING id, address_key)
     INSERT INTO ellipro.keycloak_user (address_key, user_id, state, opened_by) SELECT address_key, $5, 'opened', id FROM opened`,
    [found.id, found.login, found.contract_id, holder, user!.id],
  )
  const contact = sample.contracts.find(({ id }) => id === found.contract_id)?.contact_email ?? ''
  return { login: found.login, password: found.password, account: found.id, network, holder, asker, contact }
}
type Login = Awaited<ReturnType<typeof newLogin>>

/** Does what `work` does until the page is one of these; where there is no answer, as people do, once more. */
async function persist(
  person: HttpPerson,
  wanted: readonly string[],
  work: () => Promise<unknown>,
): Promise<void> {
  for (const end = Date.now() + 90_000; ; await sleep(300)) {
    await work().catch(() => undefined)
    if (wanted.includes(person.name ?? '')) return
    if (Date.now() > end) throw new Error(`${wanted.join(' or ')} does not come: ${person.describe()}`)
  }
}
const linkIn = async (to: string, part: RegExp): Promise<string> => {
  const mail = await inbox.waitForMail(to, ({ links }) => links.some((link) => part.test(link)), 90_000)
  return mail.links.find((link) => part.test(link))!
}

async function ask(who: Login): Promise<void> {
  const person = new HttpPerson({ network: who.network, timeoutMs: 20_000 })
  await persist(person, ['access-sent'], async () => {
    await person.open(`${urls.provider}/`)
    if (person.name === 'login') await person.submit({ login: who.login, password: who.password }, '/login')
    await person.open(`${urls.provider}/access/new`)
    await person.submit({ name: 'Anne Martin', email: who.asker, phone: '' }, '/access/new')
  })
  const link = await linkIn(who.asker, /\/access\/[0-9a-f-]{36}\/prove/)
  await persist(person, ['access-prove-done'], async () => {
    await person.open(link)
    if (person.name !== 'access-prove-done') await person.submit()
  })
}

/** The agent opens the request, from the sign-in to the page that says so. */
async function decide(who: Login): Promise<void> {
  const work = new HttpPerson({ network: '10.60.1.1', timeoutMs: 20_000 })
  let caseId = ''
  // An agent who is faster than the mail to the holder leaves nothing to ask.
  await until(
    'the case is there, and its holder asked',
    async () => {
      const [found] = await rows<{ id: string }>(
        `SELECT c.id FROM ellipro.login_case c JOIN ellipro.access_request r ON r.case_id = c.id
        WHERE c.account = $1 AND r.state = 'proved' AND r.holder_asked_at IS NOT NULL`,
        [who.account],
      )
      caseId = found?.id ?? ''
      return caseId !== ''
    },
    120_000,
  )
  const isOpened = async () =>
    (
      await rows(
        `SELECT FROM ellipro.access_request WHERE case_id = $1 AND state IN ('granting', 'opened')`,
        [caseId],
      )
    ).length > 0
  const visit = async () => {
    if (work.name === 'staff-checking' || work.name === 'staff-decision-applying') {
      await sleep(300)
      return work.open(work.refresh?.url ?? work.page.url)
    }
    if (work.forms().some(({ id }) => id === 'kc-form-login'))
      return work.submit(
        { username: agent.address, password: installation.secrets[agent.password] },
        'kc-form-login',
      )
    const form = work.forms().find(({ fields }) => fields['kind'] === 'open')
    if (form)
      return work.submit({ ...form.fields, reason: 'Connu.', called: 'Rappelé, parlé avec Anne.' }, '/decide')
    return work.open(`${urls.provider}/staff/cases/${caseId}`)
  }
  for (const end = Date.now() + 90_000; !(await isOpened()); await sleep(100)) {
    if (Date.now() > end) throw new Error(`The agent does not get on: ${work.describe()}`)
    await visit().catch(() => sleep(300))
  }
}

async function activate(who: Login): Promise<void> {
  const person = new HttpPerson({ network: who.network, timeoutMs: 20_000 })
  const link = await linkIn(who.asker, /\/login-actions\/action-token/)
  const confirmation = String(decodeJwt(new URL(link).searchParams.get('key')!)['reduri'])
  await person.open(link)
  await person.click(/id="ell-confirm"/)
  await persist(person, ['opening', 'opening-slow', 'opening-opened', 'confirm-opened'], async () => {
    if (person.name?.startsWith('confirm')) await person.submit({ password: chosenPassword }, '/confirm')
    else await person.open(confirmation)
  })
}

/** What the supervisor of the jobs does 15 seconds after a process died happens now; a retry that is due does not wait. */
async function passTime(): Promise<void> {
  await rows(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'`)
  await rows('UPDATE pgboss.queue SET monitor_on = NULL, monitor_claim_on = NULL')
  await rows(`UPDATE ellipro.ticket SET lease_until = now() WHERE lease IS NOT NULL`)
  const boss = createBoss(database.sync, createLog('test', 'silent'), { worker: false })
  await boss.start()
  await boss.supervise()
  await boss.stop({ graceful: false })
}
function hurry(): () => Promise<void> {
  const ended = new AbortController()
  const hurrying = (async () => {
    for (; !ended.signal.aborted; await sleep(500))
      await rows(
        `WITH due AS (UPDATE pgboss.job SET start_after = now() WHERE state = 'retry' RETURNING name)
         SELECT pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), name) FROM due`,
      ).catch(() => undefined)
  })()
  return async () => {
    ended.abort()
    await hurrying
  }
}

/** Resolves when the request is opened, the ticket has all, and no job has anything left to do. */
async function settle(who: Login): Promise<void> {
  let left: unknown
  await until(
    'everything comes to an end',
    async () => {
      const [state] = await rows(
        `SELECT (SELECT string_agg(r.state, ' ') FROM ellipro.access_request r WHERE r.case_id = c.id) AS requests,
                t.external_id IS NOT NULL AND t.waiting_since IS NULL AND t.wanted_status IS NULL AS is_told, t.status,
                (SELECT count(*)::integer FROM ellipro.ticket_note n WHERE n.case_id = c.id AND n.posted_at IS NULL) AS notes,
                (SELECT count(*)::integer FROM ellipro.case_outbox) + (SELECT count(*)::integer FROM ellipro.outbox) AS outbox,
                (SELECT count(*)::integer FROM pgboss.job WHERE state < 'completed' AND name <> 'dead-letter'
                   AND data <> '{}' AND data IS NOT NULL AND start_after < now() + interval '1 minute') AS jobs
           FROM ellipro.login_case c LEFT JOIN ellipro.ticket t ON t.case_id = c.id WHERE c.account = $1`,
        [who.account],
      )
      left = state
      return (
        state?.['requests'] === 'opened' &&
        state['is_told'] === true &&
        state['status'] === 'resolved' &&
        state['notes'] === 0 &&
        state['outbox'] === 0 &&
        state['jobs'] === 0
      )
    },
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(left)}`, { cause: error })
  })
}

describe('an access that an agent opens', () => {
  it.for(cells)(
    '$checkpoint: survives the death of $victim',
    { timeout: 240_000 },
    async ({ checkpoint, victim }) => {
      const who = await newLogin()
      inbox.clear()
      const story = async () => {
        await ask(who)
        await decide(who)
        await activate(who)
      }
      checkpoints.hold(checkpoint)
      const takeTime = hurry()
      try {
        const telling = story()
        telling.catch(() => undefined)
        // A story that comes to its end without having been there, or fails before, says so at once.
        await Promise.race([
          until(`${checkpoint} is reached`, () => checkpoints.isHeld(checkpoint), 120_000),
          telling.then(() => until('the last jobs come there', () => checkpoints.isHeld(checkpoint), 60_000)),
        ])
        await product.kill(victim)
        checkpoints.release(checkpoint)
        await product.start(victim)
        await passTime()
        await telling
        await settle(who)
      } finally {
        checkpoints.release(checkpoint)
        await takeTime()
      }

      const cases = await rows<{ id: string; reference: string }>(
        'SELECT id, reference FROM ellipro.login_case WHERE account = $1',
        [who.account],
      )
      expect(cases).toHaveLength(1)
      const [{ id: caseId, reference }] = cases as [(typeof cases)[number]]
      expect(
        await rows('SELECT state, address FROM ellipro.access_request WHERE case_id = $1', [caseId]),
      ).toEqual([{ state: 'opened', address: who.asker }])
      expect(
        await rows(`SELECT state FROM ellipro.activation WHERE account = $1 AND kind = 'granted'`, [
          who.account,
        ]),
      ).toEqual([{ state: 'opened' }])
      expect(
        await rows(`SELECT state FROM ellipro.decision WHERE case_id = $1 AND state = 'applied'`, [caseId]),
      ).toEqual([{ state: 'applied' }])
      const [users, holders] = [await findUsers(who.asker), await findUsers(who.holder)]
      expect([users.length, holders.length]).toEqual([1, 1])
      for (const { attributes } of [...users, ...holders])
        expect(attributes?.['shared_login']).toEqual(['true'])

      /** How many left. Mails to several people may be leaving when the process dies, but only one to each. */
      const told = (to: string, is: (text: string, links: readonly string[]) => boolean) =>
        inbox.mails.filter((mail) => mail.to.includes(to) && is(mail.text, mail.links)).length
      const mails = {
        asker: {
          proof: told(who.asker, (_, links) => links.some((link) => /\/prove\b/.test(link))),
          acknowledgement: told(who.asker, (_, links) =>
            links.some((link) => /\/access\/[0-9a-f-]{36}\?s=/.test(link)),
          ),
          granted: told(who.asker, (_, links) => links.some((link) => link.includes('action-token'))),
        },
        holder: {
          question: told(who.holder, (_, links) => links.some((link) => link.includes('/access/holder/'))),
        },
        desk: {
          ticket: told(deskAddress, (text) => text.includes(reference) && text.includes('Dossier :')),
        },
      }
      for (const [person, counts] of Object.entries(mails)) {
        const numbers = Object.values(counts)
        const extra = numbers.reduce((sum, count) => sum + count - 1, 0)
        expect([person, counts, Math.min(...numbers) > 0 && extra <= 1]).toEqual([person, counts, true])
      }
      expect(
        await rows(`SELECT source_name, source_output FROM pgboss.job WHERE name = 'dead-letter'`),
      ).toEqual([])
    },
  )
})
