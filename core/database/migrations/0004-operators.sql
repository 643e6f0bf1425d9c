-- What operators and the desk do by hand, and who did it. provider has no right on any of it.

-- One line for each command that changed, or was asked to change, something; nobody changes a line afterwards.
CREATE TABLE ellipro.operator_action (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who: the account of the operating system, or what `--operator` said. `admin-sync`: how a job that was asked for ended.
  operator text NOT NULL CHECK (length(operator) BETWEEN 1 AND 100 AND operator !~ '[\u0001-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]'),
  command text NOT NULL CHECK (command ~ '^[a-z-]+( [a-z-]+)*$'),
  activation_id uuid,
  -- Why, in the operator's words.
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500 AND reason !~ '[\u0001-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]'),
  -- A short code.
  outcome text NOT NULL
);
CREATE INDEX operator_action_by_activation ON ellipro.operator_action (activation_id, id);

CREATE FUNCTION ellipro.keep_as_written() RETURNS trigger LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'operator_action is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER operator_action_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ellipro.operator_action
  FOR EACH STATEMENT EXECUTE FUNCTION ellipro.keep_as_written();

-- Opened accounts whose holder left: the job `close-account` closes them and frees the login.
CREATE TABLE ellipro.account_closing (
  activation_id uuid PRIMARY KEY REFERENCES ellipro.activation (id),
  requested_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  -- A short code; NULL until the job has ended. `protected` may be asked for again.
  outcome text,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
);

ALTER TABLE ellipro.outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
  CHECK (kind IN ('send-confirmation', 'open-account', 'unlink', 'release', 'close-account', 'notify-closed'));

REVOKE ALL ON FUNCTION ellipro.keep_as_written() FROM PUBLIC;
GRANT SELECT, INSERT ON ellipro.operator_action TO ellipro_sync;
GRANT SELECT, INSERT, UPDATE ON ellipro.account_closing TO ellipro_sync;
-- A mail that the desk asks for counts as one that the person asks for.
GRANT EXECUTE ON FUNCTION ellipro.request_budget(text, text) TO ellipro_sync;
