-- Saving the old messages of a login. provider has no right on a message: it opens one mailbox by a proof, which leaves
-- a line that it cannot take back, is counted, and ends; with the id that it gets it reads that mailbox in pieces.
--
-- Two proofs open a mailbox: a sign-in with the Cofacering password half an hour ago at most, while nobody holds the
-- login; and, once it is held, a session of the person whose own activation it was, for which admin-sync has verified an
-- ID token. Whoever got an access from an agent has proved no password of the login, and opens none.

INSERT INTO ellipro.setting (name, value, description) VALUES
  ('reader_minutes', 20, 'Minutes that a person stays signed in on the page of the old messages.'),
  ('unchecked_readers', 200, 'Sign-ins on the page of the old messages that may wait for admin-sync at a time.'),
  ('mailboxes_per_hour', 600, 'Mailboxes opened in one hour over all logins: bounds what a taken-over provider can read.'),
  ('savings_per_mailbox_per_day', 20, 'Times that one mailbox may be opened in 24 hours.'),
  ('savings_at_once', 2, 'Mailboxes that one person may be saving at a time.'),
  ('saving_idle_minutes', 10, 'Minutes without a read after which a saving is over: its process is gone.'),
  ('saving_hours', 6, 'Hours that the saving of one mailbox may take.'),
  ('saving_log_days', 365, 'Days that it is kept who saved which mailbox when.');

-- The page lists them in the order in which they were sent.
CREATE INDEX legacy_message_by_date ON ellipro.legacy_message (account, sent_at, message);
-- Read in pieces: of a compressed value each piece would cost the whole. Attachments are compressed already.
ALTER TABLE ellipro.legacy_attachment ALTER COLUMN content SET STORAGE EXTERNAL;

-- A person who signed in at Keycloak to save messages. As ellipro.staff_session.
CREATE TABLE ellipro.reader_session (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  cookie_hash bytea NOT NULL UNIQUE CHECK (length(cookie_hash) = 32),
  state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'granted', 'refused', 'ended')),
  reason text,
  id_token text CHECK (length(id_token) <= 8000),
  user_id text,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CHECK (state <> 'granted' OR user_id IS NOT NULL)
);
CREATE INDEX reader_session_by_expiry ON ellipro.reader_session (expires_at);

-- Who opened which mailbox. Its id reads it until ended_at, or until nobody has read for saving_idle_minutes.
CREATE TABLE ellipro.mailbox_saving (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account text COLLATE "C" NOT NULL,
  proof text NOT NULL CHECK (proof IN ('password', 'account')),
  -- Of proof `account`: the Keycloak user.
  user_id text CHECK ((user_id IS NOT NULL) = (proof = 'account')),
  -- Who may have so many at once: SHA-256 of the sign-in's cookie, or of the user id.
  reader bytea NOT NULL CHECK (length(reader) = 32),
  messages integer NOT NULL,
  bytes bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  read_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  -- 'saved' | 'broken', as provider says it; NULL: its process died.
  outcome text CHECK (outcome IN ('saved', 'broken'))
);
CREATE INDEX mailbox_saving_by_account ON ellipro.mailbox_saving (account, created_at);
CREATE INDEX mailbox_saving_recent ON ellipro.mailbox_saving (created_at);
CREATE INDEX mailbox_saving_under_way ON ellipro.mailbox_saving (reader) WHERE ended_at IS NULL;

ALTER TABLE ellipro.case_outbox DROP CONSTRAINT case_outbox_kind_check, ADD CONSTRAINT case_outbox_kind_check
  CHECK (kind IN ('send-proof', 'acknowledge', 'ask-holder', 'tell-case-contact', 'tell-refusal', 'sync-case',
    'push-ticket', 'poll-tickets', 'check-staff', 'apply-decision', 'warn-holder', 'add-contract',
    'transfer-contract', 'sync-entitlements',
    -- The id is that of reader_session.
    'check-reader'));

-- ── not granted to provider ─────────────────────────────────────────────────────────────────────────────────────────

-- Messages until their time is over, whether they are purged by then or not. Written so that the setting is read once and
-- not for each message, and that no plan goes through all messages by imported_at to find those of one login.
CREATE VIEW ellipro.kept_message AS
  SELECT * FROM ellipro.legacy_message
   WHERE imported_at + (SELECT make_interval(days => ellipro.setting_value('old_message_days'))) > now();

-- No row: no messages. `kept_until`: when the first of them goes. Sizes without reading any content.
CREATE FUNCTION ellipro.mailbox_size(p_account text)
RETURNS TABLE (messages integer, attachments integer, bytes bigint, kept_until timestamptz)
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT m.messages, a.attachments, m.bytes + a.bytes, m.kept_until
  FROM (SELECT count(*)::integer AS messages, coalesce(sum(octet_length(body)), 0)::bigint AS bytes,
          min(imported_at) + make_interval(days => setting_value('old_message_days')) AS kept_until
        FROM kept_message WHERE account = p_account) m,
    (SELECT count(*)::integer AS attachments, coalesce(sum(octet_length(f.content)), 0)::bigint AS bytes
     FROM kept_message k JOIN legacy_attachment f USING (account, message) WHERE k.account = p_account) a
  WHERE m.messages > 0
$$;

-- The login that this browser has just proved, while nobody holds it.
CREATE FUNCTION ellipro.proved_login(p_sign_in bytea) RETURNS TABLE (account text, login text, company text)
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT s.account, s.login, s.company FROM provider.legacy_sign_in s
  WHERE s.cookie_hash = p_sign_in AND s.expires_at > now() AND NOT EXISTS (SELECT FROM login_holder(s.account))
$$;

-- The logins whose password this person gave when they moved. `id`: of the activation.
CREATE FUNCTION ellipro.own_logins(p_user_id text) RETURNS TABLE (id uuid, account text, login text, company text)
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT DISTINCT ON (a.account) a.id, a.account, a.login, a.company
  FROM account_holding h JOIN activation a ON a.id = h.activation_id
  WHERE h.user_id = p_user_id AND a.kind = 'legacy' AND a.state = 'opened'
  ORDER BY a.account, a.opened_at DESC NULLS LAST
$$;

CREATE FUNCTION ellipro.granted_reader(p_cookie_hash bytea) RETURNS text
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT user_id FROM reader_session WHERE cookie_hash = p_cookie_hash AND state = 'granted' AND expires_at > now()
$$;

-- Opens a mailbox for whoever has proved it: 'opened' with the id to read it by, or why not: 'empty' | 'at_once' |
-- 'mailbox_day' | 'hour'.
CREATE FUNCTION ellipro.open_mailbox(p_account text, p_user_id text, p_reader bytea)
RETURNS TABLE (outcome text, id uuid, messages integer, attachments integer, bytes bigint)
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  z record;
  v_id uuid;
BEGIN
  -- One at a time: the limits are then exact, whatever the number of replicas.
  PERFORM pg_advisory_xact_lock(hashtextextended('mailboxes', 0));
  SELECT * INTO z FROM mailbox_size(p_account);
  IF z.messages IS NULL THEN
    RETURN QUERY SELECT 'empty', NULL::uuid, 0, 0, 0::bigint; RETURN;
  END IF;
  IF (SELECT count(*) FROM mailbox_saving s WHERE s.reader = p_reader AND s.ended_at IS NULL
        AND s.read_at > now() - make_interval(mins => setting_value('saving_idle_minutes')))
     >= setting_value('savings_at_once') THEN
    RETURN QUERY SELECT 'at_once', NULL::uuid, 0, 0, 0::bigint; RETURN;
  END IF;
  IF (SELECT count(*) FROM mailbox_saving s WHERE s.account = p_account AND s.created_at > now() - interval '24 hours')
     >= setting_value('savings_per_mailbox_per_day') THEN
    RETURN QUERY SELECT 'mailbox_day', NULL::uuid, 0, 0, 0::bigint; RETURN;
  END IF;
  IF (SELECT count(*) FROM mailbox_saving s WHERE s.created_at > now() - interval '1 hour')
     >= setting_value('mailboxes_per_hour') THEN
    RETURN QUERY SELECT 'hour', NULL::uuid, 0, 0, 0::bigint; RETURN;
  END IF;
  INSERT INTO mailbox_saving (account, proof, user_id, reader, messages, bytes)
    VALUES (p_account, CASE WHEN p_user_id IS NULL THEN 'password' ELSE 'account' END, p_user_id, p_reader, z.messages, z.bytes)
    RETURNING mailbox_saving.id INTO v_id;
  RETURN QUERY SELECT 'opened', v_id, z.messages, z.attachments, z.bytes;
END $$;

-- The mailbox that a saving reads. Raises when it is over: what was sent so far is not a whole mailbox.
CREATE FUNCTION ellipro.saving_account(p_saving uuid) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  s mailbox_saving;
BEGIN
  SELECT * INTO s FROM mailbox_saving WHERE id = p_saving AND ended_at IS NULL
    AND read_at > now() - make_interval(mins => setting_value('saving_idle_minutes'))
    AND created_at > now() - make_interval(hours => setting_value('saving_hours'));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'saving_account: no such saving, or it is over' USING ERRCODE = 'no_data_found';
  END IF;
  -- Not at each of a thousand reads.
  IF s.read_at < now() - interval '10 seconds' THEN
    UPDATE mailbox_saving SET read_at = now() WHERE id = p_saving;
  END IF;
  RETURN s.account;
END $$;

-- ── for provider ────────────────────────────────────────────────────────────────────────────────────────────────────

-- What stands in the mailbox of the login that this browser has just proved. No row: nothing to save.
CREATE FUNCTION ellipro.login_mailbox(p_sign_in bytea)
RETURNS TABLE (login text, company text, messages integer, bytes bigint, kept_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT p.login, p.company, z.messages, z.bytes, z.kept_until
  FROM proved_login(p_sign_in) p, mailbox_size(p.account) z
$$;

CREATE FUNCTION ellipro.begin_reader_session(p_cookie_hash bytea, p_id_token text, p_request_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_id uuid;
BEGIN
  IF (length(p_cookie_hash) = 32 AND length(p_id_token) > 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'begin_reader_session: malformed secret';
  END IF;
  -- Whoever has an account can come as far as this: what admin-sync has not looked at yet does not grow without end.
  PERFORM pg_advisory_xact_lock(hashtextextended('reader sessions', 0));
  IF (SELECT count(*) FROM reader_session WHERE state = 'checking' AND expires_at > now()) >= setting_value('unchecked_readers') THEN
    RAISE EXCEPTION 'begin_reader_session: too many wait' USING ERRCODE = 'configuration_limit_exceeded';
  END IF;
  INSERT INTO reader_session (cookie_hash, id_token, request_id, expires_at)
    VALUES (p_cookie_hash, p_id_token, left(p_request_id, 36), now() + make_interval(mins => setting_value('reader_minutes')))
    RETURNING id INTO v_id;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('check-reader', v_id);
END $$;

-- No row when there is none, or when it is over.
CREATE FUNCTION ellipro.reader_session_view(p_cookie_hash bytea) RETURNS TABLE (state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT s.state FROM reader_session s
  WHERE s.cookie_hash = p_cookie_hash AND s.expires_at > now() AND s.state <> 'ended'
$$;

CREATE FUNCTION ellipro.end_reader_session(p_cookie_hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  UPDATE reader_session SET state = 'ended', id_token = NULL, expires_at = now() WHERE cookie_hash = p_cookie_hash
$$;

-- The mailboxes of a session's person that hold messages. No row without a granted session.
CREATE FUNCTION ellipro.reader_mailboxes(p_cookie_hash bytea)
RETURNS TABLE (id uuid, login text, company text, messages integer, bytes bigint, kept_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT o.id, o.login, o.company, z.messages, z.bytes, z.kept_until
  FROM own_logins(granted_reader(p_cookie_hash)) o, mailbox_size(o.account) z ORDER BY o.login, o.id
$$;

-- 'gone': this browser has proved no login a short while ago, or the login is held meanwhile.
CREATE FUNCTION ellipro.open_login_mailbox(p_sign_in bytea)
RETURNS TABLE (outcome text, id uuid, login text, messages integer, attachments integer, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  p record;
BEGIN
  SELECT * INTO p FROM proved_login(p_sign_in);
  IF NOT FOUND THEN RETURN QUERY SELECT 'gone', NULL::uuid, NULL, 0, 0, 0::bigint; RETURN; END IF;
  RETURN QUERY SELECT o.outcome, o.id, p.login, o.messages, o.attachments, o.bytes
    FROM open_mailbox(p.account, NULL, sha256('sign-in:'::bytea || p_sign_in)) o;
END $$;

-- 'gone': no granted session, or no mailbox of its person.
CREATE FUNCTION ellipro.open_reader_mailbox(p_cookie_hash bytea, p_mailbox uuid)
RETURNS TABLE (outcome text, id uuid, login text, messages integer, attachments integer, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_user text := granted_reader(p_cookie_hash);
  p record;
BEGIN
  SELECT * INTO p FROM own_logins(v_user) o WHERE o.id = p_mailbox;
  IF NOT FOUND THEN RETURN QUERY SELECT 'gone', NULL::uuid, NULL, 0, 0, 0::bigint; RETURN; END IF;
  RETURN QUERY SELECT o.outcome, o.id, p.login, o.messages, o.attachments, o.bytes
    FROM open_mailbox(p.account, v_user, sha256(convert_to('user:' || v_user, 'UTF8'))) o;
END $$;

-- Messages after one of them (NULL: from the beginning), oldest first: at most 200, and no further one once their bodies
-- have p_bytes together. Raises when that one is not there any more: nobody knows then what comes after it. `attachments`: [{"place": 1, "name": "…", "type": "…", "bytes": 1}, …]
CREATE FUNCTION ellipro.saving_messages(p_saving uuid, p_after text, p_bytes integer)
RETURNS TABLE (message text, sent_at timestamptz, sender text, subject text, body text, attachments jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_account text := saving_account(p_saving);
  v_after timestamptz := '-infinity';
BEGIN
  IF p_after IS NOT NULL THEN
    SELECT k.sent_at INTO STRICT v_after FROM legacy_message k WHERE k.account = v_account AND k.message = p_after;
  END IF;
  RETURN QUERY
  WITH next AS (
    SELECT k.message, k.sent_at, octet_length(k.body) AS size FROM kept_message k
    WHERE k.account = v_account
      AND (k.sent_at, k.message) > (v_after, coalesce(p_after, '') COLLATE "C")
    ORDER BY k.sent_at, k.message LIMIT 200
  ), counted AS (
    SELECT n.message, sum(n.size) OVER (ORDER BY n.sent_at, n.message) - n.size AS before FROM next n
  )
  SELECT k.message, k.sent_at, k.sender, k.subject, k.body,
    coalesce((SELECT jsonb_agg(jsonb_build_object('place', f.place, 'name', f.name, 'type', f.media_type,
                                                  'bytes', octet_length(f.content)) ORDER BY f.place)
              FROM legacy_attachment f WHERE f.account = v_account AND f.message = k.message), '[]')
  FROM counted c JOIN legacy_message k ON k.account = v_account AND k.message = c.message
  WHERE c.before < p_bytes ORDER BY k.sent_at, k.message;
END $$;

-- A piece of an attachment, from byte p_from (the first is 0) on; empty at its end, NULL when it is not there any more.
CREATE FUNCTION ellipro.saving_attachment(p_saving uuid, p_message text, p_place integer, p_from integer, p_bytes integer)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_account text := saving_account(p_saving);
BEGIN
  RETURN (SELECT substring(f.content FROM p_from + 1 FOR least(p_bytes, 1048576)) FROM legacy_attachment f
          WHERE f.account = v_account AND f.message = p_message AND f.place = p_place);
END $$;

-- Ends the right to read. p_whole: all of it was sent.
CREATE FUNCTION ellipro.end_saving(p_saving uuid, p_whole boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  UPDATE mailbox_saving SET ended_at = now(), outcome = CASE WHEN p_whole THEN 'saved' ELSE 'broken' END
  WHERE id = p_saving AND ended_at IS NULL
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ellipro.reader_session TO ellipro_sync;
GRANT SELECT, DELETE ON ellipro.mailbox_saving TO ellipro_sync;
GRANT SELECT ON ellipro.kept_message TO ellipro_sync;
REVOKE ALL ON FUNCTION
  ellipro.mailbox_size(text),
  ellipro.proved_login(bytea),
  ellipro.own_logins(text),
  ellipro.granted_reader(bytea),
  ellipro.open_mailbox(text, text, bytea),
  ellipro.saving_account(uuid),
  ellipro.login_mailbox(bytea),
  ellipro.begin_reader_session(bytea, text, text),
  ellipro.reader_session_view(bytea),
  ellipro.end_reader_session(bytea),
  ellipro.reader_mailboxes(bytea),
  ellipro.open_login_mailbox(bytea),
  ellipro.open_reader_mailbox(bytea, uuid),
  ellipro.saving_messages(uuid, text, integer),
  ellipro.saving_attachment(uuid, text, integer, integer, integer),
  ellipro.end_saving(uuid, boolean)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  ellipro.login_mailbox(bytea),
  ellipro.begin_reader_session(bytea, text, text),
  ellipro.reader_session_view(bytea),
  ellipro.end_reader_session(bytea),
  ellipro.reader_mailboxes(bytea),
  ellipro.open_login_mailbox(bytea),
  ellipro.open_reader_mailbox(bytea, uuid),
  ellipro.saving_messages(uuid, text, integer),
  ellipro.saving_attachment(uuid, text, integer, integer, integer),
  ellipro.end_saving(uuid, boolean)
TO ellipro_provider;
GRANT EXECUTE ON FUNCTION ellipro.own_logins(text), ellipro.mailbox_size(text) TO ellipro_sync;
