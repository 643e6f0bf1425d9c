-- One correlation id for a person's path, from the first page to the opened account. provider makes it for a browser
-- and stores it with the activation; whoever proves something of the activation in another browser (the mail's k, the
-- withdraw code, the cookie of the start or of the confirmation, the OP's proof) gets it back, so that the lines of
-- both browsers carry the same id. Nobody learns it from an activation's id alone.

COMMENT ON COLUMN ellipro.activation.request_id IS
  'Correlation id of the path that started the activation: stands in log lines and on error pages; opaque.';

DROP FUNCTION ellipro.activation_view(uuid, bytea);
DROP FUNCTION ellipro.link_view(uuid, bytea);
DROP FUNCTION ellipro.finish_view(uuid, bytea);
DROP FUNCTION ellipro.take_proof(text, bytea);
DROP FUNCTION ellipro.withdraw_view(uuid, bytea);

-- The starting browser's view of its activation; no row for anybody else.
-- state is outward; retry_at: when the next mail may be asked for.
CREATE FUNCTION ellipro.activation_view(p_id uuid, p_browser bytea)
RETURNS TABLE (state text, reason text, login text, company text, address text, expires_at timestamptz, retry_at timestamptz,
               correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT outward_state(a.state, a.reason, a.expires_at),
    CASE WHEN a.state = 'refused' AND a.reason = 'address_taken' THEN NULL ELSE a.reason END,
    a.login, a.company, a.address, a.expires_at,
    a.mail_requested_at + make_interval(secs => setting_value('resend_seconds')), a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.browser_hash = p_browser
$$;

-- What the confirmation page may show to the holder of a mail's k. Always one row:
-- outcome 'valid' (then login, company and locale are set) | 'opened' | 'expired' | 'ended' | 'bad_link'.
-- A wrong k learns nothing but that the link is not (or no longer) good.
CREATE FUNCTION ellipro.link_view(p_id uuid, p_link bytea)
RETURNS TABLE (outcome text, login text, company text, locale text, correlation_id text)
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
      NULL, NULL, NULL, NULL;
  ELSIF a.state IN ('confirmed', 'opened') THEN
    RETURN QUERY SELECT 'opened', a.login, a.company, a.locale, a.request_id;
  ELSIF a.state NOT IN ('requested', 'mailed') THEN
    RETURN QUERY SELECT 'ended', NULL, NULL, a.locale, a.request_id;
  ELSIF a.expires_at <= now() THEN
    RETURN QUERY SELECT 'expired', NULL, NULL, a.locale, a.request_id;
  ELSE
    RETURN QUERY SELECT 'valid', a.login, a.company, a.locale, a.request_id;
  END IF;
END $$;

-- Progress for the browser whose POST confirmed; no row for anybody else.
-- state: 'confirmed' (being opened) | 'opened' | 'mailed' (the mailbox is not confirmed at Keycloak) | 'refused' …
CREATE FUNCTION ellipro.finish_view(p_id uuid, p_finisher bytea)
RETURNS TABLE (state text, reason text, login text, company text, locale text, address text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT a.state, a.reason, a.login, a.company, a.locale, a.address, a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.finisher_hash = p_finisher
$$;

-- Takes a proof, once under any parallelism (invariant 8). No row when it is wrong, late or used.
CREATE FUNCTION ellipro.take_proof(p_handle text, p_proof bytea)
RETURNS TABLE (activation_id uuid, sub text, correlation_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
BEGIN
  RETURN QUERY
  UPDATE activation_secret s SET proof_handle = NULL, proof_hash = NULL, proof_expires_at = NULL
  FROM activation a
  WHERE s.proof_handle = p_handle AND s.proof_hash = sha256(p_proof) AND s.proof_expires_at > now()
    AND a.id = s.activation_id AND a.state = 'opened' AND a.unlinked_at IS NULL
  RETURNING a.id, a.sub, a.request_id;
END $$;

-- What the "it was not me" page may show: 'valid' with login and company | 'too_late' | 'bad_code'.
CREATE FUNCTION ellipro.withdraw_view(p_id uuid, p_code bytea)
RETURNS TABLE (outcome text, login text, company text, locale text, correlation_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT CASE WHEN a.state IN ('requested', 'mailed', 'refused') THEN 'valid'
              WHEN a.state IN ('withdrawn', 'expired') THEN 'done' ELSE 'too_late' END,
    a.login, a.company, a.locale, a.request_id
  FROM activation a JOIN activation_secret s ON s.activation_id = a.id
  WHERE a.id = p_id AND s.withdraw_hash = sha256(p_code)
  UNION ALL
  SELECT 'bad_code', NULL, NULL, NULL, NULL
  WHERE NOT EXISTS (SELECT FROM activation_secret WHERE activation_id = p_id AND withdraw_hash = sha256(p_code))
$$;

-- The id for whoever knows a subject identifier, which nobody learns but our OP and Keycloak: the code that Keycloak
-- redeems over the back channel, where there is no cookie, stands for one.
CREATE FUNCTION ellipro.subject_correlation(p_sub text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ellipro, pg_temp AS $$
  SELECT request_id FROM activation WHERE sub = p_sub
$$;

-- Corrects the address: the old activation ends, and a new one starts with the same password and browser.
-- The path goes on: its correlation id is that of the activation that ends.
-- 'started' with the new id | 'same' | 'wrong' | 'locked' | 'gone' | any refusal of start_activation.
CREATE OR REPLACE FUNCTION ellipro.correct_address(
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
                          coalesce(p_new_browser, s.browser_hash), s.salt, s.verifier,
                          coalesce(a.request_id, p_request_id)) started;
  IF v_outcome = 'started' THEN
    UPDATE activation SET state = 'withdrawn', reason = 'corrected', ended_at = now() WHERE activation.id = p_id;
    PERFORM erase_secrets(p_id);
    INSERT INTO outbox (kind, activation_id) VALUES ('release', p_id);
  END IF;
  RETURN QUERY SELECT v_outcome, v_new;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ellipro FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  ellipro.activation_view(uuid, bytea),
  ellipro.link_view(uuid, bytea),
  ellipro.finish_view(uuid, bytea),
  ellipro.take_proof(text, bytea),
  ellipro.withdraw_view(uuid, bytea),
  ellipro.subject_correlation(text)
TO ellipro_provider;
