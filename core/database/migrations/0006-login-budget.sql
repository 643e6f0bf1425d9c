-- Fresh mails for several activations of one login, asked for at the same instant, each saw the login's budget before
-- the others had used it. Asking is one at a time on a login too. The address comes first, here and everywhere.
CREATE OR REPLACE FUNCTION ellipro.request_budget(p_account text, p_address_key text) RETURNS text
LANGUAGE plpgsql SET search_path = ellipro, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('budget:' || p_address_key, 0));
  PERFORM pg_advisory_xact_lock(hashtextextended('login budget:' || p_account, 0));
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE address_key = p_address_key AND created_at > now() - interval '24 hours')
     >= setting_value('mails_per_address_per_day') THEN RETURN 'address_budget'; END IF;
  IF (SELECT coalesce(sum(mail_generation), 0) FROM activation
      WHERE account = p_account AND created_at > now() - interval '24 hours')
     >= setting_value('mails_per_login_per_day') THEN RETURN 'login_budget'; END IF;
  RETURN mail_budget(p_account, p_address_key);
END $$;
