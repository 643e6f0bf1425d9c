/** provider with checkpoints (checkpoints.ts) around what lasts: its statements, and the code that Keycloak redeems. */
import { createLog } from '../../../core/log.ts'
import { readProviderConfig } from '../../../provider/config.ts'
import { startProvider } from '../../../provider/main.ts'
import { watchCalls, watchStatements, type Around } from './checkpoints.ts'

/** Functions of the database (core/database/migrations/) by which provider changes anything, or reads what decides. */
const functions =
  /ellipro\.(login_facts|start_activation|link_view|confirm_activation|mint_proof|take_proof|record_sign_in|request_access|prove_address|submit_decision)\(/
/** Artefacts of the OP, by what is done to them. */
const artefacts = { 'INSERT INTO': 'kept', UPDATE: 'consumed', 'DELETE FROM': 'ended' }

function nameStatement(text: string, values: unknown[]): string | undefined {
  const [, called] = functions.exec(text) ?? []
  if (called !== undefined) return called
  if (text.includes('INSERT INTO provider.legacy_sign_in')) return 'legacy_sign_in'
  if (/\bpassword_hash\b/.test(text)) return 'directory'
  const verb = /\b(INSERT INTO|UPDATE|DELETE FROM) provider\.oidc_payload/.exec(text)?.[1]
  return verb && `${String(values[0])}.${artefacts[verb as keyof typeof artefacts]}`
}

const around = (name: string | undefined): Around | undefined =>
  name === undefined ? undefined : { before: `before:${name}`, after: `after:${name}` }

watchStatements((text, values) => around(nameStatement(text, values)))
watchCalls((method, path) => around(method === 'POST' && path.endsWith('/token') ? 'redeem' : undefined))

const config = readProviderConfig()
const provider = await startProvider(config, createLog('provider', config.LOG_LEVEL))
process.once('SIGTERM', () => void provider.stop())
