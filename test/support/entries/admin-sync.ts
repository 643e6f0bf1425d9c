/**
 * admin-sync with checkpoints (checkpoints.ts): each step of each job, what it asks of Keycloak, and the commits of the
 * outbox, of what a job did, and of pg-boss.
 */
import { createLog } from '../../../core/log.ts'
import { readAdminSyncConfig } from '../../../admin-sync/config.ts'
import { startAdminSync } from '../../../admin-sync/main.ts'
import { checkpoint, watchCalls, watchStatements } from './checkpoints.ts'

/** A transaction is known by one of its statements. */
const transactions: [name: string, statement: RegExp][] = [
  ['outbox', /DELETE FROM ellipro\.outbox/],
  ['case-outbox', /DELETE FROM ellipro\.case_outbox/],
  ['mailed', /mailed_generation = greatest/],
  ['opened', /SET state = 'opened', contract = /],
  ['unlinked', /SET unlinked_at = now\(\)/],
  ['frozen', /SET frozen_at = now\(\)/],
]
const open = new WeakMap<object, string>()

watchStatements(
  (text, values, connection) => {
    if (text === 'COMMIT') {
      const name = open.get(connection)
      open.delete(connection)
      return name === undefined
        ? undefined
        : { before: `before:commit.${name}`, after: `after:commit.${name}` }
    }
    // pg-boss ends a job of the queue $1.
    if (/SET completed_on = .*state = 'completed'/s.test(text))
      return { before: `before:done.${String(values[0])}`, after: `after:done.${String(values[0])}` }
    if (/INSERT INTO ellipro\.mail\b.*'contact-notice'/s.test(text))
      return { before: 'before:noticed', after: 'after:noticed' }
    if (/SET accepted_digest = /.test(text)) return { before: 'before:accepted', after: 'after:accepted' }
    return undefined
  },
  (text, rows, connection) => {
    const [name] = transactions.find(([, statement]) => statement.test(text)) ?? []
    // A look into an empty outbox commits as well.
    if (name !== undefined && rows > 0) open.set(connection, name)
  },
)

const calls: [name: string, method: string, path: RegExp][] = [
  ['create-user', 'POST', /\/users$/],
  ['mail', 'PUT', /\/(send-verify-email|execute-actions-email)$/],
  ['write-user', 'PUT', /\/users\/[^/]+$/],
  ['link', 'POST', /\/federated-identity\/cofacering$/],
  ['unlink', 'DELETE', /\/federated-identity\/cofacering$/],
]
watchCalls((method, path) => {
  if (method === 'PUT' && path.includes('/contracts/'))
    return { before: 'before:workspace.put', after: 'after:workspace.put' }
  const [name] = calls.find(([, verb, pattern]) => verb === method && pattern.test(path)) ?? []
  return name === undefined
    ? undefined
    : { before: `before:keycloak.${name}`, after: `after:keycloak.${name}` }
})

/** `send` and `record` are steps of two jobs: the confirmation comes by way of its codes. */
const confirming = new Set<string | undefined>()

const config = readAdminSyncConfig(process.env)
const adminSync = await startAdminSync(config, createLog('admin-sync', config.LOG_LEVEL), {
  onStep: async (step, activationId, caseJob) => {
    // Steps of the jobs on cases carry the job's name: `push-ticket.record`.
    if (caseJob) return checkpoint(`${caseJob}.${step}`)
    if (step === 'store-codes') confirming.add(activationId)
    const job = confirming.has(activationId) ? 'confirmation' : 'notice'
    if (step === 'record') confirming.delete(activationId)
    await checkpoint(step === 'send' || step === 'record' ? `${job}.${step}` : step)
  },
})
process.once('SIGTERM', () => void adminSync.stop())
