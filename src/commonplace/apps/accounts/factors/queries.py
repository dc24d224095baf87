"""Every statement about second factors."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# What a person has

FACTORS: Final = Query(
    text("""
    SELECT EXISTS (SELECT FROM accounts.totp WHERE person_id = :person_id AND confirmed_at IS NOT NULL) AS has_totp,
        EXISTS (SELECT FROM accounts.passkey WHERE person_id = :person_id) AS has_passkey,
        (SELECT count(*) FROM accounts.recovery_code WHERE person_id = :person_id) AS recovery_codes,
        EXISTS (SELECT FROM accounts.password WHERE person_id = :person_id) AS has_password,
        EXISTS (SELECT FROM accounts.account WHERE person_id = :person_id AND needs_second_factor) AS is_needed,
        EXISTS (SELECT FROM accounts.identity WHERE person_id = :person_id) AS has_identity
    """)
)
# Whoever adds or removes a factor holds this row: of two who remove the last two at once, one sees it.
LOCK_ACCOUNT: Final = Query(
    text("""
    SELECT person_id, email, role, needs_second_factor FROM accounts.account WHERE person_id = :person_id FOR UPDATE
    """)
)
ADDRESS: Final = Query(text("SELECT email FROM accounts.account WHERE person_id = :person_id"))

EMAIL_KEY: Final = Query(text("SELECT email_key FROM accounts.account WHERE person_id = :person_id"))

# TOTP

TOTP: Final = Query(
    text("SELECT sealed_secret, created_at, confirmed_at FROM accounts.totp WHERE person_id = :person_id")
)
BEGIN_TOTP: Final = Query(
    text("""
    INSERT INTO accounts.totp (person_id, sealed_secret, created_at) VALUES (:person_id, :sealed_secret, :now)
    ON CONFLICT (person_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
    WHERE totp.confirmed_at IS NULL
    """)
)
# The step is taken in the same statement that looks whether it, or a later one, was taken before.
CONFIRM_TOTP: Final = Query(
    text("""
    UPDATE accounts.totp SET confirmed_at = :now, last_step = :step
    WHERE person_id = :person_id AND confirmed_at IS NULL AND sealed_secret = :sealed_secret
    """)
)
USE_STEP: Final = Query(
    text("""
    UPDATE accounts.totp SET last_step = :step
    WHERE person_id = :person_id AND confirmed_at IS NOT NULL AND sealed_secret = :sealed_secret
        AND (last_step IS NULL OR last_step < :step)
    """)
)
TOTPS: Final = Query(
    text("SELECT person_id, sealed_secret FROM accounts.totp WHERE person_id > :after ORDER BY person_id LIMIT :limit")
)
SEAL_ANEW: Final = Query(
    text("""
    UPDATE accounts.totp SET sealed_secret = :sealed_secret
    WHERE person_id = :person_id AND sealed_secret = :former_secret
    """)
)
REMOVE_TOTP: Final = Query(
    text("DELETE FROM accounts.totp WHERE person_id = :person_id RETURNING confirmed_at IS NOT NULL AS was_confirmed")
)

# Recovery codes

ADD_RECOVERY_CODES: Final = Query(
    text("""
    INSERT INTO accounts.recovery_code (person_id, digest, created_at)
    SELECT :person_id, digest, :now FROM unnest(CAST(:digests AS bytea[])) AS digest
    """)
)
REMOVE_RECOVERY_CODES: Final = Query(text("DELETE FROM accounts.recovery_code WHERE person_id = :person_id"))
USE_RECOVERY_CODE: Final = Query(
    text("DELETE FROM accounts.recovery_code WHERE person_id = :person_id AND digest = :digest")
)

# Passkeys

PASSKEYS: Final = Query(
    text("""
    SELECT id, credential_id, name, transports, is_synced, created_at, last_used_at
    FROM accounts.passkey WHERE person_id = :person_id ORDER BY created_at, id
    """)
)
PASSKEY_OF_CREDENTIAL: Final = Query(
    text("""
    SELECT passkey.id, passkey.person_id, passkey.public_key, passkey.name
    FROM accounts.passkey WHERE credential_id = :credential_id
    """)
)
ADD_PASSKEY: Final = Query(
    text("""
    INSERT INTO accounts.passkey (id, person_id, credential_id, public_key, sign_count, name, transports, is_synced,
        created_at)
    VALUES (:id, :person_id, :credential_id, :public_key, :sign_count, :name, :transports, :is_synced, :now)
    ON CONFLICT (credential_id) DO NOTHING
    """)
)
# WebAuthn section 6.1.1: a counter that does not rise, in an authenticator that counts, hints at a copy.
USE_PASSKEY: Final = Query(
    text("""
    UPDATE accounts.passkey SET sign_count = :sign_count, last_used_at = :now, is_synced = :is_synced
    WHERE id = :id AND (sign_count < :sign_count OR sign_count = 0 AND :sign_count = 0)
    """)
)
SIGN_COUNT: Final = Query(text("SELECT sign_count FROM accounts.passkey WHERE id = :id"))
RENAME_PASSKEY: Final = Query(
    text("UPDATE accounts.passkey SET name = :name WHERE id = :id AND person_id = :person_id")
)
REMOVE_PASSKEY: Final = Query(text("DELETE FROM accounts.passkey WHERE id = :id AND person_id = :person_id"))
REMOVE_PASSKEYS: Final = Query(text("DELETE FROM accounts.passkey WHERE person_id = :person_id"))
SPEND_CHALLENGE: Final = Query(
    text("""
    INSERT INTO accounts.spent_challenge (digest, expires_at) VALUES (:digest, :expires_at)
    ON CONFLICT (digest) DO NOTHING
    """)
)

# The second step of a sign-in

PASSWORD_IS_RIGHT: Final = Query(
    text("""
    WITH account AS (
        SELECT account.person_id, password.changed_at FROM accounts.account JOIN accounts.password USING (person_id)
        WHERE account.person_id = :person_id AND account.state = 'active' AND password.hash = :hash
        FOR SHARE OF account, password
    ), attempt AS (
        UPDATE accounts.sign_in_attempt SET outcome = 'second_step'
        WHERE id = :attempt_id AND EXISTS (SELECT FROM account)
    )
    INSERT INTO accounts.second_step (digest, person_id, kind, attempt_id, account_key, network, password_changed_at,
        expires_at)
    SELECT :digest, account.person_id, :kind, :attempt_id, :account_key, :network, account.changed_at, :expires_at
    FROM account
    """)
)
# Only while the account is active, and its password the one that was right or the identity linked. A try counts before
# it is looked at.
TRY_SECOND_STEP: Final = Query(
    text("""
    UPDATE accounts.second_step SET tries = tries + 1
    FROM accounts.account LEFT JOIN accounts.password USING (person_id)
    WHERE second_step.digest = :digest AND second_step.kind = :kind AND second_step.expires_at > :now
        AND second_step.tries < :limit AND account.person_id = second_step.person_id AND account.state = 'active'
        AND (second_step.identity_id IS NOT NULL OR password.changed_at = second_step.password_changed_at)
    RETURNING second_step.person_id, second_step.attempt_id, second_step.identity_id IS NOT NULL AS is_by_identity
    """)
)
SECOND_STEP: Final = Query(
    text("""
    SELECT person_id, expires_at FROM accounts.second_step
    WHERE digest = :digest AND kind = :kind AND expires_at > :now AND tries < :limit
    """)
)
# The sign-in is entered into the history, and what failed before from the same network is forgiven, as with one step.
FINISH_SECOND_STEP: Final = Query(
    text("""
    WITH step AS (
        DELETE FROM accounts.second_step USING accounts.account LEFT JOIN accounts.password USING (person_id)
        WHERE second_step.digest = :digest AND second_step.expires_at > :now
            AND account.person_id = second_step.person_id AND account.state = 'active'
            AND (second_step.identity_id IS NOT NULL OR password.changed_at = second_step.password_changed_at)
        RETURNING second_step.person_id, second_step.attempt_id, second_step.account_key, second_step.network,
            account.role
    ), attempt AS (
        UPDATE accounts.sign_in_attempt SET is_forgiven = true,
            method = CASE sign_in_attempt.id WHEN step.attempt_id THEN :method ELSE method END,
            outcome = CASE sign_in_attempt.id WHEN step.attempt_id THEN 'signed_in' ELSE outcome END,
            session_id = CASE sign_in_attempt.id WHEN step.attempt_id THEN CAST(:session_id AS uuid)
                ELSE sign_in_attempt.session_id END
        FROM step
        WHERE sign_in_attempt.account_key = step.account_key AND sign_in_attempt.network = step.network
            AND sign_in_attempt.at > :since
            AND (sign_in_attempt.id = step.attempt_id OR outcome = 'refused' AND NOT is_forgiven)
    )
    SELECT person_id, role FROM step
    """)
)
ACTIVE_ACCOUNT: Final = Query(
    text("SELECT role FROM accounts.account WHERE person_id = :person_id AND state = 'active' FOR SHARE")
)
ADD_PASSKEY_SIGN_IN: Final = Query(
    text("""
    INSERT INTO accounts.sign_in_attempt (id, at, account_key, person_id, session_id, address, network, user_agent,
        method, outcome, is_forgiven)
    VALUES (:id, :now, :account_key, :person_id, :session_id, :address, :network, :user_agent, 'passkey', 'signed_in',
        true)
    """)
)

# Guessing

# No row comes back while the factor is locked.
TRY_FACTOR: Final = Query(
    text("""
    INSERT INTO accounts.factor_tries AS known (person_id, factor, tries, last_at, locks, locked_until)
    VALUES (:person_id, :factor, 1, :now, 0, NULL)
    ON CONFLICT (person_id, factor) DO UPDATE SET last_at = :now,
        tries = CASE WHEN known.locked_until IS NOT NULL OR known.last_at < :forget_before THEN 1
            ELSE known.tries + 1 END,
        locks = CASE WHEN known.locked_until IS NULL AND known.last_at < :forget_before THEN 0 ELSE known.locks END,
        locked_until = NULL
    WHERE known.locked_until IS NULL OR known.locked_until <= :now
    RETURNING tries, locks
    """)
)
TRIES: Final = Query(
    text("SELECT tries, locks FROM accounts.factor_tries WHERE person_id = :person_id AND factor = :factor FOR UPDATE")
)
LOCKED_UNTIL: Final = Query(
    text("""
    SELECT locked_until FROM accounts.factor_tries
    WHERE person_id = :person_id AND factor = :factor AND locked_until > :now
    """)
)
LOCK_FACTOR: Final = Query(
    text("""
    UPDATE accounts.factor_tries SET locks = locks + 1, locked_until = :until
    WHERE person_id = :person_id AND factor = :factor AND locked_until IS NULL
    """)
)
FORGET_TRIES: Final = Query(text("DELETE FROM accounts.factor_tries WHERE person_id = :person_id AND factor = :factor"))
FORGET_ALL_TRIES: Final = Query(text("DELETE FROM accounts.factor_tries WHERE person_id = :person_id"))

# Proofs

NOTE_PROOF: Final = Query(
    text("""
    INSERT INTO accounts.proof (session_id, proved_at, method) VALUES (:session_id, :now, :method)
    ON CONFLICT (session_id) DO UPDATE SET proved_at = excluded.proved_at, method = excluded.method
    """)
)
PROVED_AT: Final = Query(text("SELECT proved_at FROM accounts.proof WHERE session_id = :session_id"))

# Enrolment that is asked for

_WITHOUT_FACTOR: Final = """
    NOT EXISTS (SELECT FROM accounts.totp WHERE totp.person_id = session.person_id AND confirmed_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM accounts.passkey WHERE passkey.person_id = session.person_id)
"""
# With the proof, in one statement: every sign-in makes it.
NOTE_BEGINNING: Final = Query(
    text(f"""
    WITH due AS (
        INSERT INTO accounts.enrolment_due (session_id)
        SELECT session.id FROM accounts.session JOIN accounts.account USING (person_id)
        WHERE session.id = :session_id AND {_WITHOUT_FACTOR}
            AND (account.needs_second_factor OR account.role = ANY(CAST(:roles AS text[])))
    )
    INSERT INTO accounts.proof (session_id, proved_at, method) VALUES (:session_id, :now, :method)
    ON CONFLICT (session_id) DO UPDATE SET proved_at = excluded.proved_at, method = excluded.method
    """)
)
# For a session whose beginning proves nothing.
NOTE_ENROLMENT: Final = Query(
    text(f"""
    INSERT INTO accounts.enrolment_due (session_id)
    SELECT session.id FROM accounts.session JOIN accounts.account USING (person_id)
    WHERE session.id = :session_id AND {_WITHOUT_FACTOR}
        AND (account.needs_second_factor OR account.role = ANY(CAST(:roles AS text[])))
    ON CONFLICT (session_id) DO NOTHING
    """)
)
ADD_ENROLMENT_DUE: Final = Query(
    text(f"""
    INSERT INTO accounts.enrolment_due (session_id)
    SELECT session.id FROM accounts.session
    WHERE session.person_id = :person_id AND session.ended_at IS NULL AND session.expires_at > :now
        AND {_WITHOUT_FACTOR}
    ON CONFLICT (session_id) DO NOTHING RETURNING session_id
    """)
)
END_ENROLMENT_DUE: Final = Query(
    text("""
    DELETE FROM accounts.enrolment_due USING accounts.session
    WHERE session.id = enrolment_due.session_id AND session.person_id = :person_id RETURNING enrolment_due.session_id
    """)
)

# Forgetting

FORGET_SECOND_STEPS: Final = Query(
    text("""
    DELETE FROM accounts.second_step WHERE digest IN (
        SELECT digest FROM accounts.second_step WHERE expires_at < :before LIMIT :limit)
    """)
)
FORGET_SPENT_CHALLENGES: Final = Query(
    text("""
    DELETE FROM accounts.spent_challenge WHERE digest IN (
        SELECT digest FROM accounts.spent_challenge WHERE expires_at < :before LIMIT :limit)
    """)
)
