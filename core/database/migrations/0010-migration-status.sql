-- The migration seen as a whole: the numbers and the list of logins that are left, for whoever leads it. provider shows
-- them to a session that admin-sync has granted to a lead, `admin-sync status` and `admin-sync left` to an operator; both
-- ask the functions below, so that there is one answer. They read what was imported, and never ask Cofacering.

-- ── who leads ───────────────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE ellipro.staff_session
  -- May see and decide cases: role relation-client.
  ADD COLUMN is_agent boolean NOT NULL DEFAULT false,
  -- May see the migration as a whole: role migration-lead.
  ADD COLUMN is_lead boolean NOT NULL DEFAULT false;
UPDATE ellipro.staff_session SET is_agent = true WHERE state = 'granted';
ALTER TABLE ellipro.staff_session ADD CHECK (state <> 'granted' OR is_agent OR is_lead);

-- As before, and only for an agent: a lead without the agents' role sees no case.
CREATE OR REPLACE FUNCTION ellipro.granted_session(p_cookie_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT id FROM staff_session WHERE cookie_hash = p_cookie_hash AND state = 'granted' AND is_agent AND expires_at > now()
$$;
CREATE FUNCTION ellipro.lead_session(p_cookie_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT id FROM staff_session WHERE cookie_hash = p_cookie_hash AND state = 'granted' AND is_lead AND expires_at > now()
$$;

DROP FUNCTION ellipro.staff_session_view(bytea);
-- No row when there is none, or when it is over.
CREATE FUNCTION ellipro.staff_session_view(p_cookie_hash bytea)
RETURNS TABLE (state text, reason text, name text, is_agent boolean, is_lead boolean, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT s.state, s.reason, s.name, s.is_agent, s.is_lead, s.expires_at FROM staff_session s
  WHERE s.cookie_hash = p_cookie_hash AND s.expires_at > now() AND s.state <> 'ended'
$$;

-- ── where each login stands ─────────────────────────────────────────────────────────────────────────────────────────

-- The list is read in pieces, in the order of bytes.
CREATE INDEX activation_by_account_bytes ON ellipro.activation (account COLLATE "C");
CREATE INDEX login_case_by_account_bytes ON ellipro.login_case (account COLLATE "C");

-- Every login that the import or anybody's activation or case knows, once: those after p_after by bytes, and not after
-- p_to unless that is NULL. state, the first that applies:
--   activated  an account was opened from it, and is there       under_way  a mail is out, or an account is being opened
--   agent      a proved request waits for an agent               gone       the last whole import did not find it
--   disabled   Cofacering has disabled it                        closed     its account is gone; the desk releases it
--   lapsed     somebody began and did not finish                 untouched  nobody has begun
-- activated_at: when the first account that is there now was opened.
CREATE FUNCTION ellipro.login_progress(p_after text, p_to text)
RETURNS TABLE (account text, state text, activated_at timestamptz)
-- Planned anew each time: a piece is looked up, the whole is read through.
LANGUAGE plpgsql STABLE SET search_path = ellipro, pg_temp SET plan_cache_mode = force_custom_plan SET work_mem = '32MB' AS $$
BEGIN
  RETURN QUERY
  WITH tried AS (
    SELECT a.account COLLATE "C" AS account,
      min(a.opened_at) FILTER (WHERE a.state = 'opened') AS activated_at,
      bool_or(a.state = 'opened') AS is_activated,
      bool_or(a.state = 'confirmed' OR (a.state IN ('requested', 'mailed') AND a.expires_at > now())) AS is_under_way,
      bool_or(a.state = 'closed') AS is_closed
    FROM activation a
    WHERE a.account COLLATE "C" > p_after AND (p_to IS NULL OR a.account COLLATE "C" <= p_to) GROUP BY 1
  ), cased AS (
    SELECT c.account COLLATE "C" AS account,
      EXISTS (SELECT FROM access_request r WHERE r.case_id = c.id AND r.state = 'proved') AS waits
    FROM login_case c WHERE c.account COLLATE "C" > p_after AND (p_to IS NULL OR c.account COLLATE "C" <= p_to)
  ), imported AS (
    SELECT l.account, l.missing_since, l.disabled
    FROM legacy_login l WHERE l.account > p_after AND (p_to IS NULL OR l.account <= p_to)
  )
  SELECT coalesce(l.account, t.account, c.account),
    CASE WHEN t.is_activated THEN 'activated'
         WHEN t.is_under_way THEN 'under_way'
         WHEN c.waits THEN 'agent'
         WHEN l.missing_since IS NOT NULL THEN 'gone'
         WHEN l.disabled THEN 'disabled'
         WHEN t.is_closed THEN 'closed'
         WHEN t.account IS NOT NULL THEN 'lapsed'
         ELSE 'untouched' END,
    t.activated_at
  FROM imported l
  FULL JOIN tried t ON t.account = l.account
  FULL JOIN cased c ON c.account = coalesce(l.account, t.account);
END $$;

-- The p_limit-th login after p_after, by bytes; NULL when there are fewer.
CREATE FUNCTION ellipro.login_piece_end(p_after text, p_limit integer) RETURNS text
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT k.account FROM (
    (SELECT account FROM legacy_login WHERE account > p_after COLLATE "C" ORDER BY account LIMIT p_limit)
    UNION
    (SELECT account COLLATE "C" FROM activation WHERE account COLLATE "C" > p_after GROUP BY 1 ORDER BY 1 LIMIT p_limit)
    UNION
    (SELECT account COLLATE "C" FROM login_case WHERE account COLLATE "C" > p_after ORDER BY 1 LIMIT p_limit)
  ) k ORDER BY 1 OFFSET p_limit - 1 LIMIT 1
$$;

-- What became of the contracts; for the metrics of admin-sync as well.
CREATE FUNCTION ellipro.contract_numbers() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT jsonb_build_object(
    'imported', (SELECT count(*) FROM legacy_contract WHERE missing_since IS NULL),
    'transferred', count(accepted_at),
    'finished', count(finished_at),
    'frozen', count(*) FILTER (WHERE frozen_at IS NOT NULL AND finished_at IS NULL),
    'identical', count(*) FILTER (WHERE verdict = 'identical'),
    'differing', count(*) FILTER (WHERE verdict = 'differing'),
    'missing', count(*) FILTER (WHERE verdict = 'missing'),
    'refused', count(refused),
    'failing', count(*) FILTER (WHERE last_error IS NOT NULL AND refused IS NULL),
    'comparedAt', max(verified_at)) FROM contract_transfer
$$;

-- All numbers of the migration, as provider/staff/migration/ and admin-sync/accounts/migration.ts read them; no personal
-- data. Days are those of Paris.
CREATE FUNCTION ellipro.migration_numbers() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  WITH progress AS MATERIALIZED (SELECT state, activated_at FROM login_progress('', NULL))
  SELECT jsonb_build_object(
    'asOf', now(),
    'importedAt', (SELECT max(ended_at) FROM import_run WHERE state = 'done' AND is_whole),
    'imported', (SELECT count(*) FROM legacy_login WHERE missing_since IS NULL),
    'logins', (SELECT coalesce(jsonb_object_agg(p.state, p.logins), '{}')
               FROM (SELECT state, count(*) AS logins FROM progress GROUP BY state) p),
    'days', (SELECT coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'activated', d.activated) ORDER BY d.day), '[]')
             FROM (SELECT (activated_at AT TIME ZONE 'Europe/Paris')::date AS day, count(*) AS activated
                   FROM progress WHERE activated_at IS NOT NULL GROUP BY 1) d),
    'cases', (SELECT jsonb_build_object(
                'open', (SELECT count(*) FROM login_case WHERE state = 'open'),
                'requests', count(*), 'oldestAt', min(proved_at)) FROM access_request WHERE state = 'proved'),
    'contracts', contract_numbers(),
    'mails', jsonb_build_object(
      'lastDay', (SELECT coalesce(jsonb_object_agg(m.kind, m.mails), '{}')
                  FROM (SELECT kind, count(*) AS mails FROM mail WHERE sent_at > now() - interval '24 hours' GROUP BY kind) m),
      -- Asked for, tried, and not with the mail server yet.
      'failing', (SELECT coalesce(jsonb_object_agg(f.code, f.mails), '{}') FROM (
                    SELECT m.last_error AS code, count(*) AS mails FROM (
                      SELECT last_error FROM activation WHERE state IN ('requested', 'mailed') AND expires_at > now()
                        AND last_error IS NOT NULL AND mailed_generation < mail_generation
                      UNION ALL
                      SELECT last_error FROM access_request WHERE state = 'asked' AND expires_at > now()
                        AND last_error IS NOT NULL AND mailed_generation < mail_generation) m GROUP BY 1) f)),
    -- What a process should have done, the oldest of it.
    'work', (SELECT jsonb_build_object('oldestAt', w.since, 'kind', w.kind) FROM (
        (SELECT kind, created_at AS since FROM outbox ORDER BY id LIMIT 1)
        UNION ALL
        (SELECT kind, created_at FROM case_outbox ORDER BY id LIMIT 1)
        UNION ALL
        SELECT 'send-confirmation', min(mail_requested_at) FROM activation
          WHERE state IN ('requested', 'mailed') AND expires_at > now() AND mailed_generation < mail_generation
        UNION ALL
        SELECT 'open-account', min(confirmed_at) FROM activation WHERE state = 'confirmed'
        UNION ALL
        SELECT 'send-proof', min(mail_requested_at) FROM access_request
          WHERE state = 'asked' AND expires_at > now() AND mailed_generation < mail_generation
        UNION ALL
        SELECT 'transfer-contract', min(frozen_at) FROM contract_transfer
          WHERE frozen_at IS NOT NULL AND finished_at IS NULL AND refused IS NULL) w (kind, since)
      WHERE w.since IS NOT NULL ORDER BY w.since LIMIT 1))
$$;

-- A piece of the list of logins that are left: those of the p_limit logins after p_after, by bytes, whose state is one of
-- p_states, and which Cofacering last saw before p_quiet_years ago or never (NULL: does not matter), or within
-- p_active_years. `next`: where the next piece begins; NULL when this was the last. Personal data.
CREATE FUNCTION ellipro.migration_left(
  p_after text, p_limit integer, p_states text[], p_quiet_years integer, p_active_years integer
) RETURNS TABLE (next text, logins jsonb)
LANGUAGE plpgsql STABLE SET search_path = ellipro, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  next := login_piece_end(p_after, least(greatest(p_limit, 1), 5000));
  SELECT coalesce(jsonb_agg(jsonb_build_object(
      'login', coalesce(l.login, c.login, a.login), 'company', coalesce(k.company, c.company, a.company),
      'contract', coalesce(l.contract, c.contract, a.contract),
      'contactName', coalesce(k.contact_name, c.contact_name), 'contactPhone', coalesce(k.contact_phone, c.contact_phone),
      'contactEmail', k.contact_email, 'shared', coalesce(l.shared, false) OR coalesce(c.state = 'open', false),
      'lastSignInAt', l.last_sign_in_at, 'state', p.state) ORDER BY p.account COLLATE "C"), '[]')
    INTO logins
    FROM login_progress(p_after, next) p
    LEFT JOIN (SELECT * FROM legacy_login i WHERE i.account > p_after AND (next IS NULL OR i.account <= next)) l
      ON l.account = p.account
    LEFT JOIN (SELECT * FROM login_case i
               WHERE i.account COLLATE "C" > p_after AND (next IS NULL OR i.account COLLATE "C" <= next)) c
      ON c.account COLLATE "C" = p.account
    -- Of a login that the import does not know.
    LEFT JOIN LATERAL (SELECT x.login, x.company, x.contract FROM activation x
      WHERE l.account IS NULL AND x.account = p.account COLLATE "default" ORDER BY x.created_at DESC LIMIT 1) a ON true
    LEFT JOIN legacy_contract k ON k.contract = coalesce(l.contract, c.contract, a.contract) COLLATE "C"
    WHERE p.state = ANY (p_states)
      AND (p_quiet_years IS NULL OR l.last_sign_in_at IS NULL
           OR l.last_sign_in_at < now() - make_interval(years => p_quiet_years))
      AND (p_active_years IS NULL OR l.last_sign_in_at >= now() - make_interval(years => p_active_years));
  RETURN NEXT;
END $$;

-- ── what a lead may ask through provider ────────────────────────────────────────────────────────────────────────────

-- Who took the list and what was asked for. A piece of the list is given only to the session that began a download, and
-- that stands in the list of what was done by hand before the first line leaves.
CREATE TABLE ellipro.left_download (
  id uuid PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES ellipro.staff_session (id) ON DELETE CASCADE,
  states text[] NOT NULL CHECK (cardinality(states) BETWEEN 1 AND 20),
  quiet_years integer CHECK (quiet_years BETWEEN 0 AND 100),
  active_years integer CHECK (active_years BETWEEN 0 AND 100),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX left_download_by_session ON ellipro.left_download (session_id);
GRANT SELECT ON ellipro.left_download TO ellipro_sync;

-- NULL without a lead's session.
CREATE FUNCTION ellipro.staff_migration(p_cookie_hash bytea) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN lead_session(p_cookie_hash) IS NOT NULL THEN migration_numbers() END
$$;

-- false without a lead's session.
CREATE FUNCTION ellipro.begin_left_download(
  p_cookie_hash bytea, p_id uuid, p_states text[], p_quiet_years integer, p_active_years integer
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_session uuid := lead_session(p_cookie_hash);
BEGIN
  IF v_session IS NULL THEN RETURN false; END IF;
  INSERT INTO left_download (id, session_id, states, quiet_years, active_years)
    VALUES (p_id, v_session, p_states, p_quiet_years, p_active_years);
  INSERT INTO operator_action (operator, command, reason, outcome)
    SELECT left(btrim(one_line(s.name, 100)), 100), 'left',
      one_line(concat_ws('; ', 'download ' || p_id, array_to_string(p_states, ', '),
        'not seen for ' || p_quiet_years || ' years', 'seen within ' || p_active_years || ' years'), 500), 'begun'
    FROM staff_session s WHERE s.id = v_session;
  RETURN true;
END $$;

-- No row without a lead's session, or for a download that it did not begin.
CREATE FUNCTION ellipro.left_page(p_cookie_hash bytea, p_id uuid, p_after text, p_limit integer)
RETURNS TABLE (next text, logins jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT m.next, m.logins FROM left_download d
    CROSS JOIN LATERAL migration_left(p_after, p_limit, d.states, d.quiet_years, d.active_years) m
  WHERE d.id = p_id AND d.session_id = lead_session(p_cookie_hash)
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ellipro FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  ellipro.staff_session_view(bytea),
  ellipro.staff_migration(bytea),
  ellipro.begin_left_download(bytea, uuid, text[], integer, integer),
  ellipro.left_page(bytea, uuid, text, integer)
TO ellipro_provider;
GRANT EXECUTE ON FUNCTION
  ellipro.login_progress(text, text),
  ellipro.login_piece_end(text, integer),
  ellipro.contract_numbers(),
  ellipro.migration_numbers(),
  ellipro.migration_left(text, integer, text[], integer, integer)
TO ellipro_sync;
