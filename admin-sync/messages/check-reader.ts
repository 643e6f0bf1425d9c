/**
 * The job `check-reader`: somebody signed in on the page of the old messages, and provider stored their ID token.
 * Verified here (core/nonce.ts binds it to that session's cookie), and the session is granted to the person that it names
 * or refused. The token is erased either way. Which mailboxes that person has is the database's answer
 * (core/database/migrations/0009-messages.sql); here it is only found out who they are.
 */
import { readerNonce } from '../../core/nonce.ts'
import type { CaseJob } from '../cases/job.ts'

type Session = { cookieHash: Buffer; idToken: string; createdAt: Date; correlationId: string | null }

export const checkReader: CaseJob = async ({ pool, log, verifyIdToken }, id, checkpoint) => {
  const { rows } = await pool.query<Session>(
    `SELECT cookie_hash AS "cookieHash", id_token AS "idToken", created_at AS "createdAt", request_id AS "correlationId"
       FROM ellipro.reader_session
      WHERE id = $1 AND state = 'checking' AND expires_at > now() AND id_token IS NOT NULL`,
    [id],
  )
  const session = rows[0]
  if (!session) return 'nothing'
  const verified = await verifyIdToken(session.idToken, {
    nonce: readerNonce(session.cookieHash),
    receivedAt: session.createdAt,
  })
  await checkpoint('settle')
  const userId = verified.status === 'verified' ? verified.identity.userId : undefined
  const code = verified.status === 'refused' ? verified.code : undefined
  // Signed out meanwhile: then it stays so.
  const { rowCount } = await pool.query(
    `UPDATE ellipro.reader_session SET state = $2, reason = $3, id_token = NULL, user_id = $4
      WHERE id = $1 AND state = 'checking'`,
    [id, userId === undefined ? 'refused' : 'granted', code ?? null, userId ?? null],
  )
  if (rowCount === 0) return 'superseded'
  const ids = {
    session: id,
    ...(session.correlationId !== null && { correlation_id: session.correlationId }),
  }
  if (userId === undefined) log.warn({ event: 'messages.refused', ...ids, code })
  else log.info({ event: 'messages.granted', ...ids, user_id: userId })
  return userId === undefined ? `refused:${code ?? ''}` : 'granted'
}
