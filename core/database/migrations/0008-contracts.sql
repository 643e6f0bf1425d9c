-- What a contract at Cofacering is, as imported and checked: the source of what is carried to the Ellipro workspace, and
-- of the claims of its people. Only admin-sync reads and writes it. No text holds a control character (but the body of a
-- message), and an absent value is NULL, never an empty text: the canonical digest (docs/contract-digest.md) rests on it.
-- Keys are compared by bytes (COLLATE "C"), as the digest orders them.

INSERT INTO ellipro.setting (name, value, description) VALUES
  ('old_message_days', 365, 'Days that the old messages of a mailbox can be saved after they were imported.'),
  ('import_report_days', 730, 'Days that the report of an import, or of a comparison, is kept.');

-- An import of a few contracts reads them into temporary tables. (`database bootstrap` grants it too.)
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ellipro_sync', current_database()); END $$;

-- ── imports ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE ellipro.import_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL CHECK (source IN ('sql', 'files')),
  -- SHA-256 of what identifies the material (the manifest of files), so that a run that was cut off goes on.
  fingerprint bytea,
  -- `staged`: all lines are read and checked; what is left is to write them.
  state text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'staged', 'done', 'failed')),
  -- All contracts, or those named.
  is_whole boolean NOT NULL,
  -- {"contracts": {"read": 1, "stored": 1, "unchanged": 0, "set_aside": 0, …}, …} by kind (contracts/import/counts.ts)
  counts jsonb NOT NULL DEFAULT '{}',
  -- [{"kind": "portfolio", "code": "siren", "severity": "error", "lines": 1}, …]: all, also those that import_problem has
  -- not line by line.
  problems jsonb NOT NULL DEFAULT '[]',
  error text,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);

-- Why a line was set aside, or what is odd about it. Written for people: place, reason, and the value in question.
CREATE TABLE ellipro.import_problem (
  run_id bigint NOT NULL REFERENCES ellipro.import_run (id) ON DELETE CASCADE,
  -- File and line for files, name of the query and key for SQL.
  place text NOT NULL,
  line bigint,
  kind text NOT NULL,
  contract text,
  severity text NOT NULL CHECK (severity IN ('error', 'warning')),
  -- A short stable code (admin-sync/contracts/import/problems.ts).
  code text NOT NULL,
  value text CHECK (length(value) <= 200)
);
CREATE INDEX import_problem_by_run ON ellipro.import_problem (run_id, severity, place, line);
CREATE INDEX import_problem_by_contract ON ellipro.import_problem (contract) WHERE contract IS NOT NULL;

-- ── contracts ───────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE ellipro.legacy_contract (
  contract text COLLATE "C" PRIMARY KEY CHECK (length(contract) BETWEEN 1 AND 64),
  company text NOT NULL CHECK (length(company) BETWEEN 1 AND 255),
  -- Who the customer is: ISO 3166-1 alpha-2, and there the national number; in FR the SIREN.
  country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  number text NOT NULL CHECK (length(number) BETWEEN 1 AND 32),
  -- Name of the price list.
  tariff text NOT NULL CHECK (length(tariff) BETWEEN 1 AND 100),
  -- Yearly, in hundredths of the currency (ISO 4217), excluding VAT.
  fee_cents bigint NOT NULL CHECK (fee_cents >= 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  signed_on date NOT NULL,
  contact_name text, contact_email text, contact_phone text,
  -- Entitlements, sorted: reports essentiel, efficient, expert; analyses classic, optimum.
  reports text[] NOT NULL CHECK (reports <@ ARRAY['efficient', 'essentiel', 'expert']),
  analyses text[] NOT NULL CHECK (analyses <@ ARRAY['classic', 'optimum']),
  score boolean NOT NULL,
  -- Of what is stored here: canonical SHA-256 of contract and all its lines. NULL until it is computed again.
  digest bytea CHECK (length(digest) = 32),
  -- Of its lines as they came, so that an import knows what has not changed; opaque.
  content text,
  -- Lines of it that were set aside by the import that stored it.
  set_aside integer NOT NULL DEFAULT 0,
  run_id bigint REFERENCES ellipro.import_run (id) ON DELETE SET NULL,
  imported_at timestamptz NOT NULL DEFAULT now(),
  -- A whole import did not find it any more. It is kept.
  missing_since timestamptz
);

-- Prices that the contract has of its own, by item: in hundredths of the currency.
CREATE TABLE ellipro.tariff_price (
  contract text COLLATE "C" NOT NULL REFERENCES ellipro.legacy_contract ON DELETE CASCADE,
  item text COLLATE "C" NOT NULL CHECK (length(item) BETWEEN 1 AND 64),
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  PRIMARY KEY (contract, item)
);

-- Countries whose reports it reads on line.
CREATE TABLE ellipro.contract_country (
  contract text COLLATE "C" NOT NULL REFERENCES ellipro.legacy_contract ON DELETE CASCADE,
  country text COLLATE "C" NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  PRIMARY KEY (contract, country)
);

-- What a frozen contract gives since its freezing: this alone goes on following Cofacering. No row: as it was frozen.
CREATE TABLE ellipro.contract_rights (
  contract text COLLATE "C" PRIMARY KEY REFERENCES ellipro.legacy_contract ON DELETE CASCADE,
  reports text[] NOT NULL CHECK (reports <@ ARRAY['efficient', 'essentiel', 'expert']),
  analyses text[] NOT NULL CHECK (analyses <@ ARRAY['classic', 'optimum']),
  score boolean NOT NULL,
  countries text[] NOT NULL,
  -- The import that wrote it: an older one does not any more.
  run bigint NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT now()
);
-- What a contract gives its people now: what claims are made of.
CREATE VIEW ellipro.contract_entitlement AS
  SELECT c.contract, coalesce(r.reports, c.reports) AS reports, coalesce(r.analyses, c.analyses) AS analyses,
         coalesce(r.score, c.score) AS score,
         coalesce(r.countries, ARRAY (SELECT k.country FROM ellipro.contract_country k
                                       WHERE k.contract = c.contract ORDER BY 1)) AS countries
    FROM ellipro.legacy_contract c LEFT JOIN ellipro.contract_rights r ON r.contract = c.contract;

-- Without foreign keys: millions of lines, always written in the transaction of their contract and after it.
CREATE TABLE ellipro.portfolio_line (
  contract text COLLATE "C" NOT NULL,
  country text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  name text NOT NULL,
  -- The customer's own name for it.
  reference text,
  added_on date NOT NULL,
  PRIMARY KEY (contract, country, number)
);

CREATE TABLE ellipro.monitoring (
  contract text COLLATE "C" NOT NULL,
  country text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  -- accounts, address, insolvency, officers, payments, score
  kind text COLLATE "C" NOT NULL,
  -- E-mail address that alerts go to.
  recipient text COLLATE "C" NOT NULL,
  since date NOT NULL,
  PRIMARY KEY (contract, country, number, kind, recipient)
);

-- Logins as of the import: for the report of what is left, which reads this database alone.
CREATE TABLE ellipro.legacy_login (
  account text COLLATE "C" PRIMARY KEY CHECK (length(account) BETWEEN 1 AND 255),
  login text NOT NULL,
  contract text COLLATE "C" NOT NULL,
  shared boolean NOT NULL,
  disabled boolean NOT NULL,
  created_on date,
  last_sign_in_at timestamptz,
  -- Since when its messages are imported.
  first_imported_at timestamptz NOT NULL DEFAULT now(),
  imported_at timestamptz NOT NULL DEFAULT now(),
  missing_since timestamptz
);
CREATE INDEX legacy_login_by_contract ON ellipro.legacy_login (contract);

-- The mailbox of a login.
CREATE TABLE ellipro.legacy_message (
  account text COLLATE "C" NOT NULL,
  message text COLLATE "C" NOT NULL CHECK (length(message) BETWEEN 1 AND 64),
  sent_at timestamptz NOT NULL,
  sender text NOT NULL,
  subject text,
  body text NOT NULL,
  -- From here on counts how long it is kept.
  imported_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account, message)
);
CREATE INDEX legacy_message_by_import ON ellipro.legacy_message (imported_at);
CREATE TABLE ellipro.legacy_attachment (
  account text COLLATE "C" NOT NULL,
  message text COLLATE "C" NOT NULL,
  place integer NOT NULL CHECK (place > 0),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  media_type text NOT NULL CHECK (length(media_type) BETWEEN 1 AND 127),
  content bytea NOT NULL,
  PRIMARY KEY (account, message, place),
  FOREIGN KEY (account, message) REFERENCES ellipro.legacy_message ON DELETE CASCADE
);

-- ── the canonical digest ────────────────────────────────────────────────────────────────────────────────────────────

-- That of admin-sync/contracts/digest.ts, of what is stored: one row for each of the contracts that is there. TAB sorts
-- before all that a text may hold, so the records' order is that of the primary keys: the indexes give it, contract by
-- contract, and nothing large is sorted, whatever the planner knows of tables that were filled in this transaction.
CREATE FUNCTION ellipro.digest_contracts(p_contracts text[])
  RETURNS TABLE (contract text, digest bytea, contract_digest bytea, prices_count bigint, prices_digest bytea,
    countries_count bigint, countries_digest bytea, portfolio_count bigint, portfolio_digest bytea,
    monitoring_count bigint, monitoring_digest bytea)
  LANGUAGE sql STABLE ROWS 1000 SET search_path = ellipro, pg_temp SET datestyle = 'ISO, YMD' SET enable_seqscan = off
  SET enable_bitmapscan = off SET jit = off
AS $$
  SELECT s.contract,
      sha256(convert_to(concat(E'ellipro-contract-1\ncontract\t1\t', encode(s.digest, 'hex'),
        E'\nprices\t', s.prices_count, E'\t', encode(s.prices, 'hex'),
        E'\ncountries\t', s.countries_count, E'\t', encode(s.countries, 'hex'),
        E'\nportfolio\t', s.portfolio_count, E'\t', encode(s.portfolio, 'hex'),
        E'\nmonitoring\t', s.monitoring_count, E'\t', encode(s.monitoring, 'hex'), E'\n'), 'UTF8')),
      s.digest, s.prices_count, s.prices, s.countries_count, s.countries, s.portfolio_count, s.portfolio,
      s.monitoring_count, s.monitoring
    FROM (
      SELECT c.contract,
          sha256(convert_to(concat_ws(E'\t', c.contract, c.company, c.country, c.number, c.tariff, c.fee_cents,
            c.currency, c.signed_on, coalesce(c.contact_name, ''), coalesce(c.contact_email, ''),
            coalesce(c.contact_phone, ''),
            (SELECT coalesce(string_agg(r, ' ' ORDER BY r COLLATE "C"), '') FROM unnest(c.reports) AS r),
            (SELECT coalesce(string_agg(a, ' ' ORDER BY a COLLATE "C"), '') FROM unnest(c.analyses) AS a),
            c.score::text) || E'\n', 'UTF8')) AS digest,
          p.prices_count, sha256(convert_to(coalesce(p.records, ''), 'UTF8')) AS prices,
          n.countries_count, sha256(convert_to(coalesce(n.records, ''), 'UTF8')) AS countries,
          l.portfolio_count, sha256(convert_to(coalesce(l.records, ''), 'UTF8')) AS portfolio,
          m.monitoring_count, sha256(convert_to(coalesce(m.records, ''), 'UTF8')) AS monitoring
        FROM legacy_contract c
        CROSS JOIN LATERAL (
          SELECT count(*) AS prices_count, string_agg(
              item || E'\t' || amount_cents::text || E'\t' || currency || E'\n', '' ORDER BY item) AS records
            FROM tariff_price t WHERE t.contract = c.contract) p
        CROSS JOIN LATERAL (
          SELECT count(*) AS countries_count, string_agg(t.country || E'\n', '' ORDER BY t.country) AS records
            FROM contract_country t WHERE t.contract = c.contract) n
        CROSS JOIN LATERAL (
          SELECT count(*) AS portfolio_count, string_agg(
              t.country || E'\t' || t.number || E'\t' || name || E'\t' || coalesce(reference, '') || E'\t'
                || added_on::text || E'\n', '' ORDER BY t.country, t.number) AS records
            FROM portfolio_line t WHERE t.contract = c.contract) l
        CROSS JOIN LATERAL (
          SELECT count(*) AS monitoring_count, string_agg(
              t.country || E'\t' || t.number || E'\t' || kind || E'\t' || recipient || E'\t' || since::text
                || E'\n', '' ORDER BY t.country, t.number, kind, recipient) AS records
            FROM monitoring t WHERE t.contract = c.contract) m
        WHERE c.contract = ANY (p_contracts)
        -- Computes each digest once.
        OFFSET 0
    ) s
$$;
-- Of one; NULL when there is no such contract.
CREATE FUNCTION ellipro.contract_digest(p_contract text) RETURNS bytea LANGUAGE sql STABLE
  SET search_path = ellipro, pg_temp AS $$ SELECT digest FROM digest_contracts(ARRAY[p_contract]) $$;
REVOKE ALL ON FUNCTION ellipro.digest_contracts(text[]), ellipro.contract_digest(text) FROM PUBLIC;

-- ── their way to Ellipro ────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE ellipro.contract_transfer (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  contract text COLLATE "C" NOT NULL UNIQUE,
  -- What the workspace gave back last, and when.
  accepted_digest bytea CHECK (length(accepted_digest) = 32),
  accepted_at timestamptz,
  -- The first person of the contract has moved: from here on what Cofacering says does not count any more (but for
  -- contract_rights), and imports leave the contract alone. Set before the last transfer, in the transaction that reads the contract for it.
  frozen_at timestamptz,
  -- The workspace has taken the last transfer, and refuses any other.
  finished_at timestamptz,
  -- It cannot be carried over, and why; NULL again when it was.
  refused text,
  last_error text,
  -- How the last comparison with the workspace ended.
  verdict text CHECK (verdict IN ('identical', 'differing', 'missing')),
  verified_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (finished_at IS NULL OR frozen_at IS NOT NULL)
);

-- The last word: whoever writes a contract that is frozen, an import of an older release included, writes nothing at all.
-- An import holds the rows of contract_transfer that it passes over or not; this one waits for who freezes at the moment.
CREATE FUNCTION ellipro.keep_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_frozen_at timestamptz;
BEGIN
  SELECT frozen_at INTO v_frozen_at FROM contract_transfer WHERE contract = OLD.contract FOR SHARE;
  IF v_frozen_at IS NOT NULL THEN
    RAISE EXCEPTION 'the contract is frozen' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
REVOKE ALL ON FUNCTION ellipro.keep_frozen() FROM PUBLIC;
CREATE TRIGGER contract_kept BEFORE DELETE OR UPDATE OF contract, company, country, number, tariff, fee_cents, currency,
    signed_on, contact_name, contact_email, contact_phone, reports, analyses, score ON ellipro.legacy_contract
  FOR EACH ROW EXECUTE FUNCTION ellipro.keep_frozen();

ALTER TABLE ellipro.case_outbox DROP CONSTRAINT case_outbox_kind_check, ADD CONSTRAINT case_outbox_kind_check
  CHECK (kind IN ('send-proof', 'acknowledge', 'ask-holder', 'tell-case-contact', 'tell-refusal', 'sync-case',
    'push-ticket', 'poll-tickets', 'check-staff', 'apply-decision', 'warn-holder', 'add-contract',
    -- About a contract: the id is that of contract_transfer.
    'transfer-contract', 'sync-entitlements'));

-- The first account of a contract starts its last transfer; every account gets the entitlements of its contracts.
CREATE FUNCTION ellipro.follow_contract() RETURNS trigger LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_id uuid;
BEGIN
  INSERT INTO contract_transfer (contract) VALUES (NEW.contract) ON CONFLICT DO NOTHING;
  SELECT id INTO v_id FROM contract_transfer WHERE contract = NEW.contract;
  IF NEW.state = 'opened' THEN
    INSERT INTO case_outbox (kind, subject_id) VALUES ('transfer-contract', v_id);
  END IF;
  INSERT INTO case_outbox (kind, subject_id) VALUES ('sync-entitlements', v_id);
  RETURN NULL;
END $$;
CREATE TRIGGER contract_followed AFTER UPDATE OF state ON ellipro.activation FOR EACH ROW
  WHEN (NEW.state <> OLD.state AND (NEW.state = 'opened' OR OLD.state = 'opened')
    AND length(NEW.contract) BETWEEN 1 AND 64)
  EXECUTE FUNCTION ellipro.follow_contract();
-- Accounts that were opened before this release.
INSERT INTO ellipro.contract_transfer (contract)
  SELECT DISTINCT contract FROM ellipro.activation WHERE state = 'opened' AND length(contract) BETWEEN 1 AND 64;
INSERT INTO ellipro.case_outbox (kind, subject_id)
  SELECT kind, id FROM ellipro.contract_transfer, unnest(ARRAY['transfer-contract', 'sync-entitlements']) AS kind;

CREATE TABLE ellipro.verification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  -- {"contracts": 1, "companies": 1, "alerts": 1, "identical": 1, "differing": 0, "missing": 0, "refused": 0, …}
  totals jsonb NOT NULL DEFAULT '{}'
);
-- What differs: the field of the contract, a company, or an alert.
CREATE TABLE ellipro.verification_difference (
  verification_id bigint NOT NULL REFERENCES ellipro.verification (id) ON DELETE CASCADE,
  contract text COLLATE "C" NOT NULL,
  section text NOT NULL,
  -- Key of the record in its section, such as `FR 552100554`; NULL for the contract as a whole.
  record text,
  field text,
  ours text,
  theirs text
);
CREATE INDEX verification_difference_by_contract ON ellipro.verification_difference (verification_id, contract);

-- How far the changes at Cofacering are read (sync_cursor has the help desks').
CREATE TABLE ellipro.contract_cursor (
  source text PRIMARY KEY,
  -- Opaque: what the query of changes gave last.
  cursor text NOT NULL,
  read_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ellipro.import_run, ellipro.import_problem, ellipro.legacy_contract,
  ellipro.tariff_price, ellipro.contract_country, ellipro.portfolio_line, ellipro.monitoring, ellipro.legacy_login,
  ellipro.legacy_message, ellipro.legacy_attachment, ellipro.contract_transfer, ellipro.verification,
  ellipro.verification_difference, ellipro.contract_cursor, ellipro.contract_rights TO ellipro_sync;
GRANT SELECT ON ellipro.contract_entitlement TO ellipro_sync;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ellipro TO ellipro_sync;
GRANT EXECUTE ON FUNCTION ellipro.digest_contracts(text[]), ellipro.contract_digest(text) TO ellipro_sync;
REVOKE ALL ON FUNCTION ellipro.follow_contract() FROM PUBLIC;
