/**
 * The job `check-staff`: somebody signed in on the agents' pages, and provider stored their ID token. Verified here
 * (core/nonce.ts binds it to that session's cookie), and the session is granted or refused: to an agent, to a lead of the
 * migration, or to somebody who is both, as the two flags of the session say. The token is erased either way. Until then,
 * and without a granted session, the database shows nothing of either to provider.
 */
import { sessionNonce } from '../../core/nonce.ts'
import type { CaseJob } from '../cases/job.ts'
import { identifyStaff } from './agent.ts'

type Session = { cookieHash: Buffer; idToken: string; createdAt: Date; correlationId: string | null }

export const checkStaff: CaseJob = async (dependencies, id, checkpoint) => {
  const { pool, log } = dependencies
  const { rows } = await pool.query<Session>(
    `SELECT cookie_hash AS "cookieHash", id_token AS "idToken", created_at AS "createdAt", request_id AS "correlationId"
       FROM ellipro.staff_session
      WHERE id = $1 AND state = 'checking' AND expires_at > now() AND id_token IS NOT NULL`,
    [id],
  )
  const session = rows[0]
  if (!session) return 'nothing'
  const found = await identifyStaff(dependencies, session.idToken, {
    nonce: sessionNonce(session.cookieHash),
    receivedAt: session.createdAt,
  })
  await checkpoint('settle')
  const agent = found.status === 'agent' ? found.agent : undefined
  const code = found.status === 'refused' ? found.code : undefined
  // Signed out meanwhile: then it stays so.
  const { rowCount } = await pool.query(
    `UPDATE ellipro.staff_session
        SET state = $2, reason = $3, id_token = NULL, user_id = $4, name = ellipro.one_line($5, 200),
            address_key = ellipro.address_key($6), is_agent = $7, is_lead = $8
      WHERE id = $1 AND state = 'checking'`,
    [
      id,
      agent ? 'granted' : 'refused',
      code ?? null,
      agent?.userId ?? null,
      agent?.name ?? null,
      agent?.address ?? null,
      agent?.isAgent ?? false,
      agent?.isLead ?? false,
    ],
  )
  if (rowCount === 0) return 'superseded'
  const ids = {
    session: id,
    ...(session.correlationId !== null && { correlation_id: session.correlationId }),
  }
  if (found.status === 'agent') log.info({ event: 'staff.granted', ...ids, user_id: found.agent.userId })
  else
    log.warn({
      event: 'staff.refused',
      ...ids,
      code: found.code,
      ...(found.userId && { user_id: found.userId }),
    })
  return agent ? 'granted' : `refused:${code ?? ''}`
}
