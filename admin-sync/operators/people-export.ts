/**
 * `people export`: everything that is stored about one e-mail address, for the person who asks for it. Each column is
 * named here, so that none comes out by being added to a table: no secret, digest, token or subject identifier ever
 * does. Names of other people (agents, the contract's contact) stay out as well.
 *
 * What is not stored here is in docs/privacy.md: the account at Keycloak, the ticket at the help desk, the mails
 * themselves, the log.
 */
import type pg from 'pg'

type Row = Record<string, unknown>
export type PersonExport = {
  address: string
  activations: Row[]
  requests: Row[]
  mails: Row[]
  accounts: Row[]
  addedContracts: Row[]
  /** Old messages of logins that were moved for the address: how many; who has moved saves the messages themselves. */
  mailboxes: Row[]
  /** Logins that may not be used with the address, because its owner said "it was not me". */
  blocked: Row[]
  /** As an agent. */
  sessions: Row[]
  decisionsTaken: Row[]
}

const isoList = (columns: string) => `coalesce(jsonb_agg(jsonb_build_object(${columns})`

const queries: Record<Exclude<keyof PersonExport, 'address'>, string> = {
  activations: `
    SELECT a.id, a.kind, a.state, a.reason, a.login, a.company, a.contract, a.address, a.locale, a.shared,
           a.holds AS "holdsLogin", a.created_at AS "createdAt", a.expires_at AS "expiresAt",
           a.confirmed_at AS "confirmedAt", a.opened_at AS "openedAt", a.signed_in_at AS "signedInAt",
           a.ended_at AS "endedAt",
           (SELECT ${isoList(`'at', e.at, 'from', e.from_state, 'to', e.to_state, 'reason', e.reason`)} ORDER BY e.id), '[]')
              FROM ellipro.activation_event e WHERE e.activation_id = a.id) AS history
      FROM ellipro.activation a WHERE a.address_key = $1 ORDER BY a.created_at`,
  requests: `
    SELECT r.id, c.reference, c.login, c.company, c.contract, r.state, r.reason, r.name, r.phone, r.address, r.locale,
           r.network, r.signals, r.waiting_id IS NOT NULL AS "fromActivation",
           r.holder_asked_at AS "holderAskedAt", r.holder_knows AS "holderKnows",
           r.holder_answered_at AS "holderAnsweredAt", r.contact_told_of_request_at AS "contactToldOfRequestAt",
           r.contact_told_of_opening_at AS "contactToldOfOpeningAt", r.created_at AS "createdAt",
           r.proved_at AS "provedAt", r.ended_at AS "endedAt",
           (SELECT jsonb_build_object('connector', t.connector, 'externalId', t.external_id, 'url', t.url)
              FROM ellipro.ticket t WHERE t.case_id = c.id) AS ticket,
           (SELECT ${isoList(`'kind', d.kind, 'reason', d.reason, 'called', d.called, 'state', d.state, 'outcome', d.outcome, 'at', d.created_at`)}
                     ORDER BY d.created_at), '[]') FROM ellipro.decision d WHERE d.request_id = r.id) AS decisions,
           (SELECT ${isoList(`'at', e.at, 'kind', e.kind, 'detail', e.detail`)} ORDER BY e.id), '[]')
              FROM ellipro.case_event e WHERE e.request_id = r.id) AS history
      FROM ellipro.access_request r JOIN ellipro.login_case c ON c.id = r.case_id
     WHERE r.address_key = $1 ORDER BY r.created_at`,
  mails: `SELECT kind, sent_at AS at FROM ellipro.mail WHERE address_key = $1 ORDER BY id`,
  accounts: `
    SELECT user_id AS "keycloakUser", state, created_at AS "createdAt"
      FROM ellipro.keycloak_user WHERE address_key = $1 ORDER BY created_at`,
  addedContracts: `
    SELECT d.contract, d.added_at AS at
      FROM ellipro.added_contract d JOIN ellipro.activation a ON a.id = d.activation_id
     WHERE a.address_key = $1 ORDER BY d.added_at`,
  mailboxes: `
    SELECT l.login, l.contract, z.messages, z.attachments, z.bytes::float8 AS bytes, z.kept_until AS "keptUntil",
           (SELECT ${isoList(`'at', s.created_at, 'outcome', s.outcome`)} ORDER BY s.created_at), '[]')
              FROM ellipro.mailbox_saving s JOIN ellipro.account_holding h ON h.user_id = s.user_id
             WHERE s.account = l.account AND h.activation_id = l.id) AS saved
      FROM (SELECT DISTINCT ON (account) id, account, login, contract FROM ellipro.activation
             WHERE address_key = $1 AND kind = 'legacy' AND opened_at IS NOT NULL
             ORDER BY account, opened_at DESC) l, ellipro.mailbox_size(l.account) z ORDER BY l.login`,
  blocked: `
    SELECT (SELECT a.login FROM ellipro.activation a WHERE a.account = b.account LIMIT 1) AS login, b.until
      FROM ellipro.blocked_pair b WHERE b.address_key = $1 ORDER BY b.until`,
  sessions: `
    SELECT name, state, reason, created_at AS "createdAt", expires_at AS "expiresAt"
      FROM ellipro.staff_session WHERE address_key = $1 ORDER BY created_at`,
  decisionsTaken: `
    SELECT d.kind, d.reason, d.called, d.state, d.outcome, d.created_at AS at, c.reference
      FROM ellipro.decision d JOIN ellipro.login_case c ON c.id = d.case_id
     WHERE d.user_id IN (SELECT s.user_id FROM ellipro.staff_session s WHERE s.address_key = $1
                         UNION SELECT k.user_id FROM ellipro.keycloak_user k WHERE k.address_key = $1 AND k.state = 'opened')
     ORDER BY d.created_at`,
}

/** @param address as it is spelt by whoever asks: capitals make no difference */
export async function exportPerson(pool: pg.Pool, address: string): Promise<PersonExport> {
  const typed = address.trim().normalize('NFC')
  const { rows } = await pool.query<{ key: string }>('SELECT ellipro.address_key($1) AS key', [typed])
  const found: [string, Row[]][] = []
  for (const [name, query] of Object.entries(queries))
    found.push([name, (await pool.query<Row>(query, [rows[0]?.key])).rows])
  return { address: typed, ...Object.fromEntries(found) } as PersonExport
}

/** Whether anything at all is stored. */
export const isKnown = ({ address: _address, ...lists }: PersonExport): boolean =>
  Object.values(lists).some((list) => list.length > 0)
