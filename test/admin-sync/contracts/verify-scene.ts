/** Our copy, the real workspace over HTTP with what was carried over, and the comparison of both. */
import pg from 'pg'
import { afterAll } from 'vitest'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import type { ContractDocument } from '../../../admin-sync/contracts/model.ts'
import { createWorkspace } from '../../../admin-sync/contracts/target/http.ts'
import type { Workspace } from '../../../admin-sync/contracts/target/port.ts'
import type { ComparisonReport } from '../../../admin-sync/contracts/verify/report.ts'
import { verifyContracts, type VerifyOptions } from '../../../admin-sync/contracts/verify/verify.ts'
import { createTokens } from '../../../admin-sync/keycloak/transport.ts'
import { startHttpProxy } from '../../support/fault-proxy.ts'
import { createDatabase } from '../../support/postgres.ts'
import { makeDocument, startWorkspace } from '../../support/workspace.ts'
import { storeCopy } from './copy.ts'

export async function createVerifyScene() {
  const [database, workspace] = await Promise.all([createDatabase(), startWorkspace()])
  const proxy = await startHttpProxy(new URL(workspace.url).origin)
  const pool = new pg.Pool({ connectionString: database.sync, max: 3 })
  afterAll(() => pool.end())
  const connect = (url: string): Workspace =>
    createWorkspace({
      url,
      tokens: createTokens(workspace.issuer.keycloakUrl, 'ellipro', {
        kind: 'client',
        clientId: 'admin-sync-workspace',
        clientSecret: workspace.issuer.clientSecret,
      }),
      timeLimits: { contractMs: 1500, otherMs: 1500 },
    })
  const direct = connect(workspace.url)
  // The workspace makes its tables when it is first asked.
  await direct.listDigests('', 1)
  return {
    database,
    pool,
    workspace,
    proxy,
    direct,
    /** Through the proxy, which may be in trouble. */
    behindProxy: connect(`${proxy.url}/workspace`),
    /** Into our copy, and to the workspace. */
    async carry(
      contract: string,
      changes: Partial<ContractDocument> = {},
      { final = false } = {},
    ): Promise<ContractDocument> {
      const document = makeDocument(contract, changes)
      await storeCopy(pool, document)
      await direct.put(document, digestContract(document).digest, { final })
      await pool.query(
        `UPDATE ellipro.contract_transfer SET accepted_at = now(), accepted_digest = decode($2, 'hex'),
                frozen_at = CASE WHEN $3 THEN now() END, finished_at = CASE WHEN $3 THEN now() END
          WHERE contract = $1`,
        [contract, digestContract(document).digest, final],
      )
      return document
    },
    verify: (options: VerifyOptions & { by?: Workspace } = {}): Promise<ComparisonReport> => {
      const { by = direct, ...rest } = options
      return verifyContracts(pool, by, rest)
    },
    verdicts: async (): Promise<Record<string, string | null>> => {
      const { rows } = await pool.query<{ contract: string; verdict: string | null }>(
        'SELECT contract, verdict FROM ellipro.contract_transfer ORDER BY contract',
      )
      return Object.fromEntries(rows.map(({ contract, verdict }) => [contract, verdict]))
    },
    /** Everything on both sides goes away. */
    async clear() {
      await pool.query(
        `DELETE FROM ellipro.contract_transfer; DELETE FROM ellipro.legacy_contract;
         DELETE FROM ellipro.portfolio_line; DELETE FROM ellipro.monitoring`,
      )
      await workspace.pool.query(
        `TRUNCATE workspace.contract, workspace.price, workspace.country, workspace.portfolio, workspace.monitoring,
           workspace.analysis_order, workspace.idempotency_key`,
      )
    },
  }
}
