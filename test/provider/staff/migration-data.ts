/** A move that is under way, in the database: logins as an import leaves them, accounts that were opened, contracts. */
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { sha256 } from '../activation/stand-in.ts'

/**
 * 400 logins of 100 contracts, of which 150 came over in the 60 days before now, 10 a little at a time.
 * @param pool connections of the role `ellipro_sync`
 */
export async function makeMove(pool: pg.Pool): Promise<void> {
  await pool.query(`
    INSERT INTO ellipro.import_run (source, state, is_whole, ended_at) VALUES ('sql', 'done', true, now() - interval '2 days');
    INSERT INTO ellipro.legacy_contract (contract, company, country, number, tariff, fee_cents, currency, signed_on,
        contact_name, contact_email, contact_phone, reports, analyses, score)
      SELECT 'CF-' || lpad(n::text, 5, '0'), 'Société numéro ' || n, 'FR', lpad(n::text, 9, '0'), 'Standard', 120000, 'EUR',
        '2019-03-01', 'Mme Durand ' || n, 'contact' || n || '@societe.example', '01234567' || lpad((n % 100)::text, 2, '0'), '{}', '{}', true
      FROM generate_series(1, 100) n;
    INSERT INTO ellipro.legacy_login (account, login, contract, shared, disabled, last_sign_in_at)
      SELECT 'account-' || lpad(n::text, 4, '0'), 'login' || n, 'CF-' || lpad((n % 100 + 1)::text, 5, '0'), n % 20 = 0, n % 40 = 39,
        CASE WHEN n % 9 = 0 THEN NULL ELSE now() - make_interval(days => n * 5) END
      FROM generate_series(1, 400) n;
    INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at, opened_at)
      SELECT 'opened', 'account-' || lpad(n::text, 4, '0'), 'login' || n, 'Société', 'CF-00001', 'p' || n || '@societe.example', 'fr',
        now(), now() - make_interval(days => ((n * n / 7) % 60))
      FROM generate_series(1, 150) n;
    INSERT INTO ellipro.activation (state, account, login, company, contract, address, locale, expires_at)
      SELECT CASE WHEN n % 3 = 0 THEN 'expired' ELSE 'mailed' END, 'account-' || lpad(n::text, 4, '0'), 'login' || n, 'Société', 'CF-00001',
        'p' || n || '@societe.example', 'fr', now() + interval '3 hours'
      FROM generate_series(200, 230) n;
    UPDATE ellipro.activation SET mailed_generation = 1;
    INSERT INTO ellipro.contract_transfer (contract) SELECT contract FROM ellipro.legacy_contract ON CONFLICT DO NOTHING;
    UPDATE ellipro.contract_transfer SET accepted_at = now(), verdict = 'identical', verified_at = now() WHERE contract < 'CF-00090';
    UPDATE ellipro.contract_transfer SET verdict = 'differing' WHERE contract = 'CF-00050';
    INSERT INTO ellipro.mail (kind, address_key) SELECT 'confirmation', 'x@societe.example' FROM generate_series(1, 12);
  `)
}

/** A session that admin-sync has granted. @returns the cookie */
export async function grantSession(
  pool: pg.Pool,
  o: { isAgent?: boolean; isLead?: boolean; name?: string },
): Promise<{ secret: string; hash: Buffer }> {
  const secret = randomBytes(32)
  const hash = sha256(secret)
  await pool.query(
    `INSERT INTO ellipro.staff_session (cookie_hash, state, user_id, name, is_agent, is_lead, expires_at)
     VALUES ($1, 'granted', $2, $3, $4, $5, now() + interval '1 hour')`,
    [hash, randomBytes(4).toString('hex'), o.name ?? 'Hélène Garnier', o.isAgent ?? false, o.isLead ?? false],
  )
  return { secret: secret.toString('base64url'), hash }
}
