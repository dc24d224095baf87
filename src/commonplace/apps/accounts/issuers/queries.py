"""Every statement about identities that issuers vouch for."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# The account is held until the session has begun: who suspends it meanwhile waits, and ends that session too.
IDENTITY: Final = Query(
    text("""
    SELECT identity.id, identity.person_id, identity.role_told_at, account.role, account.state, account.email_key,
        EXISTS (SELECT FROM accounts.totp WHERE totp.person_id = account.person_id AND confirmed_at IS NOT NULL)
            OR EXISTS (SELECT FROM accounts.passkey WHERE passkey.person_id = account.person_id) AS has_second_factor
    FROM accounts.identity JOIN accounts.account USING (person_id)
    WHERE identity.issuer = :issuer AND identity.subject = :subject FOR UPDATE OF account
    """)
)
IDENTITY_OF: Final = Query(text("SELECT id FROM accounts.identity WHERE issuer = :issuer AND subject = :subject"))
IDENTITIES: Final = Query(
    text("""
    SELECT id, issuer, subject, shown, linked_at, last_used_at FROM accounts.identity
    WHERE person_id = :person_id ORDER BY linked_at, id
    """)
)
ADD_IDENTITY: Final = Query(
    text("""
    INSERT INTO accounts.identity (id, person_id, issuer, subject, shown, linked_at, last_used_at)
    VALUES (:id, :person_id, :issuer, :subject, :shown, :now, :last_used_at)
    ON CONFLICT (issuer, subject) DO NOTHING
    """)
)
USE_IDENTITY: Final = Query(
    text("UPDATE accounts.identity SET last_used_at = :now, shown = coalesce(:shown, shown) WHERE id = :id")
)
REMOVE_IDENTITY: Final = Query(
    text("DELETE FROM accounts.identity WHERE id = :id AND person_id = :person_id RETURNING issuer")
)
TAKE_ROLE: Final = Query(
    text("""
    UPDATE accounts.identity SET role_told_at = :told_at
    WHERE id = :id AND (role_told_at IS NULL OR role_told_at < :told_at)
    """)
)
ADDRESS_HAS_ACCOUNT: Final = Query(text("SELECT EXISTS (SELECT FROM accounts.account WHERE email_key = :email_key)"))
VERIFY_ADDRESS: Final = Query(text("UPDATE accounts.account SET email_verified_at = :now WHERE person_id = :person_id"))
# What a person could sign in by, one by one; the issuers are those that are configured.
WAYS_IN: Final = Query(
    text("""
    SELECT EXISTS (SELECT FROM accounts.password WHERE person_id = :person_id) AS has_password,
        EXISTS (SELECT FROM accounts.passkey WHERE person_id = :person_id) AS has_passkey,
        EXISTS (SELECT FROM accounts.identity WHERE person_id = :person_id AND issuer = ANY(:issuers)) AS has_identity
    """)
)
ADD_SIGN_IN: Final = Query(
    text("""
    INSERT INTO accounts.sign_in_attempt (id, at, account_key, person_id, session_id, address, network, user_agent,
        method, outcome, is_forgiven)
    VALUES (:id, :now, :account_key, :person_id, :session_id, :address, :network, :user_agent, :method, :outcome, true)
    """)
)
ADD_SECOND_STEP: Final = Query(
    text("""
    INSERT INTO accounts.second_step (digest, person_id, kind, attempt_id, account_key, network, identity_id,
        expires_at)
    VALUES (:digest, :person_id, :kind, :attempt_id, :account_key, :network, :identity_id, :expires_at)
    """)
)

# Sessions that the tokens of a user pool carry

POOL_SESSION: Final = Query(
    text("""
    SELECT session.id, session.person_id, session.expires_at, session.latest_end_at, session.ended_at, account.state
    FROM accounts.session JOIN accounts.account USING (person_id)
    WHERE session.id = :session_id
    """)
)
ADD_POOL_SESSION: Final = Query(
    text("""
    INSERT INTO accounts.session (id, person_id, kind, method, address, network, user_agent, created_at, last_used_at,
        expires_at, latest_end_at)
    VALUES (:id, :person_id, 'api', 'cognito_token', :address, :network, :user_agent, :now, :now, :expires_at,
        :latest_end_at)
    ON CONFLICT (id) DO NOTHING
    """)
)
END_POOL_SESSIONS: Final = Query(
    text("""
    UPDATE accounts.session SET ended_at = :now, ended_reason = 'ended'
    WHERE person_id = :person_id AND method = 'cognito_token' AND ended_at IS NULL RETURNING id, person_id
    """)
)
PROLONG_POOL_SESSION: Final = Query(
    text("""
    UPDATE accounts.session SET expires_at = least(latest_end_at, greatest(expires_at, :expires_at))
    WHERE id = :session_id AND ended_at IS NULL
    """)
)
