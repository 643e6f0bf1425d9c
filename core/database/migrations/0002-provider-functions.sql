-- The only ways in which provider can reach an activation. Each is SECURITY DEFINER with a pinned search_path;
-- EXECUTE is revoked from PUBLIC and granted to ellipro_provider alone. Comparisons of secrets and counting of
-- tries happen in here: provider hands a value in and gets an outcome, never the value it was compared with.
--
-- "Outward" state: what pages may tell. `refused` (the address has an account, or another activation of it was
-- first) is shown as `mailed` until its hours are over (invariant 4).

CREATE FUNCTION ellipro.setting_value(p_name text) RETURNS integer
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT value FROM setting WHERE name = p_name
$$;

CREATE FUNCTION ellipro.outward_state(p_state text, p_reason text, p_expires_at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT CASE
    WHEN p_state IN ('requested', 'mailed') OR (p_state = 'refused' AND p_reason = 'address_taken')
      THEN CASE WHEN p_expires_at > now() THEN 'mailed' ELSE 'expired' END
    ELSE p_state
  END
$$;

-- A text as one line of at most p_length characters: no control characters, no marks that turn or hide text.
CREATE FUNCTION ellipro.one_line(p_text text, p_length integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = ellipro, pg_temp AS $$
  SELECT regexp_replace(left(p_text, p_length),
    '[\u0001-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+', ' ', 'g')
$$;

-- Erases what only a living activation needs.
CREATE FUNCTION ellipro.erase_secrets(p_id uuid) RETURNS void
LANGUAGE sql SET search_path = ellipro, pg_temp AS $$
  UPDATE activation_secret SET salt = NULL, verifier = NULL, link_hash = NULL, withdraw_hash = NULL,
    credential = NULL, finisher_hash = NULL, proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL
  WHERE activation_id = p_id
$$;

-- 'ok', or the budget that is used up (invariant 17): 'address_budget', 'login_budget'.
CREATE FUNCTION ellipro.mail_budget(p_account text, p_address_key text) RETURNS text
LANGUAGE sql STABLE SET search_path = ellipro, pg_temp AS $$
  SELECT CASE
    WHEN (SELECT count(*) FROM mail WHERE address_key = p_address_key AND sent_at > now() - interval '24 hours')
      >= setting_value('mails_per_address_per_day') THEN 'address_budget'
    WHEN (SELECT count(*) FROM mail WHERE account = p_account AND sent_at > now() - interval '24 hours')
      >= setting_value('mails_per_login_per_day') THEN 'login_budget'
    ELSE 'ok'
  END
$$;

-- The same at the time of asking, where what was asked for counts as well as what was sent: an activation that ends
-- as `refused` uses up the same budget as one whose mails leave (invariant 4). One at a time on an address.
CREATE FUNCTION ellipro.request_budget(p_account text, p_address_key text) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('budget:' || p_address_key, 0));
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE address_key = p_address_key AND created_at > now() - interval '24 hours')
     >= setting_value('mails_per_address_per_day') THEN RETURN 'address_budget'; END IF;
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE account = p_account AND created_at > now() - interval '24 hours')
     >= setting_value('mails_per_login_per_day') THEN RETURN 'login_budget'; END IF;
  RETURN mail_budget(p_account, p_address_key);
END $$;

-- What the dispatcher needs to know about a legacy login, seen from one browser.
-- p_known_domains: domains of the contract; only then is the domain of the holder's address told.
-- holder_state: state of the activation that holds the login, or NULL. own_id: this browser's live activation on it.
CREATE FUNCTION ellipro.login_facts(p_account text, p_browser bytea, p_known_domains text[])
RETURNS TABLE (holder_state text, holder_initial text, holder_domain text, own_id uuid, own_state text, own_is_holder boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT h.state, left(h.address, 1),
    CASE WHEN lower(split_part(h.address, '@', 2)) = ANY (SELECT lower(d) FROM unnest(p_known_domains) d)
      THEN lower(split_part(h.address, '@', 2)) END,
    o.id, o.state, coalesce(o.id = h.id, false)
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (
    SELECT id, state, address FROM activation
    WHERE account = p_account AND kind = 'legacy' AND state IN ('confirmed', 'opened', 'closed')
  ) h ON true
  LEFT JOIN LATERAL (
    SELECT a.id, outward_state(a.state, a.reason, a.expires_at) AS state
    FROM activation a JOIN activation_secret s ON s.activation_id = a.id
    WHERE a.account = p_account AND s.browser_hash = p_browser
      AND outward_state(a.state, a.reason, a.expires_at) IN ('mailed', 'confirmed', 'opened', 'waiting')
    ORDER BY a.created_at DESC LIMIT 1
  ) o ON true
$$;

-- Starts an activation. outcome: 'started' | 'moved' (the login is held) | 'blocked' (the address's owner said no)
-- | 'address_budget' | 'login_budget' | 'login_limit' | 'cap'. id only with 'started'.
-- The same form sent twice (same browser, address, salt and verifier) starts one activation and one mail.
CREATE FUNCTION ellipro.start_activation(
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
  IF EXISTS (SELECT FROM activation a WHERE a.account = p_account AND a.kind = 'legacy'
             AND a.state IN ('confirmed', 'opened', 'closed')) THEN
    RETURN QUERY SELECT 'moved', NULL::uuid; RETURN;
  END IF;
  IF EXISTS (SELECT FROM blocked_pair b WHERE b.account = p_account AND b.address_key = address_key(p_address)
             AND b.until > now()) THEN
    RETURN QUERY SELECT 'blocked', NULL::uuid; RETURN;
  END IF;
  IF (SELECT count(*) FROM activation a WHERE a.account = p_account AND a.created_at > now() - interval '24 hours')
     >= setting_value('activations_per_login_per_day') THEN
    RETURN QUERY SELECT 'login_limit', NULL::uuid; RETURN;
  END IF;
  v_budget := request_budget(p_account, address_key(p_address));
  IF v_budget <> 'ok' THEN
    RETURN QUERY SELECT v_budget, NULL::uuid; RETURN;
  END IF;
  IF (SELECT count(*) FROM activation a WHERE a.created_at > now() - interval '1 hour')
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
  RETURN QUERY SELECT 'started', v_id;
END $$;

-- The newest activation of a browser, or no row.
CREATE FUNCTION ellipro.browser_activation(p_browser bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT a.id FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE s.browser_hash = p_browser ORDER BY a.created_at DESC LIMIT 1
$$;

-- The starting browser's view of its activation; no row for anybody else.
-- state is outward; retry_at: when the next mail may be asked for.
CREATE FUNCTION ellipro.activation_view(p_id uuid, p_browser bytea)
RETURNS TABLE (state text, reason text, login text, company text, address text, expires_at timestamptz, retry_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT outward_state(a.state, a.reason, a.expires_at),
    CASE WHEN a.state = 'refused' AND a.reason = 'address_taken' THEN NULL ELSE a.reason END,
    a.login, a.company, a.address, a.expires_at,
    a.mail_requested_at + make_interval(secs => setting_value('resend_seconds'))
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.browser_hash = p_browser
$$;

-- The salt of an activation's verifier, for whoever knows its id; NULL when there is none any more.
CREATE FUNCTION ellipro.activation_salt(p_id uuid) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT salt FROM activation_secret WHERE activation_id = p_id
$$;

-- May this caller steer the activation (resend, correct)? By the starting browser's cookie, or by the password first
-- typed, of which each wrong one counts. 'ok' | 'wrong' | 'locked' | 'gone'. Locks the rows.
CREATE FUNCTION ellipro.check_steering(p_id uuid, p_browser bytea, p_verifier bytea) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
  s activation_secret;
BEGIN
  SELECT * INTO a FROM activation WHERE activation.id = p_id FOR UPDATE;
  IF NOT FOUND OR outward_state(a.state, a.reason, a.expires_at) <> 'mailed' THEN RETURN 'gone'; END IF;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id FOR UPDATE;
  IF p_browser IS NOT NULL AND s.browser_hash = p_browser THEN RETURN 'ok'; END IF;
  IF s.steering_tries >= setting_value('password_tries') THEN RETURN 'locked'; END IF;
  IF p_verifier IS NOT NULL AND s.verifier = p_verifier THEN RETURN 'ok'; END IF;
  IF p_verifier IS NOT NULL THEN
    UPDATE activation_secret SET steering_tries = steering_tries + 1 WHERE activation_id = p_id;
  END IF;
  RETURN 'wrong';
END $$;

-- Asks for a fresh mail. 'requested' | 'wrong' | 'locked' | 'gone' | 'too_soon' | 'address_budget' | 'login_budget'.
CREATE FUNCTION ellipro.request_mail(p_id uuid, p_browser bytea, p_verifier bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_outcome text := check_steering(p_id, p_browser, p_verifier);
  a activation;
BEGIN
  IF v_outcome <> 'ok' THEN RETURN v_outcome; END IF;
  SELECT * INTO a FROM activation WHERE activation.id = p_id;
  IF a.mail_requested_at + make_interval(secs => setting_value('resend_seconds')) > now() THEN RETURN 'too_soon'; END IF;
  v_outcome := request_budget(a.account, a.address_key);
  IF v_outcome <> 'ok' THEN RETURN v_outcome; END IF;
  UPDATE activation SET mail_generation = mail_generation + 1, mail_requested_at = now() WHERE activation.id = p_id;
  INSERT INTO outbox (kind, activation_id) VALUES ('send-confirmation', p_id);
  RETURN 'requested';
END $$;

-- Corrects the address: the old activation ends, and a new one starts with the same password and browser.
-- 'started' with the new id | 'same' | 'wrong' | 'locked' | 'gone' | any refusal of start_activation.
CREATE FUNCTION ellipro.correct_address(
  p_id uuid, p_browser bytea, p_verifier bytea, p_address text, p_new_browser bytea, p_request_id text
) RETURNS TABLE (outcome text, id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  v_outcome text;
  v_new uuid;
  a activation;
  s activation_secret;
BEGIN
  -- The account's lock comes first, as in start_activation, so that the two never wait for one another.
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || activation.account, 0))
    FROM activation WHERE activation.id = p_id;
  v_outcome := check_steering(p_id, p_browser, p_verifier);
  IF v_outcome <> 'ok' THEN RETURN QUERY SELECT v_outcome, NULL::uuid; RETURN; END IF;
  SELECT * INTO a FROM activation WHERE activation.id = p_id;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id;
  IF a.address_key = address_key(p_address) THEN RETURN QUERY SELECT 'same', p_id; RETURN; END IF;
  SELECT started.outcome, started.id INTO v_outcome, v_new
    FROM start_activation(a.account, a.login, a.company, a.contract, p_address, a.locale, a.shared,
                          coalesce(p_new_browser, s.browser_hash), s.salt, s.verifier, p_request_id) started;
  IF v_outcome = 'started' THEN
    UPDATE activation SET state = 'withdrawn', reason = 'corrected', ended_at = now() WHERE activation.id = p_id;
    PERFORM erase_secrets(p_id);
    INSERT INTO outbox (kind, activation_id) VALUES ('release', p_id);
  END IF;
  RETURN QUERY SELECT v_outcome, v_new;
END $$;

-- What the confirmation page may show to the holder of a mail's k. Always one row:
-- outcome 'valid' (then login, company and locale are set) | 'opened' | 'expired' | 'ended' | 'bad_link'.
-- A wrong k learns nothing but that the link is not (or no longer) good.
CREATE FUNCTION ellipro.link_view(p_id uuid, p_link bytea)
RETURNS TABLE (outcome text, login text, company text, locale text)
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
      NULL, NULL, NULL;
  ELSIF a.state IN ('confirmed', 'opened') THEN
    RETURN QUERY SELECT 'opened', a.login, a.company, a.locale;
  ELSIF a.state NOT IN ('requested', 'mailed') THEN
    RETURN QUERY SELECT 'ended', NULL, NULL, a.locale;
  ELSIF a.expires_at <= now() THEN
    RETURN QUERY SELECT 'expired', NULL, NULL, a.locale;
  ELSE
    RETURN QUERY SELECT 'valid', a.login, a.company, a.locale;
  END IF;
END $$;

-- The one way to an account: k from the mailbox and the password first typed, in one call (invariant 1).
-- p_credential: the retyped password in Keycloak's form, put aside for open-account.
-- p_finisher: SHA-256 of a cookie set in the confirming browser.
-- 'confirmed' | 'already' (it was confirmed before, by the same two proofs) | 'waiting' (the login has its holder)
-- | 'address_taken' (another activation of the address was first) | 'wrong_password' | 'locked' | 'bad_link' | 'expired'.
CREATE FUNCTION ellipro.confirm_activation(
  p_id uuid, p_link bytea, p_verifier bytea, p_credential jsonb, p_finisher bytea
) RETURNS TABLE (outcome text, tries_left integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
  s activation_secret;
  v_constraint text;
BEGIN
  SELECT * INTO a FROM activation WHERE activation.id = p_id FOR UPDATE;
  SELECT * INTO s FROM activation_secret WHERE activation_id = p_id FOR UPDATE;
  IF (length(p_credential::text) <= 2000 AND length(p_finisher) = 32) IS NOT TRUE THEN
    RAISE EXCEPTION 'confirm_activation: malformed secret';
  END IF;
  -- `requested` with the right k: the mail left, and the process that sent it died before it could say so.
  IF (s.link_hash = sha256(p_link)) IS NOT TRUE
     OR a.state NOT IN ('requested', 'mailed', 'confirmed', 'opened') THEN
    RETURN QUERY SELECT 'bad_link', NULL::integer; RETURN;
  END IF;
  IF a.state IN ('requested', 'mailed') AND a.expires_at <= now() THEN
    RETURN QUERY SELECT 'expired', NULL::integer; RETURN;
  END IF;
  IF s.confirmation_tries >= setting_value('password_tries') THEN
    RETURN QUERY SELECT 'locked', 0; RETURN;
  END IF;
  IF (s.verifier = p_verifier) IS NOT TRUE THEN
    UPDATE activation_secret SET confirmation_tries = confirmation_tries + 1 WHERE activation_id = p_id;
    RETURN QUERY SELECT 'wrong_password', setting_value('password_tries') - s.confirmation_tries - 1; RETURN;
  END IF;
  IF a.state IN ('confirmed', 'opened') THEN
    UPDATE activation_secret SET finisher_hash = p_finisher WHERE activation_id = p_id;
    RETURN QUERY SELECT 'already', NULL::integer; RETURN;
  END IF;
  BEGIN
    -- The unique indexes decide who is first; whoever comes second waits here for the first one's transaction.
    UPDATE activation SET state = 'confirmed', reason = NULL, confirmed_at = now() WHERE activation.id = p_id;
  EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    INSERT INTO outbox (kind, activation_id) VALUES ('release', p_id);
    IF v_constraint = 'activation_one_holder' THEN
      PERFORM erase_secrets(p_id);
      UPDATE activation SET state = 'waiting', reason = 'login_held', confirmed_at = now(), ended_at = now()
        WHERE activation.id = p_id;
      RETURN QUERY SELECT 'waiting', NULL::integer; RETURN;
    ELSIF v_constraint = 'activation_one_confirmed_address' THEN
      -- What steers it stays, as for every `refused`: the pages go on showing it as `mailed`.
      UPDATE activation_secret SET link_hash = NULL WHERE activation_id = p_id;
      UPDATE activation SET state = 'refused', reason = 'address_taken', ended_at = now() WHERE activation.id = p_id;
      RETURN QUERY SELECT 'address_taken', NULL::integer; RETURN;
    END IF;
    RAISE;
  END;
  UPDATE activation_secret SET credential = p_credential, finisher_hash = p_finisher WHERE activation_id = p_id;
  INSERT INTO outbox (kind, activation_id) VALUES ('open-account', p_id);
  RETURN QUERY SELECT 'confirmed', NULL::integer;
END $$;

-- Progress for the browser whose POST confirmed; no row for anybody else.
-- state: 'confirmed' (being opened) | 'opened' | 'mailed' (the mailbox is not confirmed at Keycloak) | 'refused' …
CREATE FUNCTION ellipro.finish_view(p_id uuid, p_finisher bytea)
RETURNS TABLE (state text, reason text, login text, company text, locale text, address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT a.state, a.reason, a.login, a.company, a.locale, a.address
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.finisher_hash = p_finisher
$$;

-- Gives the confirming browser a proof for our OP. False unless the account is open and still linked.
CREATE FUNCTION ellipro.mint_proof(p_id uuid, p_finisher bytea, p_handle text, p_proof bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
BEGIN
  UPDATE activation_secret s SET proof_handle = p_handle, proof_hash = sha256(p_proof),
    proof_expires_at = now() + make_interval(secs => setting_value('proof_seconds')), proofs_minted = proofs_minted + 1
  FROM activation a
  WHERE a.id = p_id AND s.activation_id = a.id AND a.state = 'opened' AND a.unlinked_at IS NULL
    AND s.finisher_hash = p_finisher AND s.proofs_minted < 10;
  RETURN FOUND;
END $$;

-- Takes a proof, once under any parallelism (invariant 8). No row when it is wrong, late or used.
CREATE FUNCTION ellipro.take_proof(p_handle text, p_proof bytea) RETURNS TABLE (activation_id uuid, sub text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
BEGIN
  RETURN QUERY
  UPDATE activation_secret s SET proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL
  FROM activation a
  WHERE s.proof_handle = p_handle AND s.proof_hash = sha256(p_proof) AND s.proof_expires_at > now()
    AND a.id = s.activation_id AND a.state = 'opened' AND a.unlinked_at IS NULL
  RETURNING a.id, a.sub;
END $$;

-- Is this Keycloak user id the person of the activation? For the ID token that comes back at the end.
CREATE FUNCTION ellipro.is_person(p_id uuid, p_user_id text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT EXISTS (SELECT FROM keycloak_user WHERE opened_by = p_id AND user_id = p_user_id)
$$;

-- The person is signed in: the link has served, and admin-sync deletes it. Idempotent.
CREATE FUNCTION ellipro.record_sign_in(p_id uuid, p_finisher bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
BEGIN
  UPDATE activation a SET signed_in_at = now() FROM activation_secret s
  WHERE a.id = p_id AND s.activation_id = a.id AND s.finisher_hash = p_finisher
    AND a.state = 'opened' AND a.signed_in_at IS NULL;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO outbox (kind, activation_id) VALUES ('unlink', p_id);
  RETURN true;
END $$;

-- What the "it was not me" page may show: 'valid' with login and company | 'too_late' | 'bad_code'.
CREATE FUNCTION ellipro.withdraw_view(p_id uuid, p_code bytea)
RETURNS TABLE (outcome text, login text, company text, locale text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN a.state IN ('requested', 'mailed', 'refused') THEN 'valid'
              WHEN a.state IN ('withdrawn', 'expired') THEN 'done' ELSE 'too_late' END, a.login, a.company, a.locale
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.withdraw_hash = sha256(p_code)
  UNION ALL
  SELECT 'bad_code', NULL, NULL, NULL
  WHERE NOT EXISTS (SELECT FROM activation_secret WHERE activation_id = p_id AND withdraw_hash = sha256(p_code))
$$;

-- "It was not me": ends every pending activation of the login with the address, and blocks the pair.
-- 'withdrawn' | 'done' | 'too_late' | 'bad_code'.
CREATE FUNCTION ellipro.withdraw_activation(p_id uuid, p_code bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
DECLARE
  a activation;
BEGIN
  -- The account's lock comes first, as in start_activation: none of the pair starts meanwhile, and no deadlock.
  PERFORM pg_advisory_xact_lock(hashtextextended('account:' || activation.account, 0))
    FROM activation JOIN activation_secret s ON s.activation_id = activation.id
    WHERE activation.id = p_id AND s.withdraw_hash = sha256(p_code);
  IF NOT FOUND THEN RETURN 'bad_code'; END IF;
  SELECT * INTO a FROM activation WHERE activation.id = p_id FOR UPDATE;
  IF a.state IN ('withdrawn', 'expired') THEN RETURN 'done'; END IF;
  IF a.state NOT IN ('requested', 'mailed', 'refused') THEN RETURN 'too_late'; END IF;
  INSERT INTO blocked_pair (account, address_key, until)
    VALUES (a.account, a.address_key, now() + make_interval(days => setting_value('blocked_pair_days')))
    ON CONFLICT (account, address_key) DO UPDATE SET until = excluded.until;
  WITH ended AS (
    UPDATE activation b SET state = 'withdrawn', reason = 'not_me', ended_at = now()
    WHERE b.account = a.account AND b.address_key = a.address_key AND b.state IN ('requested', 'mailed', 'refused')
    RETURNING b.id
  ), erased AS (
    UPDATE activation_secret s SET salt = NULL, verifier = NULL, link_hash = NULL
    FROM ended WHERE s.activation_id = ended.id
  )
  INSERT INTO outbox (kind, activation_id) SELECT 'release', ended.id FROM ended;
  RETURN 'withdrawn';
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ellipro FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  ellipro.login_facts(text, bytea, text[]),
  ellipro.start_activation(text, text, text, text, text, text, boolean, bytea, bytea, bytea, text),
  ellipro.browser_activation(bytea),
  ellipro.activation_view(uuid, bytea),
  ellipro.activation_salt(uuid),
  ellipro.request_mail(uuid, bytea, bytea),
  ellipro.correct_address(uuid, bytea, bytea, text, bytea, text),
  ellipro.link_view(uuid, bytea),
  ellipro.confirm_activation(uuid, bytea, bytea, jsonb, bytea),
  ellipro.finish_view(uuid, bytea),
  ellipro.mint_proof(uuid, bytea, text, bytea),
  ellipro.take_proof(text, bytea),
  ellipro.is_person(uuid, text),
  ellipro.record_sign_in(uuid, bytea),
  ellipro.withdraw_view(uuid, bytea),
  ellipro.withdraw_activation(uuid, bytea)
TO ellipro_provider;
GRANT EXECUTE ON FUNCTION
  ellipro.address_key(text),
  ellipro.setting_value(text),
  ellipro.erase_secrets(uuid),
  ellipro.mail_budget(text, text),
  ellipro.outward_state(text, text, timestamptz)
TO ellipro_sync;
