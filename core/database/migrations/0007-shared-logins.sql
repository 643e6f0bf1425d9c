-- Shared logins: one case a legacy login, the requests of the people who need an access of their own, what agents
-- decide, and the ticket at the help desk. provider reaches all of it through the functions at the end; what an agent
-- sees needs a session that admin-sync has granted, and a decision counts only when admin-sync has verified the ID
-- token that came with it.

INSERT INTO ellipro.setting (name, value, description) VALUES
  ('requests_per_case', 20, 'Requests with a proved address that one case holds open at a time; more people are asked to call.'),
  ('requests_per_hour', 300, 'Requests accepted in one hour over all logins.'),
  ('requests_per_login_per_day', 40, 'Requests accepted in 24 hours on one legacy login.'),
  ('request_hours', 24, 'Hours in which the address of a request must be proved.'),
  ('granted_mails', 10, 'Mails of one access opened by an agent, those that its person asks for again among them.'),
  ('granted_hours', 168, 'Hours that an access opened by an agent waits for its person.'),
  ('handover_hours', 48, 'Hours after which "the holder left" counts without a second agent.'),
  ('unchecked_sessions', 100, 'Sign-ins of agents that may wait for admin-sync at a time.'),
  ('unchecked_decisions', 20, 'Decisions of one agent''s session that may wait for admin-sync at a time.'),
  ('staff_session_minutes', 480, 'Minutes that an agent stays signed in on the agents'' pages.'),
  ('addition_minutes', 10, 'Minutes between the password and the sign-in that add a contract to an account.'),
  ('ended_request_days', 30, 'Days that a request which expired or was withdrawn is kept.'),
  ('closed_case_days', 365, 'Days that a closed case is kept, and a refused request of an open one.');

-- ── granted activations, and who holds a login ──────────────────────────────────────────────────────────────────────

ALTER TABLE ellipro.activation
  -- Whether it is the one that holds its login once it is confirmed.
  ADD COLUMN holds boolean NOT NULL DEFAULT true,
  -- Of a granted one that takes the place of a holder who left.
  ADD COLUMN succeeds uuid REFERENCES ellipro.activation (id),
  -- A shared login whose first address is not of the contract's: an agent decides. Written by admin-sync.
  ADD COLUMN needs_agent boolean NOT NULL DEFAULT false,
  ADD CHECK (kind = 'granted' OR (holds AND succeeds IS NULL));

CREATE INDEX activation_by_contract ON ellipro.activation (contract) WHERE state = 'opened';

DROP INDEX ellipro.activation_one_holder;
CREATE UNIQUE INDEX activation_one_holder ON ellipro.activation (account)
  WHERE holds AND state IN ('confirmed', 'opened', 'closed');

ALTER TABLE ellipro.activation_secret
  -- SHA-256 of the cookie of the browser that gave link and password to add a contract to an account, and when.
  ADD COLUMN addition_hash bytea,
  ADD COLUMN addition_at timestamptz,
  -- What came back from Keycloak and when, until admin-sync has verified it; then the user that it named.
  ADD COLUMN addition_token text CHECK (length(addition_token) <= 8000),
  ADD COLUMN addition_received_at timestamptz,
  ADD COLUMN addition_user_id text,
  -- How it ended: 'added', or a short code.
  ADD COLUMN addition_outcome text;

-- Contracts that were added to an account that existed before. Only admin-sync writes it, in the transaction in which
-- the activation opens.
CREATE TABLE ellipro.added_contract (
  activation_id uuid PRIMARY KEY REFERENCES ellipro.activation (id),
  user_id text NOT NULL,
  contract text NOT NULL,
  -- The account had this contract already: it keeps it when the login is released.
  had_before boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When Keycloak had it; NULL until then.
  added_at timestamptz
);
CREATE INDEX added_contract_by_user ON ellipro.added_contract (user_id);
CREATE INDEX added_contract_unfinished ON ellipro.added_contract (created_at) WHERE added_at IS NULL;

-- Which Keycloak user an activation opened, or added its contract to. `own`: the user was made for it, and goes with it.
CREATE VIEW ellipro.account_holding AS
  SELECT opened_by AS activation_id, user_id, true AS own FROM ellipro.keycloak_user WHERE state = 'opened'
  UNION ALL SELECT activation_id, user_id, false FROM ellipro.added_contract;

ALTER TABLE ellipro.outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
  CHECK (kind IN ('send-confirmation', 'open-account', 'unlink', 'release', 'close-account', 'notify-closed', 'notify-contact'));

-- ── cases ───────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE ellipro.login_case (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- What people and the help desk call it.
  reference text NOT NULL UNIQUE CHECK (reference ~ '^ELP-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$'),
  account text NOT NULL UNIQUE CHECK (length(account) BETWEEN 1 AND 255),
  -- As first seen; from the first pass on as the legacy data say.
  login text NOT NULL,
  company text NOT NULL,
  contract text NOT NULL,
  known_domains text[] NOT NULL DEFAULT '{}',
  -- From the contract: the number that an agent calls back.
  contact_name text,
  contact_phone text,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  closed_reason text,
  closed_at timestamptz,
  -- Grows with each decision that counted: what an agent saw is out of date afterwards.
  generation integer NOT NULL DEFAULT 1,
  -- Code of the mail that asks the holder, and the activation of that holder: the code ends with it. Only admin-sync
  -- writes them.
  holder_hash bytea,
  holder_id uuid REFERENCES ellipro.activation (id),
  -- Requests beyond the limit were told to call; the ticket says so once.
  overflowed_at timestamptz,
  -- A ticket closed by hand with requests open was opened again, once.
  reopened_at timestamptz,
  -- When `shared_login` was taken from the users, after the case was closed: what is set later was set by somebody.
  unmarked_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When anything of it changed, for passes.
  changed_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX login_case_open ON ellipro.login_case (created_at) WHERE state = 'open';
CREATE INDEX login_case_closed ON ellipro.login_case (closed_at) WHERE state = 'closed';
CREATE INDEX login_case_by_login ON ellipro.login_case (lower(login COLLATE "und-x-icu"));

CREATE TABLE ellipro.case_source (
  case_id uuid NOT NULL REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  source text NOT NULL CHECK (source IN ('legacy_flag', 'said_shared', 'second_activation', 'console', 'import')),
  at timestamptz NOT NULL DEFAULT now(),
  -- Said again later in the console: not shared.
  removed_at timestamptz,
  -- Of source `console`: the Keycloak user on whom an administrator set it.
  user_id text,
  PRIMARY KEY (case_id, source)
);

CREATE TABLE ellipro.access_request (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  case_id uuid NOT NULL REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'asked' CHECK (state IN
    ('asked', 'proved', 'granting', 'opened', 'refused', 'expired', 'withdrawn')),
  -- Of a refusal: the agent's words to the person.
  reason text CHECK (length(reason) <= 2000),
  -- As typed; never in a mail to an address that is not proved. NULL: came from an activation, not said yet.
  name text CHECK (length(name) BETWEEN 1 AND 200),
  phone text CHECK (length(phone) BETWEEN 1 AND 40),
  address text NOT NULL CHECK (length(address) <= 254
    AND address ~ '^[^\u0001-\u0020\u007f-\u00a0\u2000-\u206f\ufeff@]+@[^\u0001-\u0020\u007f-\u00a0\u2000-\u206f\ufeff@]+$'),
  address_key text NOT NULL GENERATED ALWAYS AS (ellipro.address_key(address)) STORED,
  locale text NOT NULL CHECK (locale IN ('fr', 'en')),
  -- /24 or /64 that it was asked from, for the agent's eyes.
  network text CHECK (length(network) <= 64),
  -- What an agent should look at, written by admin-sync: {"codes": ["free_mail", …]}.
  signals jsonb NOT NULL DEFAULT '{}',
  -- The `waiting` activation that it came from, and the `granted` one that it led to.
  waiting_id uuid UNIQUE REFERENCES ellipro.activation (id),
  granted_id uuid UNIQUE REFERENCES ellipro.activation (id),
  holder_asked_at timestamptz,
  holder_knows boolean,
  holder_answered_at timestamptz,
  contact_told_of_request_at timestamptz,
  contact_told_of_opening_at timestamptz,
  mail_generation integer NOT NULL DEFAULT 1,
  mailed_generation integer NOT NULL DEFAULT 0,
  mail_requested_at timestamptz NOT NULL DEFAULT now(),
  -- SHA-256 of the codes in its mails; only admin-sync writes them.
  proof_hash bytea,
  withdraw_hash bytea,
  state_hash bytea,
  acknowledged_at timestamptz,
  -- The person was told of the refusal.
  told_at timestamptz,
  request_id text CHECK (request_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  proved_at timestamptz,
  ended_at timestamptz
);
-- Asking twice is one request.
CREATE UNIQUE INDEX access_request_one ON ellipro.access_request (case_id, address_key)
  WHERE state IN ('asked', 'proved', 'granting');
CREATE INDEX access_request_by_case ON ellipro.access_request (case_id, created_at);
CREATE INDEX access_request_to_decide ON ellipro.access_request (case_id, proved_at) WHERE state = 'proved';
CREATE INDEX access_request_by_address ON ellipro.access_request (address_key, created_at);
CREATE INDEX access_request_recent ON ellipro.access_request (created_at);
CREATE INDEX access_request_unproved ON ellipro.access_request (expires_at) WHERE state = 'asked';

-- What happened to a case, in order; only added to. `detail` holds short values; texts that somebody typed among them.
CREATE TABLE ellipro.case_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  request_id uuid,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
  -- 'person', 'holder', 'admin-sync', 'console', 'help-desk', or the name of the agent.
  actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX case_event_by_case ON ellipro.case_event (case_id, id);

CREATE TABLE ellipro.ticket (
  case_id uuid PRIMARY KEY REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  connector text NOT NULL,
  -- NULL until the help desk has it for certain.
  external_id text,
  url text,
  status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'open', 'waiting', 'resolved', 'rejected', 'closed')),
  raw_status text,
  owner text,
  -- When the help desk was first asked to make it, written before it was: until then there is nothing to look for.
  asked_at timestamptz,
  -- Who is talking to the help desk about this key, and until when nobody else does.
  lease uuid,
  lease_until timestamptz,
  -- What it is to become; NULL when nothing is asked of it.
  wanted_status text CHECK (wanted_status IN ('open', 'resolved')),
  -- Since when the help desk has not taken what we have for it; NULL when it has all.
  waiting_since timestamptz,
  last_error text,
  deleted_at timestamptz,
  synced_at timestamptz
);
CREATE INDEX ticket_waiting ON ellipro.ticket (waiting_since) WHERE waiting_since IS NOT NULL;
-- Not unique: agents may merge the tickets of two cases.
CREATE INDEX ticket_by_external ON ellipro.ticket (connector, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE ellipro.ticket_note (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  case_id uuid NOT NULL REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  -- The same thing noted twice is one note.
  subject text NOT NULL CHECK (length(subject) <= 200),
  text text NOT NULL CHECK (length(text) <= 20000),
  created_at timestamptz NOT NULL DEFAULT now(),
  posted_at timestamptz,
  UNIQUE (case_id, subject)
);
CREATE INDEX ticket_note_due ON ellipro.ticket_note (case_id, seq) WHERE posted_at IS NULL;

-- Changes read from the help desk, each once, and how far they were read.
CREATE TABLE ellipro.ticket_change (
  connector text NOT NULL,
  change_id text NOT NULL CHECK (length(change_id) <= 200),
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (connector, change_id)
);
CREATE TABLE ellipro.sync_cursor (
  name text PRIMARY KEY,
  value text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);

-- ── agents ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE ellipro.staff_session (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  cookie_hash bytea NOT NULL UNIQUE CHECK (length(cookie_hash) = 32),
  state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'granted', 'refused', 'ended')),
  reason text,
  id_token text CHECK (length(id_token) <= 8000),
  user_id text,
  name text,
  address_key text,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CHECK (state <> 'granted' OR (user_id IS NOT NULL AND name IS NOT NULL))
);
CREATE INDEX staff_session_by_expiry ON ellipro.staff_session (expires_at);
CREATE INDEX staff_session_unchecked ON ellipro.staff_session (expires_at) WHERE state = 'checking';

CREATE TABLE ellipro.decision (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES ellipro.login_case (id) ON DELETE CASCADE,
  request_id uuid REFERENCES ellipro.access_request (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('open', 'refuse', 'holder_left', 'not_shared')),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
  -- Whom the agent called back, on the number from the contract.
  called text CHECK (length(called) BETWEEN 1 AND 300),
  -- Of the case, as the agent saw it.
  generation integer NOT NULL,
  session_id uuid REFERENCES ellipro.staff_session (id) ON DELETE SET NULL,
  id_token text CHECK (length(id_token) <= 8000),
  state text NOT NULL DEFAULT 'submitted' CHECK (state IN ('submitted', 'awaiting_second', 'applied', 'rejected')),
  -- Why it was rejected, as a short code.
  outcome text,
  -- Who, as Keycloak says it.
  user_id text,
  name text,
  -- Of "the holder left": who holds the login, and when it counts without a second agent.
  holder_id uuid REFERENCES ellipro.activation (id),
  due_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK ((kind = 'not_shared') = (request_id IS NULL)),
  CHECK (state <> 'applied' OR (user_id IS NOT NULL AND id_token IS NULL))
);
CREATE INDEX decision_by_case ON ellipro.decision (case_id, created_at);
CREATE INDEX decision_unchecked ON ellipro.decision (session_id) WHERE state = 'submitted';
CREATE INDEX decision_due ON ellipro.decision (due_at) WHERE state = 'awaiting_second';

-- Work on cases for admin-sync, beside ellipro.outbox, which is about activations.
CREATE TABLE ellipro.case_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('send-proof', 'acknowledge', 'ask-holder', 'tell-case-contact', 'tell-refusal',
    'sync-case', 'push-ticket', 'poll-tickets', 'check-staff', 'apply-decision', 'warn-holder', 'add-contract')),
  subject_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER case_outbox_announcement AFTER INSERT ON ellipro.case_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION ellipro.announce_outbox();

CREATE TRIGGER case_event_stays BEFORE UPDATE OR TRUNCATE ON ellipro.case_event
  FOR EACH STATEMENT EXECUTE FUNCTION ellipro.keep_as_written();

-- The Keycloak users whose account is of a login: its holder, those whom an agent gave one, and accounts that got its
-- contract added.
CREATE VIEW ellipro.login_user AS
  SELECT a.account, k.user_id, a.address, a.holds FROM ellipro.keycloak_user k JOIN ellipro.activation a ON a.id = k.opened_by
   WHERE k.state = 'opened' AND a.state = 'opened'
  UNION
  SELECT a.account, d.user_id, a.address, false FROM ellipro.added_contract d JOIN ellipro.activation a ON a.id = d.activation_id;

-- How far the events of Keycloak's console are read.
INSERT INTO ellipro.event_cursor (subject, read_until) VALUES ('console-shared', now());

GRANT SELECT ON ellipro.login_user TO ellipro_sync;
-- Accounts of a login come and go, and accesses that agents opened: a pass looks at its case. Only the row of the outbox
-- is written, so that no transaction waits for a case that it does not know of.
CREATE FUNCTION ellipro.follow_accounts() RETURNS trigger LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  INSERT INTO case_outbox (kind, subject_id) SELECT 'sync-case', id FROM login_case WHERE account = NEW.account;
  RETURN NULL;
END $$;
CREATE TRIGGER activation_followed AFTER UPDATE OF state ON ellipro.activation FOR EACH ROW
  WHEN (NEW.state <> OLD.state AND (NEW.kind = 'granted' OR NEW.state IN ('opened', 'closed') OR OLD.state IN ('opened', 'closed')))
  EXECUTE FUNCTION ellipro.follow_accounts();

GRANT SELECT, INSERT, UPDATE, DELETE ON ellipro.added_contract, ellipro.login_case, ellipro.case_source,
  ellipro.access_request, ellipro.ticket, ellipro.ticket_note, ellipro.ticket_change, ellipro.sync_cursor,
  ellipro.staff_session, ellipro.decision, ellipro.case_outbox TO ellipro_sync;
GRANT SELECT, INSERT, DELETE ON ellipro.case_event TO ellipro_sync;
GRANT SELECT ON ellipro.account_holding TO ellipro_sync;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ellipro TO ellipro_sync;

-- ── what both sides share ───────────────────────────────────────────────────────────────────────────────────────────

-- Who holds the login, or is about to take it over. Whoever an agent chose to take it over comes before a holder whose
-- account is closed.
CREATE FUNCTION ellipro.login_holder(p_account text) RETURNS SETOF ellipro.activation
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT * FROM activation
  WHERE account = p_account AND holds
    AND (state IN ('confirmed', 'opened', 'closed')
         OR (kind = 'granted' AND state IN ('requested', 'mailed') AND expires_at > now()))
  ORDER BY (state IN ('confirmed', 'opened')) DESC, (state = 'closed'), created_at DESC LIMIT 1
$$;

CREATE FUNCTION ellipro.note_case(p_case uuid, p_request uuid, p_kind text, p_actor text, p_detail jsonb) RETURNS void
LANGUAGE sql SET search_path = ellipro, pg_temp AS $$
  INSERT INTO case_event (case_id, request_id, kind, actor, detail) VALUES (p_case, p_request, p_kind, p_actor, p_detail)
$$;

-- Something of a case changed: the next pass looks at it.
CREATE FUNCTION ellipro.touch_case(p_case uuid) RETURNS void
LANGUAGE sql SET search_path = ellipro, pg_temp AS $$
  UPDATE login_case SET changed_at = now() WHERE id = p_case;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('sync-case', p_case)
$$;

CREATE FUNCTION ellipro.new_reference() RETURNS text
LANGUAGE sql VOLATILE SET search_path = ellipro, pg_temp AS $$
  SELECT 'ELP-' || string_agg(substr('23456789ABCDEFGHJKLMNPQRSTUVWXYZ', 1 + get_byte(uuid_send(u), n) % 31, 1)
                              || CASE WHEN n = 3 THEN '-' ELSE '' END, '' ORDER BY n)
  FROM (SELECT gen_random_uuid() AS u) r, unnest(ARRAY[0, 1, 2, 3, 10, 11, 12, 13]) n
$$;

-- The case of a login, made when there is none and opened again when it is closed. All five sources end here; however
-- many come at once, there is one.
CREATE FUNCTION ellipro.ensure_case(p_account text, p_login text, p_company text, p_contract text, p_source text, p_actor text)
RETURNS uuid
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_id uuid;
  v_state text;
  v_new boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || p_account, 0));
  SELECT id, state INTO v_id, v_state FROM login_case WHERE account = p_account FOR UPDATE;
  WHILE v_id IS NULL LOOP
    INSERT INTO login_case (reference, account, login, company, contract)
      VALUES (new_reference(), p_account, one_line(p_login, 256), one_line(p_company, 255), one_line(p_contract, 255))
      ON CONFLICT (reference) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NOT NULL THEN
      v_new := true;
      PERFORM note_case(v_id, NULL, 'opened', p_actor, jsonb_build_object('source', p_source));
    END IF;
  END LOOP;
  IF v_state = 'closed' THEN
    UPDATE login_case SET state = 'open', closed_at = NULL, closed_reason = NULL, reopened_at = NULL WHERE id = v_id;
    PERFORM note_case(v_id, NULL, 'reopened', p_actor, jsonb_build_object('source', p_source));
  END IF;
  INSERT INTO case_source (case_id, source) VALUES (v_id, p_source)
    ON CONFLICT (case_id, source) DO UPDATE SET removed_at = NULL WHERE case_source.removed_at IS NOT NULL;
  IF FOUND AND NOT v_new AND v_state IS DISTINCT FROM 'closed' THEN
    PERFORM note_case(v_id, NULL, 'source', p_actor, jsonb_build_object('source', p_source));
  ELSIF NOT FOUND AND v_state IS DISTINCT FROM 'closed' THEN
    RETURN v_id;
  END IF;
  PERFORM touch_case(v_id);
  RETURN v_id;
END $$;

CREATE FUNCTION ellipro.is_case_full(p_case uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT count(*) >= setting_value('requests_per_case') FROM access_request
  WHERE case_id = p_case AND state IN ('proved', 'granting')
$$;

-- Says once in the ticket that more people asked than a case holds.
CREATE FUNCTION ellipro.note_overflow(p_case uuid) RETURNS void
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  UPDATE login_case SET overflowed_at = now() WHERE id = p_case AND overflowed_at IS NULL;
  IF FOUND THEN
    PERFORM note_case(p_case, NULL, 'overflow', 'person', '{}');
    PERFORM touch_case(p_case);
  END IF;
END $$;

-- A request whose address is proved: everybody who has to know is told. The case is locked by its account.
CREATE FUNCTION ellipro.announce_request(p_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_case uuid;
BEGIN
  SELECT case_id INTO v_case FROM access_request WHERE id = p_id;
  PERFORM note_case(v_case, p_id, 'proved', 'person', '{}');
  INSERT INTO case_outbox (kind, subject_id) VALUES
    ('acknowledge', p_id), ('ask-holder', v_case), ('tell-case-contact', v_case);
  PERFORM touch_case(v_case);
END $$;

-- Turns a `waiting` activation, whose address is proved, into a request. NULL when the case is full.
CREATE FUNCTION ellipro.ask_from_waiting(p_activation uuid) RETURNS uuid
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
  v_case uuid;
  v_id uuid;
  v_open access_request;
BEGIN
  SELECT * INTO a FROM activation WHERE id = p_activation;
  v_case := ensure_case(a.account, a.login, a.company, a.contract, 'second_activation', 'person');
  SELECT * INTO v_open FROM access_request
    WHERE case_id = v_case AND address_key = a.address_key AND state IN ('asked', 'proved', 'granting') FOR UPDATE;
  IF v_open.id IS NOT NULL THEN
    IF v_open.state = 'asked' THEN
      IF is_case_full(v_case) THEN PERFORM note_overflow(v_case); RETURN NULL; END IF;
      UPDATE access_request SET state = 'proved', proved_at = now(), waiting_id = a.id WHERE id = v_open.id;
      PERFORM announce_request(v_open.id);
    ELSE
      UPDATE access_request SET waiting_id = coalesce(waiting_id, a.id) WHERE id = v_open.id;
    END IF;
    RETURN v_open.id;
  END IF;
  IF is_case_full(v_case) THEN
    PERFORM note_overflow(v_case);
    RETURN NULL;
  END IF;
  INSERT INTO access_request (case_id, state, address, locale, waiting_id, request_id, expires_at, proved_at)
    VALUES (v_case, 'proved', a.address, a.locale, a.id, a.request_id, now(), now()) RETURNING id INTO v_id;
  PERFORM announce_request(v_id);
  RETURN v_id;
END $$;

-- What was asked for counts as well as what was sent, over activations and requests alike.
CREATE OR REPLACE FUNCTION ellipro.request_budget(p_account text, p_address_key text) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('budget:' || p_address_key, 0));
  PERFORM pg_advisory_xact_lock(hashtextextended('login budget:' || p_account, 0));
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE address_key = p_address_key AND kind = 'legacy' AND created_at > now() - interval '24 hours')
     + (SELECT coalesce(sum(mail_generation), 0) FROM access_request
        WHERE address_key = p_address_key AND waiting_id IS NULL AND created_at > now() - interval '24 hours')
     >= setting_value('mails_per_address_per_day') THEN RETURN 'address_budget'; END IF;
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE account = p_account AND kind = 'legacy' AND created_at > now() - interval '24 hours')
     + (SELECT coalesce(sum(r.mail_generation), 0) FROM access_request r JOIN login_case c ON c.id = r.case_id
        WHERE c.account = p_account AND r.waiting_id IS NULL AND r.created_at > now() - interval '24 hours')
     >= setting_value('mails_per_login_per_day') THEN RETURN 'login_budget'; END IF;
  RETURN mail_budget(p_account, p_address_key);
END $$;

-- ── functions of before, that now know of holders, cases and granted activations ─────────────────────────────────────

CREATE OR REPLACE FUNCTION ellipro.login_facts(p_account text, p_browser bytea, p_known_domains text[])
RETURNS TABLE (holder_state text, holder_initial text, holder_domain text, own_id uuid, own_state text, own_is_holder boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT h.state, left(h.address, 1),
    CASE WHEN lower(split_part(h.address, '@', 2)) = ANY (SELECT lower(d) FROM unnest(p_known_domains) d)
      THEN lower(split_part(h.address, '@', 2)) END,
    o.id, o.state, coalesce(o.id = h.id, false)
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (
    -- Somebody who takes a login over has not confirmed yet: outwardly it is held all the same.
    SELECT id, CASE WHEN state IN ('requested', 'mailed') THEN 'opened' ELSE state END AS state, address
    FROM login_holder(p_account)
  ) h ON true
  LEFT JOIN LATERAL (
    SELECT a.id, outward_state(a.state, a.reason, a.expires_at) AS state
    FROM activation a JOIN activation_secret s ON s.activation_id = a.id
    WHERE a.account = p_account AND s.browser_hash = p_browser
      AND outward_state(a.state, a.reason, a.expires_at) IN ('mailed', 'confirmed', 'opened', 'waiting')
    ORDER BY a.created_at DESC LIMIT 1
  ) o ON true
$$;

-- Starts an activation, as before. Opens a case when the person says that several people use the login (p_shared), or
-- when another person's activation of it is under way.
CREATE OR REPLACE FUNCTION ellipro.start_activation(
  p_account text, p_login text, p_company text, p_contract text, p_address text, p_locale text, p_shared boolean,
  p_browser bytea, p_salt bytea, p_verifier bytea, p_request_id text
) RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_id uuid;
  v_budget text;
BEGIN
  IF (length(p_verifier) = 32 AND length(p_salt) >= 16 AND length(p_browser) = 32) IS NOT TRUE THEN
    RAISE EXCEPTION 'start_activation: malformed secret';
  END IF;
  -- One at a time on a login: its limits are then exact, whatever the number of replicas.
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || p_account, 0));
  SELECT a.id INTO v_id FROM activation a JOIN activation_secret s ON s.activation_id = a.id
    WHERE a.account = p_account AND a.address_key = address_key(p_address) AND s.browser_hash = p_browser
      AND s.salt = p_salt AND s.verifier = p_verifier
      AND outward_state(a.state, a.reason, a.expires_at) = 'mailed';
  IF FOUND THEN
    RETURN QUERY SELECT 'started', v_id; RETURN;
  END IF;
  IF EXISTS (SELECT FROM login_holder(p_account)) THEN
    RETURN QUERY SELECT 'moved', NULL::uuid; RETURN;
  END IF;
  IF EXISTS (SELECT FROM blocked_pair b WHERE b.account = p_account AND b.address_key = address_key(p_address)
             AND b.until > now()) THEN
    RETURN QUERY SELECT 'blocked', NULL::uuid; RETURN;
  END IF;
  IF (SELECT count(*) FROM activation a
      WHERE a.account = p_account AND a.kind = 'legacy' AND a.created_at > now() - interval '24 hours')
     >= setting_value('activations_per_login_per_day') THEN
    RETURN QUERY SELECT 'login_limit', NULL::uuid; RETURN;
  END IF;
  v_budget := request_budget(p_account, address_key(p_address));
  IF v_budget <> 'ok' THEN
    RETURN QUERY SELECT v_budget, NULL::uuid; RETURN;
  END IF;
  IF (SELECT count(*) FROM activation a WHERE a.kind = 'legacy' AND a.created_at > now() - interval '1 hour')
     >= setting_value('activations_per_hour') THEN
    RETURN QUERY SELECT 'cap', NULL::uuid; RETURN;
  END IF;
  INSERT INTO activation (account, login, company, contract, address, locale, shared, request_id, expires_at)
    VALUES (p_account, one_line(p_login, 256), one_line(p_company, 255), one_line(p_contract, 255), p_address, p_locale, p_shared, p_request_id,
            now() + make_interval(hours => setting_value('activation_hours')))
    RETURNING activation.id INTO v_id;
  INSERT INTO activation_secret (activation_id, browser_hash, salt, verifier)
    VALUES (v_id, p_browser, p_salt, p_verifier);
  INSERT INTO outbox (kind, activation_id) VALUES ('send-confirmation', v_id);
  IF p_shared THEN
    PERFORM ensure_case(p_account, p_login, p_company, p_contract, 'said_shared', 'person');
  END IF;
  -- A refused one is outwardly `mailed`, and counts as the person that it stands for. Another address from the same
  -- browser, or with the salt of an activation that is being corrected, is the same person.
  IF EXISTS (SELECT FROM activation a JOIN activation_secret s ON s.activation_id = a.id
             WHERE a.account = p_account AND a.id <> v_id AND a.kind = 'legacy' AND a.address_key <> address_key(p_address)
             AND s.browser_hash IS DISTINCT FROM p_browser AND s.salt IS DISTINCT FROM p_salt
             AND outward_state(a.state, a.reason, a.expires_at) = 'mailed') THEN
    PERFORM ensure_case(p_account, p_login, p_company, p_contract, 'second_activation', 'person');
  END IF;
  RETURN QUERY SELECT 'started', v_id;
END $$;

-- What the confirmation page may show to the holder of a mail's k. kind: 'legacy' (the password first typed is asked
-- for) or 'granted' (a password is chosen). address: of a granted one, that its password is not the address; k alone
-- opens it, so whoever has k has the address too. Without k, 'granted' is said so that the page knows another way on.
DROP FUNCTION ellipro.link_view(uuid, bytea);
CREATE FUNCTION ellipro.link_view(p_id uuid, p_link bytea)
RETURNS TABLE (outcome text, login text, company text, locale text, correlation_id text, kind text, address text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
  s activation_secret;
BEGIN
  SELECT * INTO a FROM activation WHERE activation.id = p_id;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id;
  -- Written so that an unknown id, an erased hash and a NULL p_link all count as a wrong link.
  IF (s.link_hash = sha256(p_link)) IS NOT TRUE THEN
    RETURN QUERY SELECT
      CASE WHEN outward_state(a.state, a.reason, a.expires_at) = 'expired' THEN 'expired' ELSE 'bad_link' END,
      NULL, NULL, NULL, NULL, CASE WHEN a.kind = 'granted' THEN a.kind END, NULL;
  ELSIF a.state IN ('confirmed', 'opened') THEN
    RETURN QUERY SELECT 'opened', a.login, a.company, a.locale, a.request_id, a.kind, CASE WHEN a.kind = 'granted' THEN a.address END;
  ELSIF a.state NOT IN ('requested', 'mailed') THEN
    RETURN QUERY SELECT 'ended', NULL, NULL, a.locale, a.request_id, a.kind, NULL;
  ELSIF a.expires_at <= now() THEN
    RETURN QUERY SELECT 'expired', NULL, NULL, a.locale, a.request_id, a.kind, NULL;
  ELSE
    RETURN QUERY SELECT 'valid', a.login, a.company, a.locale, a.request_id, a.kind, CASE WHEN a.kind = 'granted' THEN a.address END;
  END IF;
END $$;

-- The one way to an account: k from the mailbox and the password first typed, in one call (invariant 1). Of a granted
-- activation the decision of an agent, verified by admin-sync, stands for the password: it is chosen here.
-- 'confirmed' | 'already' (it was confirmed before, by the same proofs) | 'waiting' (the login has its holder, or an
-- agent must decide) | 'address_taken' (another activation of the address was first) | 'wrong_password' | 'locked'
-- | 'bad_link' | 'expired'.
CREATE OR REPLACE FUNCTION ellipro.confirm_activation(
  p_id uuid, p_link bytea, p_verifier bytea, p_credential jsonb, p_finisher bytea
) RETURNS TABLE (outcome text, tries_left integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
  s activation_secret;
  v_constraint text;
  v_waiting text;
BEGIN
  IF (length(p_credential::text) <= 2000 AND length(p_finisher) = 32) IS NOT TRUE THEN
    RAISE EXCEPTION 'confirm_activation: malformed secret';
  END IF;
  -- Whoever has no k takes no lock of anybody's login.
  IF NOT EXISTS (SELECT FROM activation_secret x WHERE x.activation_id = p_id AND x.link_hash = sha256(p_link)) THEN
    RETURN QUERY SELECT 'bad_link', NULL::integer; RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || activation.account, 0))
    FROM activation WHERE activation.id = p_id;
  SELECT * INTO a FROM activation WHERE activation.id = p_id FOR UPDATE;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id FOR UPDATE;
  -- `requested` with the right k: the mail left, and the process that sent it died before it could say so.
  IF (s.link_hash = sha256(p_link)) IS NOT TRUE
     OR a.state NOT IN ('requested', 'mailed', 'confirmed', 'opened') THEN
    RETURN QUERY SELECT 'bad_link', NULL::integer; RETURN;
  END IF;
  IF a.state IN ('requested', 'mailed') AND a.expires_at <= now() THEN
    RETURN QUERY SELECT 'expired', NULL::integer; RETURN;
  END IF;
  IF a.kind = 'legacy' THEN
    IF s.confirmation_tries >= setting_value('password_tries') THEN
      RETURN QUERY SELECT 'locked', 0; RETURN;
    END IF;
    IF (s.verifier = p_verifier) IS NOT TRUE THEN
      UPDATE activation_secret SET confirmation_tries = confirmation_tries + 1 WHERE activation_id = p_id;
      RETURN QUERY SELECT 'wrong_password', setting_value('password_tries') - s.confirmation_tries - 1; RETURN;
    END IF;
  END IF;
  IF a.state IN ('confirmed', 'opened') THEN
    -- The password of a granted one was chosen by whoever came first with its k; another browser changes nothing and
    -- finishes nothing. The same one again (a double click) is told what it did.
    IF a.kind = 'granted' AND (s.finisher_hash = p_finisher) IS NOT TRUE THEN
      RETURN QUERY SELECT 'bad_link', NULL::integer; RETURN;
    END IF;
    UPDATE activation_secret SET finisher_hash = p_finisher WHERE activation_id = p_id;
    RETURN QUERY SELECT 'already', NULL::integer; RETURN;
  END IF;
  IF a.kind = 'legacy' AND a.needs_agent THEN v_waiting := 'agent'; END IF;
  -- Somebody takes the login over from a holder who left.
  IF a.kind = 'legacy' AND EXISTS (SELECT FROM login_holder(a.account) h WHERE h.kind = 'granted' AND h.id <> a.id) THEN
    v_waiting := 'login_held';
  END IF;
  IF v_waiting IS NULL THEN
    BEGIN
      IF a.succeeds IS NOT NULL THEN
        UPDATE activation SET state = 'withdrawn', reason = 'replaced' WHERE activation.id = a.succeeds AND state = 'closed';
      END IF;
      -- The unique indexes decide who is first; whoever comes second waits here for the first one's transaction.
      UPDATE activation SET state = 'confirmed', reason = NULL, confirmed_at = now() WHERE activation.id = p_id;
    EXCEPTION WHEN unique_violation THEN
      GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
      IF v_constraint = 'activation_one_holder' AND a.kind = 'granted' THEN
        -- The account of the holder who left is not closed yet. An agent has decided: nothing ends, and later it works.
        RAISE EXCEPTION 'confirm_activation: its predecessor is still open' USING ERRCODE = 'configuration_limit_exceeded';
      ELSIF v_constraint = 'activation_one_holder' THEN
        v_waiting := 'login_held';
      ELSIF v_constraint = 'activation_one_confirmed_address' THEN
        -- Its mail "you already have an account" leads to adding this contract.
        INSERT INTO outbox (kind, activation_id) VALUES ('release', p_id), ('send-confirmation', p_id);
        -- What steers it stays, as for every `refused`: the pages go on showing it as `mailed`.
        UPDATE activation_secret SET link_hash = NULL WHERE activation_id = p_id;
        UPDATE activation SET state = 'refused', reason = 'address_taken', ended_at = now(), mail_generation = mail_generation + 1
          WHERE activation.id = p_id;
        RETURN QUERY SELECT 'address_taken', NULL::integer; RETURN;
      ELSE
        RAISE;
      END IF;
    END;
  END IF;
  IF v_waiting IS NOT NULL THEN
    INSERT INTO outbox (kind, activation_id) VALUES ('release', p_id);
    PERFORM erase_secrets(p_id);
    UPDATE activation SET state = 'waiting', reason = v_waiting, confirmed_at = now(), ended_at = now()
      WHERE activation.id = p_id;
    -- The browser that proved both may see what becomes of its request.
    UPDATE activation_secret SET finisher_hash = p_finisher WHERE activation_id = p_id;
    PERFORM ask_from_waiting(p_id);
    RETURN QUERY SELECT 'waiting', NULL::integer; RETURN;
  END IF;
  UPDATE activation_secret SET credential = p_credential, finisher_hash = p_finisher WHERE activation_id = p_id;
  INSERT INTO outbox (kind, activation_id) VALUES ('open-account', p_id);
  RETURN QUERY SELECT 'confirmed', NULL::integer;
END $$;

-- ── the person who asks ─────────────────────────────────────────────────────────────────────────────────────────────

-- Asks for an access of one's own on a login that has its holder. 'asked' (or asked before: told apart by nobody)
-- | 'not_held' (nobody holds it: the person can simply activate it) | 'case_full' | 'blocked' | 'address_budget'
-- | 'login_budget' | 'login_limit' | 'cap'.
CREATE FUNCTION ellipro.request_access(
  p_account text, p_login text, p_company text, p_contract text, p_name text, p_address text, p_phone text,
  p_locale text, p_network text, p_request_id text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_case uuid;
  v_open access_request;
  v_budget text;
  v_id uuid;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || p_account, 0));
  IF NOT EXISTS (SELECT FROM login_holder(p_account)) THEN RETURN 'not_held'; END IF;
  IF EXISTS (SELECT FROM blocked_pair b WHERE b.account = p_account AND b.address_key = address_key(p_address)
             AND b.until > now()) THEN RETURN 'blocked'; END IF;
  SELECT r.* INTO v_open FROM access_request r JOIN login_case c ON c.id = r.case_id
    WHERE c.account = p_account AND r.address_key = address_key(p_address) AND r.state IN ('asked', 'proved', 'granting')
    FOR UPDATE OF r;
  IF v_open.id IS NOT NULL AND v_open.state = 'asked' AND v_open.expires_at <= now() THEN
    UPDATE access_request SET state = 'expired', ended_at = now() WHERE id = v_open.id;
    v_open.id := NULL;
  END IF;
  IF v_open.id IS NOT NULL THEN
    IF v_open.state <> 'asked'
       OR v_open.mail_requested_at + make_interval(secs => setting_value('resend_seconds')) > now() THEN RETURN 'asked'; END IF;
    v_budget := request_budget(p_account, address_key(p_address));
    IF v_budget <> 'ok' THEN RETURN v_budget; END IF;
    UPDATE access_request SET mail_generation = mail_generation + 1, mail_requested_at = now() WHERE id = v_open.id;
    INSERT INTO case_outbox (kind, subject_id) VALUES ('send-proof', v_open.id);
    RETURN 'asked';
  END IF;
  IF (SELECT count(*) FROM access_request r JOIN login_case c ON c.id = r.case_id
      WHERE c.account = p_account AND r.created_at > now() - interval '24 hours')
     >= setting_value('requests_per_login_per_day') THEN RETURN 'login_limit'; END IF;
  v_budget := request_budget(p_account, address_key(p_address));
  IF v_budget <> 'ok' THEN RETURN v_budget; END IF;
  IF (SELECT count(*) FROM access_request WHERE created_at > now() - interval '1 hour')
     >= setting_value('requests_per_hour') THEN RETURN 'cap'; END IF;
  SELECT id INTO v_case FROM login_case WHERE account = p_account;
  IF v_case IS NOT NULL AND is_case_full(v_case) THEN
    PERFORM note_overflow(v_case);
    RETURN 'case_full';
  END IF;
  v_case := ensure_case(p_account, p_login, p_company, p_contract, 'second_activation', 'person');
  INSERT INTO access_request (case_id, name, address, phone, locale, network, request_id, expires_at)
    VALUES (v_case, one_line(p_name, 200), p_address, one_line(p_phone, 40), p_locale, p_network, p_request_id,
            now() + make_interval(hours => setting_value('request_hours'))) RETURNING id INTO v_id;
  PERFORM note_case(v_case, v_id, 'asked', 'person', '{}');
  INSERT INTO case_outbox (kind, subject_id) VALUES ('send-proof', v_id);
  RETURN 'asked';
END $$;

-- What the page of the proof mail may show: 'valid' | 'done' (proved before) | 'expired' | 'ended' | 'bad_link'.
-- The digest stays when a request ends, so that its page can say what became of it; it proves nothing any more.
CREATE FUNCTION ellipro.proof_view(p_id uuid, p_code bytea)
RETURNS TABLE (outcome text, reference text, login text, company text, locale text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN r.state = 'asked' THEN CASE WHEN r.expires_at > now() THEN 'valid' ELSE 'expired' END
              WHEN r.state IN ('proved', 'granting', 'opened', 'refused') THEN 'done'
              WHEN r.state = 'expired' THEN 'expired' ELSE 'ended' END,
    CASE WHEN r.state IN ('proved', 'granting', 'opened', 'refused') THEN c.reference END,
    c.login, c.company, r.locale, r.request_id
  FROM access_request r JOIN login_case c ON c.id = r.case_id
  WHERE r.id = p_id AND r.proof_hash = sha256(p_code)
  UNION ALL
  SELECT 'bad_link', NULL, NULL, NULL, NULL, NULL
  WHERE NOT EXISTS (SELECT FROM access_request WHERE id = p_id AND proof_hash = sha256(p_code))
$$;

-- The mailbox is proved. 'proved' | 'done' | 'expired' | 'ended' | 'case_full' | 'bad_link'.
CREATE FUNCTION ellipro.prove_address(p_id uuid, p_code bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  r access_request;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || c.account, 0))
    FROM access_request x JOIN login_case c ON c.id = x.case_id WHERE x.id = p_id AND x.proof_hash = sha256(p_code);
  IF NOT FOUND THEN RETURN 'bad_link'; END IF;
  -- Another mail may have taken the code's place while this one waited.
  SELECT * INTO r FROM access_request WHERE id = p_id AND proof_hash = sha256(p_code) FOR UPDATE;
  IF NOT FOUND THEN RETURN 'bad_link'; END IF;
  IF r.state IN ('proved', 'granting', 'opened', 'refused') THEN RETURN 'done'; END IF;
  IF r.state = 'expired' OR (r.state = 'asked' AND r.expires_at <= now()) THEN RETURN 'expired'; END IF;
  IF r.state <> 'asked' THEN RETURN 'ended'; END IF;
  IF is_case_full(r.case_id) THEN
    PERFORM note_overflow(r.case_id);
    RETURN 'case_full';
  END IF;
  -- Closed meanwhile: a proved request opens it again.
  UPDATE login_case SET state = 'open', closed_at = NULL, closed_reason = NULL, reopened_at = NULL
    WHERE id = r.case_id AND state = 'closed';
  IF FOUND THEN PERFORM note_case(r.case_id, r.id, 'reopened', 'person', '{}'); END IF;
  UPDATE access_request SET state = 'proved', proved_at = now() WHERE id = p_id;
  PERFORM announce_request(p_id);
  RETURN 'proved';
END $$;

-- "It was not me", from the proof mail: what its page may show, and the deed, which blocks the pair.
-- 'valid' | 'done' | 'too_late' | 'bad_code', and 'withdrawn'.
CREATE FUNCTION ellipro.request_withdraw_view(p_id uuid, p_code bytea)
RETURNS TABLE (outcome text, login text, company text, locale text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN r.state IN ('asked', 'proved') THEN 'valid' WHEN r.state IN ('withdrawn', 'expired') THEN 'done'
              ELSE 'too_late' END, c.login, c.company, r.locale, r.request_id
  FROM access_request r JOIN login_case c ON c.id = r.case_id
  WHERE r.id = p_id AND r.withdraw_hash = sha256(p_code)
  UNION ALL
  SELECT 'bad_code', NULL, NULL, NULL, NULL
  WHERE NOT EXISTS (SELECT FROM access_request WHERE id = p_id AND withdraw_hash = sha256(p_code))
$$;
CREATE FUNCTION ellipro.withdraw_request(p_id uuid, p_code bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  r access_request;
  v_account text;
BEGIN
  SELECT c.account INTO v_account FROM access_request x JOIN login_case c ON c.id = x.case_id
    WHERE x.id = p_id AND x.withdraw_hash = sha256(p_code);
  IF NOT FOUND THEN RETURN 'bad_code'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || v_account, 0));
  SELECT * INTO r FROM access_request WHERE id = p_id FOR UPDATE;
  IF r.state IN ('withdrawn', 'expired') THEN RETURN 'done'; END IF;
  IF r.state NOT IN ('asked', 'proved') THEN RETURN 'too_late'; END IF;
  INSERT INTO blocked_pair (account, address_key, until)
    VALUES (v_account, r.address_key, now() + make_interval(days => setting_value('blocked_pair_days')))
    ON CONFLICT (account, address_key) DO UPDATE SET until = excluded.until;
  UPDATE access_request SET state = 'withdrawn', ended_at = now() WHERE id = p_id;
  PERFORM note_case(r.case_id, p_id, 'withdrawn', 'person', '{}');
  PERFORM touch_case(r.case_id);
  RETURN 'withdrawn';
END $$;

-- The state page, for whoever has the code of the acknowledgement. No row for anybody else.
CREATE FUNCTION ellipro.request_view(p_id uuid, p_code bytea)
RETURNS TABLE (state text, reason text, reference text, login text, company text, name text, phone text, address text, locale text,
               proved_at timestamptz, ended_at timestamptz, granted_until timestamptz, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT r.state, r.reason, c.reference, c.login, c.company, r.name, r.phone, r.address, r.locale, r.proved_at, r.ended_at,
    (SELECT a.expires_at FROM activation a WHERE a.id = r.granted_id), r.request_id
  FROM access_request r JOIN login_case c ON c.id = r.case_id
  WHERE r.id = p_id AND r.state_hash = sha256(p_code)
$$;

-- Not granted to provider. The request that a `waiting` activation became, or joined when its person had asked before.
CREATE FUNCTION ellipro.waiting_request(p_activation uuid) RETURNS uuid
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT r.id FROM activation a JOIN login_case c ON c.account = a.account
  JOIN access_request r ON r.case_id = c.id AND r.address_key = a.address_key
  WHERE a.id = p_activation
    AND (r.waiting_id = a.id OR (r.proved_at <= a.confirmed_at AND (r.ended_at IS NULL OR r.ended_at > a.confirmed_at)))
  ORDER BY (r.waiting_id = a.id) IS TRUE DESC, r.created_at DESC LIMIT 1
$$;

-- The same for the browser whose confirmation met a login that has its holder. state 'case_full': there is no request.
CREATE FUNCTION ellipro.waiting_view(p_activation uuid, p_finisher bytea)
RETURNS TABLE (state text, reason text, reference text, login text, company text, name text, phone text, address text, locale text,
               proved_at timestamptz, ended_at timestamptz, granted_until timestamptz, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT coalesce(r.state, 'case_full'), r.reason, c.reference, a.login, a.company, r.name, r.phone, a.address, a.locale,
    r.proved_at, r.ended_at, (SELECT g.expires_at FROM activation g WHERE g.id = r.granted_id), a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  LEFT JOIN access_request r ON r.id = waiting_request(a.id)
  LEFT JOIN login_case c ON c.id = r.case_id
  WHERE a.id = p_activation AND a.state = 'waiting' AND s.finisher_hash = p_finisher
$$;

-- Name and telephone, from that browser, once, while nobody has decided. False: nothing to say any more.
CREATE FUNCTION ellipro.name_waiting(p_activation uuid, p_finisher bytea, p_name text, p_phone text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_case uuid;
  v_id uuid;
BEGIN
  IF p_name IS NULL THEN RAISE EXCEPTION 'name_waiting: no name'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || a.account, 0))
    FROM activation a JOIN activation_secret s ON s.activation_id = a.id
    WHERE a.id = p_activation AND a.state = 'waiting' AND s.finisher_hash = p_finisher;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE access_request SET name = one_line(p_name, 200), phone = one_line(p_phone, 40)
    WHERE id = waiting_request(p_activation) AND state = 'proved' AND name IS NULL
    RETURNING case_id, id INTO v_case, v_id;
  IF v_id IS NULL THEN RETURN false; END IF;
  PERFORM note_case(v_case, v_id, 'named', 'person', '{}');
  PERFORM touch_case(v_case);
  RETURN true;
END $$;

-- A fresh mail of an access that an agent opened. An agent asked for it, so no day's budget binds it; its number is
-- bounded. 'requested' | 'too_soon' | 'used_up' | 'gone'.
CREATE FUNCTION ellipro.renew_granted_mail(p_activation uuid) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
BEGIN
  SELECT * INTO a FROM activation WHERE id = p_activation AND kind = 'granted' FOR UPDATE;
  IF NOT FOUND OR a.expires_at <= now()
     OR NOT (a.state IN ('requested', 'mailed') OR (a.state = 'refused' AND a.reason = 'address_taken')) THEN RETURN 'gone'; END IF;
  IF a.mail_requested_at + make_interval(secs => setting_value('resend_seconds')) > now() THEN RETURN 'too_soon'; END IF;
  IF a.mail_generation >= setting_value('granted_mails') THEN RETURN 'used_up'; END IF;
  UPDATE activation SET mail_generation = mail_generation + 1, mail_requested_at = now() WHERE id = a.id;
  INSERT INTO outbox (kind, activation_id) VALUES ('send-confirmation', a.id);
  RETURN 'requested';
END $$;

-- For whoever has the code of the state page, and for the browser that waits.
CREATE FUNCTION ellipro.request_granted_mail(p_id uuid, p_code bytea) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT renew_granted_mail((SELECT granted_id FROM access_request WHERE id = p_id AND state_hash = sha256(p_code)))
$$;
CREATE FUNCTION ellipro.waiting_granted_mail(p_activation uuid, p_finisher bytea) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT renew_granted_mail((
    SELECT r.granted_id FROM activation_secret s JOIN access_request r ON r.id = waiting_request(s.activation_id)
    WHERE s.activation_id = p_activation AND s.finisher_hash = p_finisher))
$$;

-- What the holder is asked, one row a request that they were told of; with no open one, a row without a request.
-- No row: a code that is wrong.
CREATE FUNCTION ellipro.holder_questions(p_case uuid, p_code bytea)
RETURNS TABLE (request_id uuid, name text, domain text, login text, company text, knows boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT r.id, r.name, lower(split_part(r.address, '@', 2)), c.login, c.company, r.holder_knows
  FROM login_case c LEFT JOIN access_request r
    ON r.case_id = c.id AND r.state = 'proved' AND r.holder_asked_at IS NOT NULL
  WHERE c.id = p_case AND c.holder_hash = sha256(p_code)
    AND EXISTS (SELECT FROM login_holder(c.account) h WHERE h.id = c.holder_id AND h.state = 'opened')
  ORDER BY r.proved_at
$$;

-- Advice, not a decision; the last answer counts. False: no such question any more.
CREATE FUNCTION ellipro.answer_holder(p_case uuid, p_code bytea, p_request uuid, p_knows boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
BEGIN
  IF p_knows IS NULL THEN RAISE EXCEPTION 'answer_holder: no answer'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || c.account, 0))
    FROM login_case c WHERE c.id = p_case AND c.holder_hash = sha256(p_code);
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM 1 FROM access_request r JOIN login_case c ON c.id = r.case_id
    WHERE r.id = p_request AND c.id = p_case AND c.holder_hash = sha256(p_code) AND r.state = 'proved'
      AND r.holder_asked_at IS NOT NULL
      AND EXISTS (SELECT FROM login_holder(c.account) h WHERE h.id = c.holder_id AND h.state = 'opened') FOR UPDATE OF r;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE access_request SET holder_knows = p_knows, holder_answered_at = now()
    WHERE id = p_request AND holder_knows IS DISTINCT FROM p_knows;
  IF FOUND THEN
    PERFORM note_case(p_case, p_request, 'holder_answered', 'holder', jsonb_build_object('knows', p_knows));
    PERFORM touch_case(p_case);
  END IF;
  RETURN true;
END $$;

-- ── a contract that is added to an account that exists ──────────────────────────────────────────────────────────────

-- What the page of the mail "you already have an account" may show to the holder of its k:
-- 'valid' | 'added' | 'expired' | 'ended' | 'bad_link'. kind 'granted': no password first typed exists.
CREATE FUNCTION ellipro.addition_view(p_id uuid, p_link bytea)
RETURNS TABLE (outcome text, login text, company text, locale text, kind text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN a.state = 'refused' AND a.reason = 'address_taken'
                THEN CASE WHEN a.expires_at > now() THEN 'valid' ELSE 'expired' END
              WHEN EXISTS (SELECT FROM added_contract d WHERE d.activation_id = a.id) THEN 'added'
              WHEN a.state = 'expired' THEN 'expired' ELSE 'ended' END,
    a.login, a.company, a.locale, a.kind, a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.link_hash = sha256(p_link)
  UNION ALL
  SELECT 'bad_link', NULL, NULL, NULL, NULL, NULL
  WHERE NOT EXISTS (SELECT FROM activation_secret WHERE activation_id = p_id AND link_hash = sha256(p_link))
$$;

-- Link and password were given in this browser, which may now sign in at Keycloak. Counts wrong passwords.
-- 'ok' | 'checking' (this browser has signed in already) | 'wrong_password' | 'locked' | what addition_view says.
CREATE FUNCTION ellipro.begin_addition(p_id uuid, p_link bytea, p_verifier bytea, p_browser bytea)
RETURNS TABLE (outcome text, tries_left integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  s activation_secret;
  v_view text;
  v_kind text;
BEGIN
  IF (length(p_browser) = 32) IS NOT TRUE THEN RAISE EXCEPTION 'begin_addition: malformed secret'; END IF;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id AND link_hash = sha256(p_link) FOR UPDATE;
  IF NOT FOUND THEN RETURN QUERY SELECT 'bad_link', NULL::integer; RETURN; END IF;
  SELECT v.outcome, v.kind INTO v_view, v_kind FROM addition_view(p_id, p_link) v;
  IF v_view <> 'valid' THEN RETURN QUERY SELECT v_view, NULL::integer; RETURN; END IF;
  IF s.addition_hash = p_browser AND s.addition_outcome IS NULL
     AND (s.addition_token IS NOT NULL OR s.addition_user_id IS NOT NULL) THEN
    RETURN QUERY SELECT 'checking', NULL::integer; RETURN;
  END IF;
  IF v_kind = 'legacy' THEN
    IF s.confirmation_tries >= setting_value('password_tries') THEN RETURN QUERY SELECT 'locked', 0; RETURN; END IF;
    IF (s.verifier = p_verifier) IS NOT TRUE THEN
      UPDATE activation_secret SET confirmation_tries = confirmation_tries + 1 WHERE activation_id = p_id;
      RETURN QUERY SELECT 'wrong_password', setting_value('password_tries') - s.confirmation_tries - 1; RETURN;
    END IF;
  END IF;
  UPDATE activation_secret SET addition_hash = p_browser, addition_at = now(), addition_token = NULL,
    addition_received_at = NULL, addition_user_id = NULL, addition_outcome = NULL
    WHERE activation_id = p_id;
  RETURN QUERY SELECT 'ok', NULL::integer;
END $$;

-- What Keycloak gave to that browser; admin-sync verifies it. 'submitted' | 'too_late' | 'bad_link' | …
CREATE FUNCTION ellipro.submit_addition(p_id uuid, p_link bytea, p_browser bytea, p_id_token text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_view text;
BEGIN
  IF p_id_token IS NULL THEN RAISE EXCEPTION 'submit_addition: malformed secret'; END IF;
  SELECT outcome INTO v_view FROM addition_view(p_id, p_link);
  IF v_view <> 'valid' THEN RETURN v_view; END IF;
  UPDATE activation_secret SET addition_token = p_id_token, addition_received_at = now(), addition_outcome = NULL
    WHERE activation_id = p_id AND addition_hash = p_browser AND link_hash = sha256(p_link)
      AND addition_at > now() - make_interval(mins => setting_value('addition_minutes'))
      AND addition_token IS NULL AND addition_user_id IS NULL;
  IF NOT FOUND THEN RETURN 'too_late'; END IF;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('add-contract', p_id);
  RETURN 'submitted';
END $$;

-- How it stands, for that browser: 'asked' | 'checking' | 'added' | a short code; no row for anybody else.
-- address: only for who gave the password that was typed with it.
CREATE FUNCTION ellipro.addition_state(p_id uuid, p_browser bytea)
RETURNS TABLE (state text, company text, login text, address text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT coalesce(s.addition_outcome, CASE WHEN s.addition_token IS NULL AND s.addition_user_id IS NULL
                                                AND NOT EXISTS (SELECT FROM added_contract d WHERE d.activation_id = a.id)
                                           THEN 'asked' ELSE 'checking' END),
    a.company, a.login, CASE WHEN a.kind = 'legacy' THEN a.address END, a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.addition_hash = p_browser
$$;

-- ── agents ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE FUNCTION ellipro.begin_staff_session(p_cookie_hash bytea, p_id_token text, p_request_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_id uuid;
BEGIN
  IF (length(p_cookie_hash) = 32 AND length(p_id_token) > 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'begin_staff_session: malformed secret';
  END IF;
  -- Whoever has an account can come as far as this: what admin-sync has not looked at yet does not grow without end.
  PERFORM pg_advisory_xact_lock(hashtextextended('staff sessions', 0));
  IF (SELECT count(*) FROM staff_session WHERE state = 'checking' AND expires_at > now()) >= setting_value('unchecked_sessions') THEN
    RAISE EXCEPTION 'begin_staff_session: too many wait' USING ERRCODE = 'configuration_limit_exceeded';
  END IF;
  INSERT INTO staff_session (cookie_hash, id_token, request_id, expires_at)
    VALUES (p_cookie_hash, p_id_token, left(p_request_id, 36), now() + make_interval(mins => setting_value('staff_session_minutes')))
    RETURNING id INTO v_id;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('check-staff', v_id);
END $$;

-- No row when there is none, or when it is over.
CREATE FUNCTION ellipro.staff_session_view(p_cookie_hash bytea)
RETURNS TABLE (state text, reason text, name text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT s.state, s.reason, s.name, s.expires_at FROM staff_session s
  WHERE s.cookie_hash = p_cookie_hash AND s.expires_at > now() AND s.state <> 'ended'
$$;

CREATE FUNCTION ellipro.end_staff_session(p_cookie_hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  UPDATE staff_session SET state = 'ended', id_token = NULL, expires_at = now() WHERE cookie_hash = p_cookie_hash
$$;

-- Not granted to provider: the session of an agent, for the functions that follow.
CREATE FUNCTION ellipro.granted_session(p_cookie_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT id FROM staff_session WHERE cookie_hash = p_cookie_hash AND state = 'granted' AND expires_at > now()
$$;

-- Cases, oldest open request first. p_filter: 'open' | 'deciding' (something to decide) | 'closed' | 'all';
-- p_search: part of reference, login, company, contract, name or address. No row without an agent's session.
CREATE FUNCTION ellipro.staff_cases(p_cookie_hash bytea, p_filter text, p_search text, p_limit integer, p_offset integer)
RETURNS TABLE (id uuid, reference text, login text, company text, contract text, state text, created_at timestamptz,
               open_requests integer, oldest_request timestamptz, ticket_status text, ticket_owner text, ticket_url text,
               ticket_waiting_since timestamptz, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT c.id, c.reference, c.login, c.company, c.contract, c.state, c.created_at, coalesce(q.open, 0), q.oldest,
    t.status, t.owner, t.url, t.waiting_since, count(*) OVER ()
  FROM login_case c
  LEFT JOIN ticket t ON t.case_id = c.id
  -- Those that wait are few, however many cases there were.
  LEFT JOIN (SELECT r.case_id, count(*)::integer AS open, min(r.proved_at) AS oldest FROM access_request r
             WHERE r.state = 'proved' GROUP BY r.case_id) q ON q.case_id = c.id
  WHERE granted_session(p_cookie_hash) IS NOT NULL
    AND CASE p_filter WHEN 'open' THEN c.state = 'open' WHEN 'deciding' THEN q.open > 0
                      WHEN 'closed' THEN c.state = 'closed' ELSE true END
    AND (coalesce(p_search, '') = ''
         OR strpos(lower(concat_ws(' ', c.reference, c.login, c.company, c.contract) COLLATE "und-x-icu"),
                   lower(p_search COLLATE "und-x-icu")) > 0
         OR EXISTS (SELECT FROM access_request r WHERE r.case_id = c.id AND
              strpos(lower(concat_ws(' ', r.name, r.address) COLLATE "und-x-icu"), lower(p_search COLLATE "und-x-icu")) > 0))
  ORDER BY q.oldest ASC NULLS LAST, c.created_at ASC, c.id
  LIMIT least(greatest(p_limit, 1), 200) OFFSET greatest(p_offset, 0)
$$;

-- Everything that an agent sees of one case; NULL without a session or a case.
CREATE FUNCTION ellipro.staff_case(p_cookie_hash bytea, p_case uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT jsonb_build_object(
    'id', c.id, 'reference', c.reference, 'login', c.login, 'company', c.company, 'contract', c.contract,
    'knownDomains', c.known_domains, 'contactName', c.contact_name, 'contactPhone', c.contact_phone,
    'state', c.state, 'closedReason', c.closed_reason, 'closedAt', c.closed_at, 'generation', c.generation,
    'createdAt', c.created_at, 'overflowedAt', c.overflowed_at,
    'sources', (SELECT coalesce(jsonb_agg(jsonb_build_object('source', s.source, 'at', s.at, 'removedAt', s.removed_at) ORDER BY s.at), '[]')
                FROM case_source s WHERE s.case_id = c.id),
    'holder', (SELECT jsonb_build_object('activation', h.id, 'state', h.state, 'address', h.address, 'openedAt', h.opened_at,
                 'isOwn', coalesce(h.address_key = me.address_key, false) OR EXISTS (SELECT FROM account_holding o
                   WHERE o.activation_id = h.id AND o.user_id = me.user_id)) FROM login_holder(c.account) h),
    -- Of the contract, by whatever login they were opened.
    'accounts', (SELECT coalesce(jsonb_agg(jsonb_build_object('address', x.address, 'login', x.login, 'kind', x.kind, 'openedAt', x.opened_at)
                   ORDER BY x.opened_at), '[]')
                 FROM (SELECT a.address, a.login, a.kind, a.opened_at FROM activation a WHERE a.account = c.account AND a.state = 'opened'
                       UNION SELECT a.address, a.login, a.kind, a.opened_at FROM activation a WHERE a.contract = c.contract AND a.state = 'opened'
                       UNION SELECT a.address, a.login, 'added', d.added_at
                             FROM added_contract d JOIN activation a ON a.id = d.activation_id
                             WHERE d.contract = c.contract AND d.added_at IS NOT NULL
                       ORDER BY 4 LIMIT 200) x),
    'pending', (SELECT count(*) FROM activation a WHERE a.account = c.account AND a.kind = 'legacy'
                AND outward_state(a.state, a.reason, a.expires_at) = 'mailed'),
    'ticket', (SELECT jsonb_build_object('externalId', t.external_id, 'url', t.url, 'status', t.status, 'rawStatus', t.raw_status,
                 'owner', t.owner, 'waitingSince', t.waiting_since, 'deletedAt', t.deleted_at) FROM ticket t WHERE t.case_id = c.id),
    'requests', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state, 'reason', r.reason, 'name', r.name,
                   'phone', r.phone, 'address', r.address, 'network', r.network, 'signals', r.signals, 'fromActivation', r.waiting_id IS NOT NULL,
                   'holderAskedAt', r.holder_asked_at, 'holderKnows', r.holder_knows, 'holderAnsweredAt', r.holder_answered_at,
                   'createdAt', r.created_at, 'provedAt', r.proved_at, 'endedAt', r.ended_at,
                   'isOwn', coalesce(r.address_key = me.address_key, false) OR EXISTS (SELECT FROM keycloak_user k
                     WHERE k.user_id = me.user_id AND k.address_key = r.address_key),
                   'grantedState', (SELECT g.state FROM activation g WHERE g.id = r.granted_id),
                   'grantedUntil', (SELECT g.expires_at FROM activation g WHERE g.id = r.granted_id)) ORDER BY r.created_at), '[]')
                 -- Nobody is bothered with an address that was never proved.
                 FROM access_request r WHERE r.case_id = c.id AND r.proved_at IS NOT NULL),
    'unproved', (SELECT count(*) FROM access_request r WHERE r.case_id = c.id AND r.state = 'asked' AND r.expires_at > now()),
    'decisions', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'requestId', d.request_id, 'kind', d.kind, 'reason', d.reason,
                    'called', d.called, 'state', d.state, 'outcome', d.outcome, 'name', d.name, 'dueAt', d.due_at, 'createdAt', d.created_at,
                    'isMine', d.user_id = me.user_id)
                    ORDER BY d.created_at), '[]') FROM decision d WHERE d.case_id = c.id AND d.user_id IS NOT NULL),
    'events', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'kind', e.kind, 'actor', e.actor, 'requestId', e.request_id,
                 'detail', e.detail) ORDER BY e.id), '[]')
               FROM (SELECT * FROM case_event WHERE case_id = c.id ORDER BY id DESC LIMIT 300) e))
  FROM login_case c, staff_session me WHERE c.id = p_case AND me.id = granted_session(p_cookie_hash)
$$;

-- Stores a decision with the ID token of its round trip; admin-sync verifies and applies it. The same id twice is one.
-- 'submitted' | 'no_session' | 'stale' (the case has changed since the agent saw it) | 'unknown'.
CREATE FUNCTION ellipro.submit_decision(
  p_cookie_hash bytea, p_id uuid, p_case uuid, p_request uuid, p_kind text, p_reason text, p_called text,
  p_generation integer, p_id_token text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_session uuid := granted_session(p_cookie_hash);
  v_generation integer;
BEGIN
  IF v_session IS NULL THEN RETURN 'no_session'; END IF;
  IF EXISTS (SELECT FROM decision WHERE id = p_id AND session_id = v_session) THEN RETURN 'submitted'; END IF;
  IF p_id_token IS NULL THEN RAISE EXCEPTION 'submit_decision: malformed secret'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || account, 0)) FROM login_case WHERE id = p_case;
  IF (SELECT count(*) FROM decision WHERE session_id = v_session AND state = 'submitted') >= setting_value('unchecked_decisions') THEN
    RAISE EXCEPTION 'submit_decision: too many wait' USING ERRCODE = 'configuration_limit_exceeded';
  END IF;
  SELECT generation INTO v_generation FROM login_case WHERE id = p_case;
  IF NOT FOUND OR (p_request IS NOT NULL AND NOT EXISTS
      (SELECT FROM access_request WHERE id = p_request AND case_id = p_case)) THEN RETURN 'unknown'; END IF;
  IF v_generation IS DISTINCT FROM p_generation THEN RETURN 'stale'; END IF;
  INSERT INTO decision (id, case_id, request_id, kind, reason, called, generation, session_id, id_token)
    VALUES (p_id, p_case, p_request, p_kind, p_reason, p_called, p_generation, v_session, p_id_token)
    ON CONFLICT (id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN CASE WHEN EXISTS (SELECT FROM decision WHERE id = p_id AND session_id = v_session) THEN 'submitted' ELSE 'unknown' END;
  END IF;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('apply-decision', p_id);
  RETURN 'submitted';
END $$;

-- How a decision ended, for the agent who took it.
CREATE FUNCTION ellipro.decision_view(p_cookie_hash bytea, p_id uuid)
RETURNS TABLE (state text, outcome text, kind text, case_id uuid, due_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT d.state, d.outcome, d.kind, d.case_id, d.due_at FROM decision d
  WHERE d.id = p_id AND d.session_id = granted_session(p_cookie_hash)
$$;

-- A webhook's signature was right: look at the help desk soon. Many hints are one.
CREATE FUNCTION ellipro.hint_tickets() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  INSERT INTO case_outbox (kind, subject_id)
  SELECT 'poll-tickets', '00000000-0000-0000-0000-000000000000'
  WHERE NOT EXISTS (SELECT FROM case_outbox WHERE kind = 'poll-tickets')
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ellipro FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  ellipro.link_view(uuid, bytea),
  ellipro.request_access(text, text, text, text, text, text, text, text, text, text),
  ellipro.proof_view(uuid, bytea),
  ellipro.prove_address(uuid, bytea),
  ellipro.request_withdraw_view(uuid, bytea),
  ellipro.withdraw_request(uuid, bytea),
  ellipro.request_view(uuid, bytea),
  ellipro.waiting_view(uuid, bytea),
  ellipro.name_waiting(uuid, bytea, text, text),
  ellipro.request_granted_mail(uuid, bytea),
  ellipro.waiting_granted_mail(uuid, bytea),
  ellipro.holder_questions(uuid, bytea),
  ellipro.answer_holder(uuid, bytea, uuid, boolean),
  ellipro.addition_view(uuid, bytea),
  ellipro.begin_addition(uuid, bytea, bytea, bytea),
  ellipro.submit_addition(uuid, bytea, bytea, text),
  ellipro.addition_state(uuid, bytea),
  ellipro.begin_staff_session(bytea, text, text),
  ellipro.staff_session_view(bytea),
  ellipro.end_staff_session(bytea),
  ellipro.staff_cases(bytea, text, text, integer, integer),
  ellipro.staff_case(bytea, uuid),
  ellipro.submit_decision(bytea, uuid, uuid, uuid, text, text, text, integer, text),
  ellipro.decision_view(bytea, uuid),
  ellipro.hint_tickets()
TO ellipro_provider;
GRANT EXECUTE ON FUNCTION
  ellipro.login_holder(text),
  ellipro.note_case(uuid, uuid, text, text, jsonb),
  ellipro.touch_case(uuid),
  ellipro.ensure_case(text, text, text, text, text, text),
  ellipro.one_line(text, integer),
  ellipro.new_reference(),
  ellipro.is_case_full(uuid),
  ellipro.note_overflow(uuid),
  ellipro.announce_request(uuid),
  ellipro.ask_from_waiting(uuid)
TO ellipro_sync;

-- People who are waiting already: their address is proved.
DO $$
DECLARE
  v_id uuid;
BEGIN
  FOR v_id IN SELECT id FROM ellipro.activation WHERE state = 'waiting' ORDER BY confirmed_at LOOP
    PERFORM ellipro.ask_from_waiting(v_id);
  END LOOP;
END $$;
