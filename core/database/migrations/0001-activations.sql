-- Activations: who is moving, how far they are, and the only ways in which provider can change it.
-- Everything here belongs to ellipro_owner. ellipro_provider has no right on a table of this schema: it may call
-- the functions that 0002 grants to it. ellipro_sync reads and writes the tables.

CREATE SCHEMA ellipro;
GRANT USAGE ON SCHEMA ellipro TO ellipro_sync, ellipro_provider;

-- Limits that an operator may change with one UPDATE; functions read them at each call.
CREATE TABLE ellipro.setting (
  name text PRIMARY KEY,
  value integer NOT NULL,
  description text NOT NULL
);
INSERT INTO ellipro.setting (name, value, description) VALUES
  ('activation_hours', 24, 'Hours that an activation and the link in its mail live.'),
  ('activations_per_hour', 600, 'New activations accepted in one hour over all logins: bounds what a taken-over provider can do.'),
  ('activations_per_login_per_day', 12, 'New activations accepted in 24 hours on one legacy login.'),
  ('mails_per_address_per_day', 3, 'Mails of any kind to one address in 24 hours.'),
  ('mails_per_login_per_day', 20, 'Mails in 24 hours caused by one legacy login.'),
  ('resend_seconds', 60, 'Seconds between two mails of one activation.'),
  ('password_tries', 5, 'Wrong passwords accepted by one activation, at each of its two places.'),
  ('blocked_pair_days', 30, 'Days that a login may not be used with an address whose owner said "it was not me".'),
  ('proof_seconds', 60, 'Seconds that the proof of a fresh confirmation may be used at our OP.');

-- The form in which two addresses are the same. ICU: under the C locale, plain lower() leaves É as it is.
CREATE FUNCTION ellipro.address_key(p_address text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT lower(p_address COLLATE "und-x-icu")
$$;

CREATE TABLE ellipro.activation (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL DEFAULT 'legacy' CHECK (kind IN ('legacy', 'granted')),
  state text NOT NULL DEFAULT 'requested' CHECK (state IN
    ('requested', 'mailed', 'confirmed', 'opened', 'closed', 'expired', 'withdrawn', 'refused', 'waiting')),
  -- Why a state was reached, for operators and for the page; a short code.
  reason text,
  -- The legacy directory's stable key of the login, and what people know it by. provider writes these and the address:
  -- jobs go by the key and the address alone, and what `find` prints is text without anything that a terminal obeys.
  account text NOT NULL CHECK (length(account) BETWEEN 1 AND 255),
  login text NOT NULL,
  company text NOT NULL,
  contract text NOT NULL,
  -- As typed (trimmed, NFC), and the form in which two addresses are the same.
  address text NOT NULL CHECK (length(address) <= 254
    AND address ~ '^[^\u0001-\u0020\u007f-\u00a0\u2000-\u206f\ufeff@]+@[^\u0001-\u0020\u007f-\u00a0\u2000-\u206f\ufeff@]+$'),
  address_key text NOT NULL GENERATED ALWAYS AS (ellipro.address_key(address)) STORED,
  locale text NOT NULL CHECK (locale IN ('fr', 'en')),
  -- The person's subject identifier at our OP: opaque, one a person, never used again.
  sub text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
  shared boolean NOT NULL DEFAULT false,
  -- Stands in log lines of admin-sync: an opaque id and nothing else.
  request_id text CHECK (request_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
  -- Mails asked for, and mails that were handed to the mail server.
  mail_generation integer NOT NULL DEFAULT 1,
  mailed_generation integer NOT NULL DEFAULT 0,
  mail_requested_at timestamptz NOT NULL DEFAULT now(),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  opened_at timestamptz,
  signed_in_at timestamptz,
  unlinked_at timestamptz,
  ended_at timestamptz
);
-- Invariant 2: one holder a legacy login, decided at the confirmation.
CREATE UNIQUE INDEX activation_one_holder ON ellipro.activation (account)
  WHERE kind = 'legacy' AND state IN ('confirmed', 'opened', 'closed');
-- One activation of an address opens at a time; an opened one is then seen in Keycloak.
CREATE UNIQUE INDEX activation_one_confirmed_address ON ellipro.activation (address_key) WHERE state = 'confirmed';
CREATE INDEX activation_by_account ON ellipro.activation (account, created_at);
CREATE INDEX activation_by_address ON ellipro.activation (address_key, created_at);
CREATE INDEX activation_by_login ON ellipro.activation (lower(login COLLATE "und-x-icu"));
CREATE INDEX activation_live ON ellipro.activation (expires_at)
  WHERE state IN ('requested', 'mailed', 'refused', 'confirmed');
CREATE INDEX activation_recent ON ellipro.activation (created_at);

-- Secrets of an activation, apart: nobody but the functions and admin-sync reads them, and they end with it.
CREATE TABLE ellipro.activation_secret (
  activation_id uuid PRIMARY KEY REFERENCES ellipro.activation (id) ON DELETE CASCADE,
  -- SHA-256 of the cookie of the browser that started it.
  browser_hash bytea,
  -- verifier = HMAC(provider key, Argon2id(password, salt)): worth nothing in Keycloak and nothing without that key.
  salt bytea,
  verifier bytea,
  steering_tries integer NOT NULL DEFAULT 0,
  confirmation_tries integer NOT NULL DEFAULT 0,
  -- SHA-256 of the newest mail's k and of its withdraw code; only admin-sync writes them.
  link_hash bytea,
  withdraw_hash bytea,
  -- Keycloak's form of the password retyped at the confirmation, for open-account alone, which erases it.
  credential jsonb,
  -- SHA-256 of the cookie of a browser whose POST confirmed.
  finisher_hash bytea,
  proof_handle text UNIQUE,
  proof_hash bytea,
  proof_expires_at timestamptz,
  proofs_minted integer NOT NULL DEFAULT 0
);
CREATE INDEX activation_secret_by_browser ON ellipro.activation_secret (browser_hash);

-- Keycloak users that we made. The record exists before the user does and its key stands in an attribute of the
-- user, so that a user made by a process that died is recognised by our record and not by its looks.
CREATE TABLE ellipro.keycloak_user (
  record uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  address_key text NOT NULL,
  user_id text UNIQUE,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'opened', 'deleted')),
  opened_by uuid UNIQUE REFERENCES ellipro.activation (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'opened') = (opened_by IS NOT NULL)),
  CHECK (state <> 'opened' OR user_id IS NOT NULL)
);
CREATE UNIQUE INDEX keycloak_user_one_pending ON ellipro.keycloak_user (address_key) WHERE state = 'pending';

-- "It was not me": this login may not be used with this address until then.
CREATE TABLE ellipro.blocked_pair (
  account text NOT NULL,
  address_key text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (account, address_key)
);

-- Every mail that we or Keycloak sent on our demand: budgets (invariant 17) and the desk's answers.
CREATE TABLE ellipro.mail (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  activation_id uuid REFERENCES ellipro.activation (id) ON DELETE SET NULL,
  kind text NOT NULL,
  account text,
  address_key text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_by_address ON ellipro.mail (address_key, sent_at);
CREATE INDEX mail_by_account ON ellipro.mail (account, sent_at);
CREATE INDEX mail_by_activation ON ellipro.mail (activation_id);

-- What happened to an activation, in order; written by a trigger, so that no transition is forgotten.
CREATE TABLE ellipro.activation_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  activation_id uuid NOT NULL REFERENCES ellipro.activation (id) ON DELETE CASCADE,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  from_state text,
  to_state text NOT NULL,
  reason text,
  actor text NOT NULL
);
CREATE INDEX activation_event_by_activation ON ellipro.activation_event (activation_id, id);

CREATE FUNCTION ellipro.record_transition() RETURNS trigger LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO activation_event (activation_id, to_state, reason, actor)
      VALUES (NEW.id, NEW.state, NEW.reason, session_user);
  ELSIF NEW.state <> OLD.state THEN
    INSERT INTO activation_event (activation_id, from_state, to_state, reason, actor)
      VALUES (NEW.id, OLD.state, NEW.state, NEW.reason, session_user);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER activation_transition AFTER INSERT OR UPDATE OF state ON ellipro.activation
  FOR EACH ROW EXECUTE FUNCTION ellipro.record_transition();

-- Work for admin-sync. Rows are written in the transaction that makes the work necessary, and turned into jobs.
CREATE TABLE ellipro.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('send-confirmation', 'open-account', 'unlink', 'release')),
  activation_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION ellipro.announce_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('ellipro_outbox', '');
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_announcement AFTER INSERT ON ellipro.outbox
  FOR EACH STATEMENT EXECUTE FUNCTION ellipro.announce_outbox();

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ellipro TO ellipro_sync;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ellipro TO ellipro_sync;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ellipro FROM PUBLIC;

-- What provider keeps for itself: nothing in here opens, changes or decides anything.
CREATE SCHEMA provider;
GRANT USAGE ON SCHEMA provider TO ellipro_sync, ellipro_provider;

-- Artefacts of the OP. The identifiers are SHA-256 digests: a reader of this table holds no token.
CREATE TABLE provider.oidc_payload (
  model text NOT NULL,
  id text NOT NULL,
  payload jsonb NOT NULL,
  grant_id text,
  expires_at timestamptz,
  consumed_at timestamptz,
  PRIMARY KEY (model, id)
);
CREATE INDEX oidc_payload_by_grant ON provider.oidc_payload (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX oidc_payload_by_expiry ON provider.oidc_payload (expires_at);

-- Signing keys of the OP: the public part, and the private part sealed with a secret that only provider has.
CREATE TABLE provider.oidc_key (
  kid text PRIMARY KEY,
  public_jwk jsonb NOT NULL,
  sealed_private_jwk bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- A key is published before it signs, so that nobody meets a signature whose key they have not seen.
  signs_from timestamptz NOT NULL,
  retired_at timestamptz
);

-- "The legacy directory said yes to this browser": what carries a sign-in from the login page to the next screen.
CREATE TABLE provider.legacy_sign_in (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  cookie_hash bytea NOT NULL UNIQUE,
  account text NOT NULL,
  login text NOT NULL,
  company text NOT NULL,
  contract text NOT NULL,
  shared boolean NOT NULL,
  known_domains text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX legacy_sign_in_by_expiry ON provider.legacy_sign_in (expires_at);

-- Counters of rate-limiter-flexible (its own table form; `expire` in milliseconds since 1970).
CREATE TABLE provider.rate_limit (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA provider TO ellipro_provider;
GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA provider TO ellipro_sync;
REVOKE SELECT ON provider.oidc_key, provider.oidc_payload FROM ellipro_sync;
GRANT SELECT (model, id, expires_at) ON provider.oidc_payload TO ellipro_sync;
REVOKE DELETE ON provider.oidc_key FROM ellipro_sync;
