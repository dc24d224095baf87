"""Every statement about known devices, and the notices of sessions that began on another."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

NOTICE: Final = Query(
    text("""
    SELECT notice.session_id, notice.person_id, notice.expires_at, notice.used_at, account.email, item.title AS name,
        person.time_zone, session.address, session.user_agent, session.created_at, session.device_digest
    FROM accounts.new_device_notice AS notice JOIN accounts.account USING (person_id)
    JOIN accounts.person ON person.id = notice.person_id JOIN platform.item ON item.id = notice.person_id
    JOIN accounts.session ON session.id = notice.session_id
    WHERE notice.session_id = :session_id
    """)
)
USE_NOTICE: Final = Query(
    text("""
    UPDATE accounts.new_device_notice
    SET used_at = :now, password_digest = :password_digest, password_until = :password_until
    WHERE session_id = :session_id AND used_at IS NULL AND expires_at > :now RETURNING session_id, person_id
    """)
)
FORGET_DEVICE_OF_SESSION: Final = Query(
    text("""
    DELETE FROM accounts.known_device USING accounts.session
    WHERE session.id = :session_id AND known_device.person_id = session.person_id
        AND known_device.digest = session.device_digest
    """)
)
PASSWORD_AWAITED: Final = Query(
    text("""
    SELECT account.email, item.title AS name
    FROM accounts.new_device_notice JOIN accounts.account USING (person_id)
    JOIN platform.item ON item.id = account.person_id
    WHERE session_id = :session_id AND password_digest = :password_digest AND password_until > :now
    """)
)
END_PASSWORD_AWAITED: Final = Query(
    text("""
    UPDATE accounts.new_device_notice SET password_digest = NULL, password_until = NULL
    WHERE session_id = :session_id AND password_digest = :password_digest AND password_until > :now
    RETURNING person_id, (SELECT created_at FROM accounts.session WHERE id = session_id) AS began_at
    """)
)
REMOVE_FACTORS_SINCE: Final = Query(
    text("""
    WITH totp AS (
        DELETE FROM accounts.totp WHERE person_id = :person_id AND coalesce(confirmed_at, created_at) >= :since
        RETURNING confirmed_at IS NOT NULL AS was_confirmed
    ), passkey AS (
        DELETE FROM accounts.passkey WHERE person_id = :person_id AND created_at >= :since RETURNING id
    ), recovery_code AS (
        DELETE FROM accounts.recovery_code WHERE person_id = :person_id AND created_at >= :since RETURNING digest
    )
    SELECT EXISTS (SELECT FROM totp WHERE was_confirmed) AS totp, EXISTS (SELECT FROM passkey) AS passkey,
        EXISTS (SELECT FROM recovery_code) AS recovery_codes
    """)
)
REMOVE_IDENTITIES_SINCE: Final = Query(
    text("""
    DELETE FROM accounts.identity WHERE person_id = :person_id AND linked_at >= :since RETURNING id, issuer
    """)
)
# The newest one stays, however old: a person with no known device would not be told of a new one.
FORGET_DEVICES: Final = Query(
    text("""
    DELETE FROM accounts.known_device WHERE (person_id, digest) IN (
        SELECT person_id, digest FROM accounts.known_device AS old
        WHERE last_seen_at < :before AND EXISTS (
            SELECT FROM accounts.known_device AS newer
            WHERE newer.person_id = old.person_id
                AND (newer.last_seen_at, newer.digest) > (old.last_seen_at, old.digest)
        ) LIMIT :limit)
    """)
)
FORGET_NOTICES: Final = Query(
    text("""
    DELETE FROM accounts.new_device_notice WHERE session_id IN (
        SELECT session_id FROM accounts.new_device_notice AS notice
        WHERE expires_at < :before AND NOT EXISTS (SELECT FROM accounts.session WHERE id = notice.session_id)
        LIMIT :limit)
    """)
)
