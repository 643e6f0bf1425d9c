-- The sample Cofacering database: what the product needs to know about a legacy portal, in a believable schema.
--
-- The tables are an example. What the product reads are the two views at the end: they are the whole mapping
-- between a real Cofacering schema and provider/legacy/sql.ts. For a real migration, create views of these names
-- and columns over the real tables, and grant SELECT on them, and on nothing else, to the role cofacering_reader.
--
-- Room is left for what the contract transfer will read: tables `portfolio` (contract, SIREN, since) and
-- `monitoring` (portfolio line, kind of alert, recipient), both hanging from `contract`.

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

CREATE TABLE person (
  id       text PRIMARY KEY,
  login_id text NOT NULL REFERENCES login,
  name     text NOT NULL,
  job      text NOT NULL,
  email    text NOT NULL
);
CREATE INDEX person_login ON person (login_id);

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

GRANT SELECT ON directory_login, directory_contract TO cofacering_reader;
