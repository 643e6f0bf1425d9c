-- The sample Cofacering database: what the product needs to know about a legacy portal, in a believable schema.
--
-- The tables are an example. What the product reads are the views at the end, and nothing else:
--
--   directory_*   the mapping between a real Cofacering schema and provider/legacy/sql.ts. For a real migration, create
--                 views of these names and columns over the real tables.
--   transfer_*    what is carried over to Ellipro. For a real migration, create such views as well, or name queries of
--                 your own (LEGACY_QUERIES_FILE, docs/contracts.md).
--
-- Grant SELECT on the views, and on nothing else, to the role cofacering_reader.

CREATE TABLE contract (
  id             text PRIMARY KEY,             -- number printed on the invoices, such as CF-204518
  company        text NOT NULL,
  siren          text NOT NULL UNIQUE CHECK (siren ~ '^\d{9}$'),   -- valid by Luhn, outside the numbers in use
  sector         text NOT NULL,
  postcode       text NOT NULL,
  city           text NOT NULL,
  tariff         text NOT NULL,                -- name of the price list
  yearly_fee_eur integer NOT NULL,             -- excluding VAT
  signed_on      date NOT NULL,
  contact_name   text NOT NULL,                -- who signed, or took over: the person to warn
  contact_email  text NOT NULL,
  contact_phone  text NOT NULL,
  known_domains  text[] NOT NULL               -- mail domains of the company; empty for those on free mail
);

CREATE TABLE login (
  id              text PRIMARY KEY,            -- stable key, never shown and never reused
  login           text NOT NULL,               -- as given to the customer
  -- Capitals do not count. The collation is named because the C locale lowers ASCII letters only.
  login_key       text GENERATED ALWAYS AS (lower(normalize(btrim(login), NFKC) COLLATE "und-x-icu")) STORED UNIQUE,
  password_hash   text NOT NULL,               -- bcrypt until 2021, Argon2id (PHC string) since
  contract_id     text NOT NULL REFERENCES contract,
  shared          boolean NOT NULL,            -- known to serve several people; often true without being known
  disabled        boolean NOT NULL,
  created_on      date NOT NULL,
  last_sign_in_at timestamptz                  -- NULL: never used
);

CREATE INDEX login_contract ON login (contract_id);

CREATE TABLE person (
  id       text PRIMARY KEY,
  login_id text NOT NULL REFERENCES login,
  name     text NOT NULL,
  job      text NOT NULL,
  email    text NOT NULL
);
CREATE INDEX person_login ON person (login_id);

-- What a contract gives access to: reports essentiel, efficient, expert; analyses classic, optimum; the score.
CREATE TABLE entitlement (
  contract_id text NOT NULL REFERENCES contract ON DELETE CASCADE,
  kind        text NOT NULL CHECK (kind IN ('report', 'analysis', 'score')),
  name        text NOT NULL,
  PRIMARY KEY (contract_id, kind, name)
);

-- Prices that were agreed for the contract, per item.
CREATE TABLE price (
  contract_id text NOT NULL REFERENCES contract ON DELETE CASCADE,
  item        text NOT NULL,
  amount_eur  numeric(10, 2) NOT NULL CHECK (amount_eur >= 0),
  PRIMARY KEY (contract_id, item)
);

-- Countries whose reports are read on line: ISO 3166-1 alpha-2.
CREATE TABLE contract_country (
  contract_id text NOT NULL REFERENCES contract ON DELETE CASCADE,
  country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  PRIMARY KEY (contract_id, country)
);

-- The companies that a customer looks after.
CREATE TABLE portfolio (
  contract_id text NOT NULL REFERENCES contract ON DELETE CASCADE,
  country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  number      text NOT NULL,                   -- SIREN in FR, elsewhere the number of the national register
  name        text NOT NULL,
  reference   text,                            -- how the customer calls it
  added_on    date NOT NULL,
  PRIMARY KEY (contract_id, country, number)
);

-- Alerts that are sent about a company of the portfolio.
CREATE TABLE monitoring (
  contract_id text NOT NULL,
  country     text NOT NULL,
  number      text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('accounts', 'address', 'insolvency', 'officers', 'payments', 'score')),
  recipient   text NOT NULL,
  since       date NOT NULL,
  PRIMARY KEY (contract_id, country, number, kind, recipient),
  FOREIGN KEY (contract_id, country, number) REFERENCES portfolio ON DELETE CASCADE
);

-- The mailbox of a login.
CREATE TABLE message (
  id       text PRIMARY KEY,
  login_id text NOT NULL REFERENCES login ON DELETE CASCADE,
  sent_at  timestamptz NOT NULL,
  sender   text NOT NULL,
  subject  text,
  body     text NOT NULL
);
CREATE INDEX message_login ON message (login_id);
CREATE TABLE attachment (
  message_id text NOT NULL REFERENCES message ON DELETE CASCADE,
  place      integer NOT NULL,
  name       text NOT NULL,
  media_type text NOT NULL,
  content    bytea NOT NULL,
  PRIMARY KEY (message_id, place)
);

-- When something of a contract was last written, or removed, which leaves no other trace. A row of its own for each
-- contract: two transactions on one contract wait for each other here, so the later one has the later moment.
CREATE TABLE contract_change (
  contract_id text COLLATE "C" PRIMARY KEY,
  changed_at  timestamptz NOT NULL
);
CREATE INDEX contract_change_moment ON contract_change (changed_at, contract_id);

-- $1 of the trigger: a query for the contracts of the rows in `changed`.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'INSERT INTO contract_change
    SELECT contract_id, clock_timestamp() FROM (' || TG_ARGV[0] || ') AS touched
     WHERE contract_id IS NOT NULL GROUP BY contract_id ORDER BY contract_id COLLATE "C"
    ON CONFLICT (contract_id) DO UPDATE SET changed_at = clock_timestamp()';
  RETURN NULL;
END $$;
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM (VALUES
    ('contract', 'SELECT id AS contract_id FROM changed'),
    ('entitlement', 'SELECT contract_id FROM changed'),
    ('price', 'SELECT contract_id FROM changed'),
    ('contract_country', 'SELECT contract_id FROM changed'),
    ('portfolio', 'SELECT contract_id FROM changed'),
    ('monitoring', 'SELECT contract_id FROM changed'),
    ('login', 'SELECT contract_id FROM changed'),
    ('message', 'SELECT l.contract_id FROM changed JOIN login l ON l.id = login_id'),
    ('attachment', 'SELECT l.contract_id FROM changed JOIN message m ON m.id = message_id JOIN login l ON l.id = m.login_id')
  ) AS v (name, query)
  LOOP
    EXECUTE format('CREATE TRIGGER added AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION note_change(%L)', t.name, t.query);
    EXECUTE format('CREATE TRIGGER removed AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION note_change(%L)', t.name, t.query);
    -- Twice: a row may go from one contract to another.
    EXECUTE format('CREATE TRIGGER changed_from AFTER UPDATE ON %I REFERENCING OLD TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION note_change(%L)', t.name, t.query);
    EXECUTE format('CREATE TRIGGER changed_to AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION note_change(%L)', t.name, t.query);
  END LOOP;
END $$;

-- For provider: does Cofacering know this login? No e-mail address and no person is in it. The column known_domains may
-- be left out: the domain of an address that another person uses is then never shown.
CREATE VIEW directory_login AS
  SELECT l.id AS account, l.login, l.login_key, l.password_hash, l.disabled, l.shared,
         c.company, c.id AS contract, c.known_domains
    FROM login l JOIN contract c ON c.id = l.contract_id;

-- For admin-sync: whom to tell that an account of the contract was opened, which number an agent calls back, and which
-- mail domains are its own.
CREATE VIEW directory_contract AS
  SELECT id AS contract, company, contact_name, contact_email, contact_phone, known_domains FROM contract;

-- For admin-sync: what is carried over to Ellipro. One view a kind of record; the columns are those of
-- admin-sync/contracts/model.ts, and `contract`, by which a part is asked for.
CREATE VIEW transfer_contracts AS
  SELECT c.id AS contract, c.company, 'FR' AS country, c.siren AS number, c.tariff,
         c.yearly_fee_eur * 100::bigint AS fee_cents, 'EUR' AS currency, c.signed_on,
         c.contact_name, c.contact_email, c.contact_phone,
         (SELECT string_agg(name, ' ' ORDER BY name) FROM entitlement WHERE contract_id = c.id AND kind = 'report') AS reports,
         (SELECT string_agg(name, ' ' ORDER BY name) FROM entitlement WHERE contract_id = c.id AND kind = 'analysis') AS analyses,
         EXISTS (SELECT FROM entitlement WHERE contract_id = c.id AND kind = 'score') AS score
    FROM contract c;
CREATE VIEW transfer_prices AS
  -- Two decimals by its type: what is left after them is nothing.
  SELECT contract_id AS contract, item, trunc(amount_eur * 100)::bigint AS amount_cents, 'EUR' AS currency FROM price;
CREATE VIEW transfer_countries AS
  SELECT contract_id AS contract, country FROM contract_country;
CREATE VIEW transfer_portfolio AS
  SELECT contract_id AS contract, country, number, name, reference, added_on FROM portfolio;
CREATE VIEW transfer_monitoring AS
  SELECT contract_id AS contract, country, number, kind, recipient, since FROM monitoring;
CREATE VIEW transfer_logins AS
  SELECT id AS account, login, contract_id AS contract, shared, disabled, created_on, last_sign_in_at FROM login;
CREATE VIEW transfer_messages AS
  SELECT l.contract_id AS contract, m.login_id AS account, m.id AS message, m.sent_at, m.sender, m.subject, m.body
    FROM message m JOIN login l ON l.id = m.login_id;
CREATE VIEW transfer_attachments AS
  SELECT l.contract_id AS contract, m.login_id AS account, a.message_id AS message, a.place, a.name, a.media_type,
         a.content
    FROM attachment a JOIN message m ON m.id = a.message_id JOIN login l ON l.id = m.login_id;

-- For admin-sync: which contracts changed, and when. Every change has its row or renews it, a removal too.
CREATE VIEW transfer_changes AS
  SELECT contract_id AS contract, changed_at FROM contract_change;

GRANT SELECT ON directory_login, directory_contract, transfer_contracts, transfer_prices, transfer_countries,
  transfer_portfolio, transfer_monitoring, transfer_logins, transfer_messages, transfer_attachments, transfer_changes
  TO cofacering_reader;
