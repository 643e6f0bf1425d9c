-- What the Ellipro workspace of the demonstration keeps, in its own database. Made by the portal when it first needs it
-- (database.ts); each statement may run again. Keys are compared by bytes, as the digest orders them.
CREATE SCHEMA IF NOT EXISTS workspace;

CREATE TABLE IF NOT EXISTS workspace.contract (
  contract text COLLATE "C" PRIMARY KEY,
  company text NOT NULL,
  country text NOT NULL,
  number text NOT NULL,
  tariff text NOT NULL,
  -- A year, excluding VAT, in hundredths.
  fee_cents bigint NOT NULL,
  currency text NOT NULL,
  signed_on date NOT NULL,
  contact_name text, contact_email text, contact_phone text,
  reports text[] NOT NULL,
  analyses text[] NOT NULL,
  score boolean NOT NULL,
  -- Of what was received last: the digest that the rows had then, when that was, and whether it was the last one.
  received_digest bytea NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  is_final boolean NOT NULL DEFAULT false,
  -- When somebody changed it here; nobody can before the last one was received.
  changed_at timestamptz CHECK (changed_at IS NULL OR is_final)
);
CREATE TABLE IF NOT EXISTS workspace.price (
  contract text COLLATE "C" NOT NULL REFERENCES workspace.contract,
  item text COLLATE "C" NOT NULL,
  cents bigint NOT NULL,
  currency text NOT NULL,
  PRIMARY KEY (contract, item)
);
CREATE TABLE IF NOT EXISTS workspace.country (
  contract text COLLATE "C" NOT NULL REFERENCES workspace.contract,
  country text COLLATE "C" NOT NULL,
  PRIMARY KEY (contract, country)
);
CREATE TABLE IF NOT EXISTS workspace.portfolio (
  contract text COLLATE "C" NOT NULL,
  country text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  name text NOT NULL,
  reference text,
  added_on date NOT NULL,
  PRIMARY KEY (contract, country, number)
);
CREATE TABLE IF NOT EXISTS workspace.monitoring (
  contract text COLLATE "C" NOT NULL,
  country text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  recipient text COLLATE "C" NOT NULL,
  since date NOT NULL,
  -- Stopped by somebody on the portal, who may resume it. It is no part of the contract meanwhile.
  stopped_at timestamptz,
  PRIMARY KEY (contract, country, number, kind, recipient)
);
CREATE TABLE IF NOT EXISTS workspace.analysis_order (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  contract text COLLATE "C" NOT NULL REFERENCES workspace.contract,
  kind text NOT NULL,
  country text NOT NULL,
  company text NOT NULL,
  -- Subject of the ID token of whoever ordered it.
  ordered_by text NOT NULL,
  ordered_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS analysis_order_by_contract ON workspace.analysis_order (contract, ordered_at);
-- Keys of requests that were carried out, and for which content.
CREATE TABLE IF NOT EXISTS workspace.idempotency_key (
  key uuid PRIMARY KEY,
  contract text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  used_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idempotency_key_by_age ON workspace.idempotency_key (used_at);
-- The columns of the portfolio that its page sorts by, beside the number.
CREATE INDEX IF NOT EXISTS portfolio_by_name ON workspace.portfolio (contract, name);

-- Fields of a record, joined by TAB; an absent one is empty.
CREATE OR REPLACE FUNCTION workspace.record(VARIADIC fields text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_to_string(fields, E'\t', '') $$;
CREATE OR REPLACE FUNCTION workspace.list(given text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(string_agg(word, ' ' ORDER BY word COLLATE "C"), '') FROM unnest(given) AS word $$;
CREATE OR REPLACE FUNCTION workspace.iso(given date) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT to_char(given, 'YYYY-MM-DD') $$;
CREATE OR REPLACE FUNCTION workspace.hash(lines text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT encode(sha256(convert_to(coalesce(lines, ''), 'UTF8')), 'hex') $$;

-- The canonical digest (docs/contract-digest.md) of each contract from the first to the last named, from its rows as they
-- are. Sorting by the columns of the key is sorting the records by their bytes: TAB comes before every character of a text.
-- The indexes of the primary keys give that order, so nothing is sorted; the plan is fixed for that. Millions of lines are
-- joined by || for its speed: an array for each of them took eight times as long.
CREATE OR REPLACE FUNCTION workspace.digests(first text, last text)
  RETURNS TABLE (contract text, digest text, sections jsonb, received jsonb, changed_at timestamptz)
  LANGUAGE sql STABLE SET datestyle = 'ISO, YMD' SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
  WITH one AS (
    SELECT c.*, workspace.hash(workspace.record(c.contract, c.company, c.country, c.number, c.tariff, c.fee_cents::text,
      c.currency, workspace.iso(c.signed_on), c.contact_name, c.contact_email, c.contact_phone,
      workspace.list(c.reports), workspace.list(c.analyses), CASE WHEN c.score THEN 'true' ELSE 'false' END) || E'\n') AS hash
    FROM workspace.contract c WHERE c.contract BETWEEN first AND last
  ), price AS (
    SELECT contract, count(*) AS n,
      string_agg(item || E'\t' || cents::text || E'\t' || currency || E'\n', '' ORDER BY item) AS lines
    FROM workspace.price p WHERE p.contract BETWEEN first AND last GROUP BY 1
  ), country AS (
    SELECT contract, count(*) AS n, string_agg(country || E'\n', '' ORDER BY country) AS lines
    FROM workspace.country p WHERE p.contract BETWEEN first AND last GROUP BY 1
  ), company AS (
    SELECT contract, count(*) AS n, string_agg(
      country || E'\t' || number || E'\t' || name || E'\t' || coalesce(reference, '') || E'\t' || added_on::text || E'\n',
      '' ORDER BY country, number) AS lines
    FROM workspace.portfolio p WHERE p.contract BETWEEN first AND last GROUP BY 1
  ), alert AS (
    SELECT contract, count(*) AS n, string_agg(
      country || E'\t' || number || E'\t' || kind || E'\t' || recipient || E'\t' || since::text || E'\n', ''
      ORDER BY country, number, kind, recipient) AS lines
    FROM workspace.monitoring p WHERE p.contract BETWEEN first AND last AND stopped_at IS NULL GROUP BY 1
  ), section AS (
    SELECT one.contract, s.place, s.name, s.n, s.hash FROM one
    LEFT JOIN price USING (contract) LEFT JOIN country USING (contract)
    LEFT JOIN company USING (contract) LEFT JOIN alert USING (contract)
    CROSS JOIN LATERAL (VALUES
      (1, 'contract', 1, one.hash),
      (2, 'prices', coalesce(price.n, 0), workspace.hash(price.lines)),
      (3, 'countries', coalesce(country.n, 0), workspace.hash(country.lines)),
      (4, 'portfolio', coalesce(company.n, 0), workspace.hash(company.lines)),
      (5, 'monitoring', coalesce(alert.n, 0), workspace.hash(alert.lines))
    ) AS s (place, name, n, hash)
  ), whole AS (
    SELECT contract, jsonb_object_agg(name, jsonb_build_object('count', n, 'digest', hash)) AS sections,
      workspace.hash(E'ellipro-contract-1\n' || string_agg(workspace.record(name, n::text, hash) || E'\n', '' ORDER BY place)) AS digest
    FROM section GROUP BY contract
  )
  SELECT contract, whole.digest, whole.sections,
    jsonb_build_object('digest', encode(one.received_digest, 'hex'), 'at', one.received_at, 'final', one.is_final), one.changed_at
  FROM one JOIN whole USING (contract) ORDER BY contract
$$;
