-- What admin-sync keeps of Keycloak's event log, and the limit of its sweep. provider has no right on any of it.

-- How far the events of one subject have been dealt with. Events are stamped before they are committed: whoever reads
-- starts some minutes before, and finds in handled_event what it has seen.
CREATE TABLE ellipro.event_cursor (
  subject text PRIMARY KEY,
  read_until timestamptz NOT NULL
);
-- What happened before this release is not told any more.
INSERT INTO ellipro.event_cursor (subject, read_until) VALUES ('address-changed', now());

-- Events dealt with or begun; a row goes when its event lies a day behind the cursor, and is never read again.
CREATE TABLE ellipro.handled_event (
  subject text NOT NULL REFERENCES ellipro.event_cursor (subject),
  event_id text NOT NULL CHECK (length(event_id) <= 100),
  event_at timestamptz NOT NULL,
  -- Mails that may have left: counted before they are sent, so that a process killed again and again sends two at most.
  sends integer NOT NULL DEFAULT 0,
  -- A short code; NULL until it is dealt with.
  outcome text,
  PRIMARY KEY (subject, event_id)
);

INSERT INTO ellipro.setting (name, value, description) VALUES
  ('closes_per_sweep', 100, 'Accounts that one sweep may close. More at once look like a realm that was restored or exchanged: then it closes none.');

GRANT SELECT, INSERT, UPDATE, DELETE ON ellipro.event_cursor, ellipro.handled_event TO ellipro_sync;
