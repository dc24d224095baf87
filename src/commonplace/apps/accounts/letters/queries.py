"""Every statement about letters, and about the addresses that they change."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# Whoever asks for a letter waits for those who ask for the same address, or from the same network, at that moment.
LOCK: Final = Query(text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"))
COUNTS: Final = Query(
    text("""
    SELECT (SELECT count(*) FROM accounts.letter
            WHERE email_key = :email_key AND purpose = :purpose AND created_at > :since) AS to_address,
        (SELECT count(*) FROM accounts.letter WHERE network = :network AND created_at > :since) AS from_network,
        (SELECT min(created_at) FROM accounts.letter WHERE network = :network AND created_at > :since) AS oldest
    """)
)
ADD: Final = Query(
    text("""
    INSERT INTO accounts.letter
        (id, purpose, person_id, email, email_key, network, name, password_hash, invitation_id, created_at, expires_at)
    VALUES (:id, :purpose, :person_id, :email, :email_key, :network, :name, :password_hash, :invitation_id, :now,
        :expires_at)
    """)
)
_COLUMNS: Final = """
    letter.id, letter.purpose, letter.person_id, letter.email, letter.email_key, letter.name, letter.password_hash,
    letter.invitation_id, letter.created_at, letter.expires_at
"""
READ: Final = Query(
    text(f"""
    SELECT {_COLUMNS}, holder.person_id AS holder_id, holder.email AS holder_email, holder.state AS holder_state,
        holder_item.title AS holder_name, own.email_key AS present_key
    FROM accounts.letter LEFT JOIN accounts.account AS holder ON holder.email_key = letter.email_key
    LEFT JOIN platform.item AS holder_item ON holder_item.id = holder.person_id
    LEFT JOIN accounts.account AS own ON own.person_id = letter.person_id
    WHERE letter.id = :letter_id AND letter.expires_at > :now
    """)
)
TAKE: Final = Query(
    text(f"DELETE FROM accounts.letter WHERE id = :letter_id AND expires_at > :now RETURNING {_COLUMNS}")
)
PUT_ASIDE: Final = Query(
    text("DELETE FROM accounts.letter WHERE person_id = :person_id AND purpose IN ('verify', 'change')")
)
PUT_ASIDE_RESETS: Final = Query(text("DELETE FROM accounts.letter WHERE email_key = :email_key AND purpose = 'reset'"))
# An undo puts aside what was asked for after it, and no undo of an earlier change: that may be the person's own.
PUT_ASIDE_LATER: Final = Query(
    text("DELETE FROM accounts.letter WHERE person_id = :person_id AND created_at >= :created_at")
)
FORGET: Final = Query(
    text("""
    DELETE FROM accounts.letter WHERE id IN (SELECT id FROM accounts.letter WHERE expires_at < :before LIMIT :limit)
    """)
)

# Addresses

ADDRESS: Final = Query(
    text("""
    SELECT account.email, account.email_key, account.email_verified_at, account.state, item.title AS name
    FROM accounts.account JOIN platform.item ON item.id = account.person_id WHERE account.person_id = :person_id
    """)
)
ADDRESS_FOR_CHANGE: Final = Query(
    text("SELECT email, email_key, email_verified_at FROM accounts.account WHERE person_id = :person_id FOR UPDATE")
)
ACCOUNT_TO_RESET: Final = Query(
    text("""
    SELECT person_id FROM accounts.account WHERE email_key = :email_key AND state = 'active' FOR UPDATE
    """)
)
VERIFY: Final = Query(
    text("""
    UPDATE accounts.account SET email_verified_at = coalesce(email_verified_at, :now)
    WHERE person_id = :person_id AND email_key = :email_key
    """)
)
SET_ADDRESS: Final = Query(
    text("""
    UPDATE accounts.account SET email = :email, email_key = :email_key, email_verified_at = :verified_at
    WHERE person_id = :person_id
        AND NOT EXISTS (SELECT FROM accounts.account WHERE email_key = :email_key AND person_id <> :person_id)
    """)
)
# An address that somebody may still take back is nobody else's.
IS_RESERVED: Final = Query(
    text("""
    SELECT EXISTS (
        SELECT FROM accounts.letter WHERE email_key = :email_key AND purpose = 'undo' AND expires_at > :now
            AND person_id IS DISTINCT FROM CAST(:person_id AS uuid))
    """)
)
