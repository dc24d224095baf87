"""Every statement of accounts that reads or writes its tables. What is about an item goes through the record."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# People

PROFILE: Final = Query(
    text("""
    SELECT account.person_id AS id, account.email, account.email_verified_at IS NOT NULL AS is_email_verified,
        account.role, item.title AS name, person.job_title,
        person.time_zone, person.language, picture.id AS picture_id, item.version, item.created_at, item.updated_at
    FROM accounts.account JOIN accounts.person ON person.id = account.person_id
    JOIN platform.item ON item.id = account.person_id
    LEFT JOIN accounts.picture ON picture.person_id = account.person_id
    WHERE account.person_id = :person_id
    """)
)
PEOPLE: Final = Query(
    text("""
    SELECT account.person_id AS id, account.email, item.title AS name, account.role, account.state, account.created_at,
        (SELECT max(session.last_used_at) FROM accounts.session WHERE session.person_id = account.person_id)
            AS last_used_at
    FROM accounts.account JOIN platform.item ON item.id = account.person_id
    ORDER BY account.created_at, account.person_id
    """)
)
ACCOUNT_FOR_CHANGE: Final = Query(
    text("""
    SELECT person_id, role, state, needs_second_factor FROM accounts.account WHERE email_key = :email_key FOR UPDATE
    """)
)
ADD_ACCOUNT: Final = Query(
    text("""
    INSERT INTO accounts.account (person_id, email, email_key, role, state, created_at)
    VALUES (:person_id, :email, :email_key, :role, 'active', :now)
    ON CONFLICT (email_key) DO NOTHING
    """)
)
SET_ROLE: Final = Query(text("UPDATE accounts.account SET role = :role WHERE person_id = :person_id"))
SET_STATE: Final = Query(text("UPDATE accounts.account SET state = :state WHERE person_id = :person_id"))
ADMINISTRATOR_EXISTS: Final = Query(text("SELECT EXISTS (SELECT FROM accounts.account WHERE role = 'administrator')"))
SET_PASSWORD: Final = Query(
    text("""
    INSERT INTO accounts.password (person_id, hash, changed_at) VALUES (:person_id, :hash, :now)
    ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at
    """)
)
REHASH_PASSWORD: Final = Query(
    text("UPDATE accounts.password SET hash = :replacement WHERE person_id = :person_id AND hash = :hash")
)

# Sessions

LIVE_SESSION: Final = Query(
    text("""
    SELECT session.id, session.person_id, session.kind, account.role, session.last_used_at, session.expires_at,
        EXISTS (SELECT FROM accounts.enrolment_due WHERE session_id = session.id) AS may_only_enrol
    FROM accounts.session JOIN accounts.account USING (person_id)
    WHERE session.id = :session_id AND session.ended_at IS NULL AND session.expires_at > :now
        AND account.state = 'active'
    """)
)
LIVE_SESSION_OF_COOKIE: Final = Query(
    text("""
    SELECT session.id, session.person_id, session.kind, account.role, session.last_used_at, session.expires_at,
        EXISTS (SELECT FROM accounts.enrolment_due WHERE session_id = session.id) AS may_only_enrol
    FROM accounts.session JOIN accounts.account USING (person_id)
    WHERE session.cookie_digest = :digest AND session.ended_at IS NULL AND session.expires_at > :now
        AND account.state = 'active'
    """)
)
USE_SESSION: Final = Query(
    text("""
    UPDATE accounts.session SET last_used_at = :now, expires_at = CASE kind
        WHEN 'browser' THEN least(latest_end_at, greatest(expires_at, :idle_end)) ELSE expires_at END
    WHERE id = :session_id AND ended_at IS NULL
    """)
)
SESSION_TO_REFRESH: Final = Query(
    text("""
    SELECT session.id, session.person_id, session.expires_at, session.latest_end_at, session.ended_at,
        session.family_digest, session.refresh_digest, session.previous_refresh_digest, session.rotated_at,
        account.role, account.state
    FROM accounts.session JOIN accounts.account USING (person_id)
    WHERE session.id = :session_id AND session.kind = 'api' FOR UPDATE OF session
    """)
)
FAMILY_OF_SESSION: Final = Query(text("SELECT family_digest FROM accounts.session WHERE id = :session_id"))
ROTATE: Final = Query(
    text("""
    UPDATE accounts.session SET previous_refresh_digest = refresh_digest, refresh_digest = :digest, rotated_at = :now,
        last_used_at = :now, expires_at = least(latest_end_at, :idle_end)
    WHERE id = :session_id
    """)
)
ADD_SESSION: Final = Query(
    text("""
    WITH device AS (
        INSERT INTO accounts.known_device (person_id, digest, first_seen_at, last_seen_at)
        VALUES (:person_id, :device_digest, :now, :now)
        ON CONFLICT (person_id, digest) DO NOTHING RETURNING person_id
    ), seen AS (
        UPDATE accounts.known_device SET last_seen_at = :now
        WHERE person_id = :person_id AND digest = :device_digest AND last_seen_at < :seen_before
    ), notice AS (
        INSERT INTO accounts.new_device_notice (session_id, person_id, expires_at)
        SELECT CAST(:id AS uuid), person_id, CAST(:notice_until AS timestamptz) FROM device
        WHERE EXISTS (SELECT FROM accounts.known_device WHERE person_id = :person_id)
        RETURNING session_id
    )
    INSERT INTO accounts.session (id, person_id, kind, method, address, network, user_agent, created_at, last_used_at,
        expires_at, latest_end_at, family_digest, refresh_digest, cookie_digest, device_digest)
    VALUES (:id, :person_id, :kind, :method, :address, :network, :user_agent, :now, :now,
        :expires_at, :latest_end_at, :family_digest, :refresh_digest, :cookie_digest, :device_digest)
    RETURNING EXISTS (SELECT FROM notice) AS is_on_new_device
    """)
)
END_SESSION: Final = Query(
    text("""
    UPDATE accounts.session SET ended_at = :now, ended_reason = :reason
    WHERE id = :session_id AND ended_at IS NULL RETURNING id, person_id
    """)
)
END_SESSIONS_OF_PERSON: Final = Query(
    text("""
    UPDATE accounts.session SET ended_at = :now, ended_reason = :reason
    WHERE person_id = :person_id AND ended_at IS NULL AND expires_at > :now RETURNING id, person_id
    """)
)
END_OWN_SESSION: Final = Query(
    text("""
    UPDATE accounts.session SET ended_at = :now, ended_reason = :reason
    WHERE id = :session_id AND person_id = :person_id AND ended_at IS NULL AND expires_at > :now
    RETURNING id, person_id
    """)
)
END_OTHER_SESSIONS: Final = Query(
    text("""
    UPDATE accounts.session SET ended_at = :now, ended_reason = :reason
    WHERE person_id = :person_id AND id <> :session_id AND ended_at IS NULL AND expires_at > :now
    RETURNING id, person_id
    """)
)
LIST_SESSIONS: Final = Query(
    text("""
    SELECT id, kind, method, address, network, user_agent, created_at, last_used_at, expires_at,
        EXISTS (SELECT FROM accounts.new_device_notice WHERE session_id = session.id) AS is_on_new_device
    FROM accounts.session
    WHERE person_id = :person_id AND ended_at IS NULL AND expires_at > :now
        AND (CAST(:before AS timestamptz) IS NULL
            OR (last_used_at, id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
    ORDER BY last_used_at DESC, id DESC LIMIT :limit
    """)
)
SESSIONS_OF_PERSON: Final = Query(
    text("SELECT id FROM accounts.session WHERE person_id = :person_id AND ended_at IS NULL AND expires_at > :now")
)
# That one whose tokens are made elsewhere was ended is kept for as long as there may be tokens of it.
FORGET_SESSIONS: Final = Query(
    text("""
    DELETE FROM accounts.session WHERE id IN (
        SELECT id FROM accounts.session WHERE (expires_at < :before OR ended_at < :before)
            AND (method <> 'cognito_token' OR latest_end_at < :before) LIMIT :limit)
    """)
)

# Signing keys

SIGNING_KEYS: Final = Query(
    text("""
    SELECT kid, public_key, private_key, retired_at FROM accounts.signing_key
    WHERE algorithm = :algorithm AND revoked_at IS NULL AND (retired_at IS NULL OR retired_at > :accepted_since)
    ORDER BY created_at DESC, kid
    """)
)
ADD_SIGNING_KEY: Final = Query(
    text("""
    INSERT INTO accounts.signing_key (kid, algorithm, public_key, private_key, created_at)
    VALUES (:kid, :algorithm, :public_key, :private_key, :now)
    """)
)
# The private half has served its purpose: what was signed with it is verified by the public one.
RETIRE_SIGNING_KEYS: Final = Query(
    text("""
    UPDATE accounts.signing_key SET retired_at = :now, private_key = ''
    WHERE retired_at IS NULL AND kid <> :kid
    """)
)
REVOKE_SIGNING_KEYS: Final = Query(
    text("UPDATE accounts.signing_key SET revoked_at = :now WHERE revoked_at IS NULL AND kid <> :kid")
)
ALL_SIGNING_KEYS: Final = Query(
    text("SELECT kid, created_at, retired_at, revoked_at FROM accounts.signing_key ORDER BY created_at DESC, kid")
)
FORGET_SIGNING_KEYS: Final = Query(
    text("""
    DELETE FROM accounts.signing_key WHERE kid IN (
        SELECT kid FROM accounts.signing_key WHERE retired_at < :before LIMIT :limit)
    """)
)
LOCK: Final = Query(text("SELECT pg_advisory_xact_lock(:lock)"))

# Signing in

# An attempt lost with the server's power is no loss; waiting for the disk here would slow every sign-in.
ADD_ATTEMPT: Final = Query(
    text("""
    WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO accounts.sign_in_attempt (id, at, account_key, person_id, address, network, user_agent, method, outcome)
    SELECT :id, :now, :account_key, (SELECT person_id FROM accounts.account WHERE email_key = :email_key),
        :address, :network, :user_agent, :method, 'pending'
    FROM quickly
    """)
)
# An attempt that has been pending for a minute was cut off: it counts as failed.
_OTHERS: Final = """
    SELECT network, at,
        outcome = 'refused' OR outcome = 'pending' AND at <= :cut_off_before AS failed,
        outcome = 'pending' AND at > :cut_off_before AS pending
    FROM accounts.sign_in_attempt
    WHERE at > :since AND NOT is_forgiven AND outcome <> 'signed_in' AND id <> :attempt_id
"""
ACCOUNT_AND_COUNTS: Final = Query(
    text(f"""
    WITH of_account AS ({_OTHERS} AND account_key = :account_key), of_network AS ({_OTHERS} AND network = :network)
    SELECT pair.*, account.*, address.*, found.person_id, found.hash,
        found.has_second_factor, EXISTS (
        SELECT FROM accounts.session
        WHERE session.person_id = found.person_id AND session.network = :network AND session.network <> ''
    ) AS is_known_network
    FROM (
        SELECT count(*) FILTER (WHERE failed) AS pair_failed, count(*) FILTER (WHERE pending) AS pair_pending,
            min(at) FILTER (WHERE failed) AS pair_oldest, max(at) FILTER (WHERE failed) AS pair_newest
        FROM of_account WHERE network = :network
    ) AS pair CROSS JOIN (
        SELECT count(*) FILTER (WHERE failed) AS account_failed, count(*) FILTER (WHERE pending) AS account_pending,
            min(at) FILTER (WHERE failed) AS account_oldest
        FROM of_account
    ) AS account CROSS JOIN (
        SELECT count(*) FILTER (WHERE failed) AS address_failed, count(*) FILTER (WHERE pending) AS address_pending,
            min(at) FILTER (WHERE failed) AS address_oldest
        FROM of_network
    ) AS address LEFT JOIN (
        SELECT account.person_id, password.hash,
            EXISTS (SELECT FROM accounts.totp WHERE totp.person_id = account.person_id AND confirmed_at IS NOT NULL)
                OR EXISTS (SELECT FROM accounts.passkey WHERE passkey.person_id = account.person_id)
                AS has_second_factor
        FROM accounts.account LEFT JOIN accounts.password USING (person_id) WHERE account.email_key = :email_key
    ) AS found ON true
    """)
)
WITHDRAW_ATTEMPT: Final = Query(text("DELETE FROM accounts.sign_in_attempt WHERE id = :attempt_id"))
REFUSE_ATTEMPT: Final = Query(text("UPDATE accounts.sign_in_attempt SET outcome = 'refused' WHERE id = :attempt_id"))
# Only if the account is as it was when its password was looked at. The session begins in the same transaction.
ACCEPT_ATTEMPT: Final = Query(
    text("""
    WITH account AS (
        SELECT account.person_id, account.role FROM accounts.account JOIN accounts.password USING (person_id)
        WHERE account.person_id = :person_id AND account.state = 'active' AND password.hash = :hash
        FOR SHARE OF account, password
    ), attempt AS (
        UPDATE accounts.sign_in_attempt SET is_forgiven = true,
            outcome = CASE id WHEN :attempt_id THEN 'signed_in' ELSE outcome END,
            session_id = CASE id WHEN :attempt_id THEN CAST(:session_id AS uuid) ELSE session_id END
        WHERE account_key = :account_key AND network = :network AND at > :since
            AND (id = :attempt_id OR outcome = 'refused' AND NOT is_forgiven) AND EXISTS (SELECT FROM account)
    )
    SELECT role FROM account
    """)
)
FORGIVE_PERSON: Final = Query(
    text("""
    UPDATE accounts.sign_in_attempt SET is_forgiven = true
    WHERE person_id = :person_id AND outcome <> 'signed_in' AND NOT is_forgiven
    """)
)
FORGET_ATTEMPTS: Final = Query(
    text("""
    DELETE FROM accounts.sign_in_attempt WHERE id IN (
        SELECT id FROM accounts.sign_in_attempt
        WHERE at < :before OR at < :strangers_before AND person_id IS NULL LIMIT :limit)
    """)
)

# The first run

SET_FIRST_RUN: Final = Query(
    text("""
    INSERT INTO accounts.first_run (token_digest, created_at, expires_at) VALUES (:token_digest, :now, :expires_at)
    ON CONFLICT (singleton) DO UPDATE SET
        token_digest = excluded.token_digest, created_at = excluded.created_at, expires_at = excluded.expires_at
    """)
)
FIRST_RUN: Final = Query(text("SELECT token_digest, expires_at FROM accounts.first_run"))
FIRST_RUN_TO_USE: Final = Query(text("SELECT token_digest, expires_at FROM accounts.first_run FOR UPDATE"))
END_FIRST_RUN: Final = Query(text("DELETE FROM accounts.first_run"))
EMAIL_OF_PERSON: Final = Query(text("SELECT email, email_key FROM accounts.account WHERE person_id = :person_id"))
# What stands under an address and not under a person: part of erasing them.
FORGET_LETTERS_TO: Final = Query(text("DELETE FROM accounts.letter WHERE email_key = :email_key"))
FORGET_ATTEMPTS_AT: Final = Query(text("DELETE FROM accounts.sign_in_attempt WHERE account_key = :account_key"))
