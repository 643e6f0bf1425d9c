/**
 * The job `transfer-contract` on a database and the real workspace, with a proxy before it that can be in trouble. Jobs run
 * when the test says so, each process of admin-sync with connections of its own.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { JobResult } from 'pg-boss'
import { afterAll } from 'vitest'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import type { ContractDocument } from '../../../admin-sync/contracts/model.ts'
import type { LiveSource } from '../../../admin-sync/contracts/source/port.ts'
import { createWorkspace } from '../../../admin-sync/contracts/target/http.ts'
import { createAddressLocks } from '../../../admin-sync/jobs/address-lock.ts'
import { runContractJob, type ContractWorkDependencies } from '../../../admin-sync/jobs/contract-work.ts'
import { createTokens } from '../../../admin-sync/keycloak/transport.ts'
import { createLog } from '../../../core/log.ts'
import { startHttpProxy } from '../../support/fault-proxy.ts'
import { createDatabase } from '../../support/postgres.ts'
import { makeDocument, startWorkspace } from '../../support/workspace.ts'
import { storeCopy } from './copy.ts'

export type TransferRow = {
  accepted: string | null
  frozen: boolean
  finished: boolean
  refused: string | null
  last_error: string | null
}
export type TransferScene = Awaited<ReturnType<typeof createTransferScene>>
type OnStep = ContractWorkDependencies['onStep']

export async function createTransferScene() {
  const [database, workspace] = await Promise.all([createDatabase(), startWorkspace()])
  const proxy = await startHttpProxy(new URL(workspace.url).origin)
  const pool = new pg.Pool({ connectionString: database.superuser, max: 4 })
  const lines: string[] = []
  const tokens = () =>
    createTokens(workspace.issuer.keycloakUrl, 'ellipro', {
      kind: 'client',
      clientId: 'admin-sync-workspace',
      clientSecret: workspace.issuer.clientSecret,
    })
  const looking = createWorkspace({ url: workspace.url, tokens: tokens() })
  const log = createLog('admin-sync', 'debug', { write: (line) => void lines.push(line) })
  afterAll(() => pool.end())

  /** A process of admin-sync, as far as this job goes. */
  function createProcess(options: { source?: LiveSource } = {}) {
    const sync = new pg.Pool({ connectionString: database.sync, max: 8 })
    sync.on('error', () => {})
    sync.on('connect', (client) => client.on('error', () => {}))
    const locks = createAddressLocks(database.sync, log, 8)
    afterAll(async () => {
      await Promise.all([sync.end(), locks.close()])
    })
    const dependencies: ContractWorkDependencies = {
      pool: sync,
      locks,
      log,
      keycloak: undefined as never,
      reader: undefined as never,
      source: options.source,
      workspace: createWorkspace({
        url: `${proxy.url}/workspace`,
        tokens: tokens(),
        timeLimits: { contractMs: 1500, otherMs: 1000 },
      }),
    }
    const run = async (contract: string, onStep?: OnStep): Promise<JobResult> =>
      runContractJob(
        'transfer-contract',
        {
          id: randomUUID(),
          data: { id: await idOf(contract) },
          retryCount: 0,
          signal: new AbortController().signal,
        },
        { ...dependencies, ...(onStep && { onStep }) },
      )
    return {
      dependencies,
      run,
      /** The job's outcome, or the code of its failure and what becomes of it. */
      tell: async (contract: string, onStep?: OnStep): Promise<string> => {
        const { status, output } = await run(contract, onStep)
        const { outcome, code } = output as { outcome?: string; code?: string }
        return status === 'completed' ? String(outcome) : `${status} ${code}`
      },
    }
  }

  const idOf = async (contract: string): Promise<string> => {
    const { rows } = await pool.query<{ id: string }>(
      'SELECT id FROM ellipro.contract_transfer WHERE contract = $1',
      [contract],
    )
    return rows[0]!.id
  }
  let count = 0

  return {
    database,
    workspace,
    proxy,
    pool,
    lines,
    createProcess,
    idOf,
    /** A contract of our copy. */
    imported: async (changes: Partial<ContractDocument> = {}): Promise<ContractDocument> => {
      // A SIREN that passes its check: imports take it too.
      const company = { country: 'FR', number: '000123455', name: 'L’Atelier d’Émile <b>' }
      const document = makeDocument(`T-${++count}`, { company, ...changes })
      await storeCopy(pool, document)
      return document
    },
    /** An account of the contract is opened. @returns the activation */
    move: async (contract: string): Promise<string> => {
      const { rows } = await pool.query<{ id: string }>(
        `INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, confirmed_at)
         VALUES ('confirmed', $1, $1, 'Société', $2, $3, 'fr', now(), now()) RETURNING id`,
        [randomUUID(), contract, `${randomUUID()}@client.example`],
      )
      await pool.query(`UPDATE ellipro.activation SET state = 'opened', opened_at = now() WHERE id = $1`, [
        rows[0]!.id,
      ])
      return rows[0]!.id
    },
    /** Every lock that a process holds at the moment is lost. */
    loseLocks: async () => {
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'ellipro-admin-sync-locks'`,
      )
    },
    row: async (contract: string): Promise<TransferRow> => {
      const { rows } = await pool.query<TransferRow>(
        `SELECT encode(accepted_digest, 'hex') AS accepted, frozen_at IS NOT NULL AS frozen,
                finished_at IS NOT NULL AS finished, refused, last_error
           FROM ellipro.contract_transfer WHERE contract = $1`,
        [contract],
      )
      return rows[0]!
    },
    /** What the workspace has of it: digest of what is there, and whether it was the last one. */
    there: async (contract: string): Promise<{ digest: string; final: boolean } | undefined> => {
      const digest = await looking.readDigest(contract)
      return digest && { digest: digest.digest, final: digest.received.final }
    },
    read: (contract: string) => looking.read(contract),
    digestOf: (document: ContractDocument) => digestContract(document).digest,
  }
}
