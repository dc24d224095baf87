"""Every statement about invitations."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# An invitation holds while whoever made it may invite: who was suspended, or is no administrator any more, lets in
# nobody by what they left behind. `by_id` is null for a command on the server.
_HOLDS: Final = """
    invitation.expires_at > :now AND (invitation.by_id IS NULL OR EXISTS (
        SELECT FROM accounts.account AS inviter WHERE inviter.person_id = invitation.by_id
            AND inviter.role = 'administrator' AND inviter.state = 'active'))
"""
_COLUMNS: Final = """
    invitation.id, invitation.email, invitation.email_key, invitation.role, invitation.uses_left, invitation.is_mailed,
    invitation.created_at, invitation.expires_at, invitation.by_id
"""
# Two who invite the same address, or reach the limit, wait for each other.
LOCK: Final = Query(text("SELECT pg_advisory_xact_lock(hashtextextended('invitations', 0))"))
COUNT: Final = Query(text(f"SELECT count(*) FROM accounts.invitation WHERE {_HOLDS}"))
ADDRESS_IN_USE: Final = Query(text("SELECT EXISTS (SELECT FROM accounts.account WHERE email_key = :email_key)"))
PUT_ASIDE: Final = Query(text("DELETE FROM accounts.invitation WHERE email_key = :email_key"))
ADD: Final = Query(
    text("""
    INSERT INTO accounts.invitation (id, by_id, email, email_key, role, uses_left, is_mailed, created_at, expires_at)
    VALUES (:id, :by_id, :email, :email_key, :role, :uses, :is_mailed, :now, :expires_at)
    """)
)
READ: Final = Query(
    text(f"""
    SELECT {_COLUMNS}, item.title AS by_name
    FROM accounts.invitation LEFT JOIN platform.item ON item.id = invitation.by_id
    WHERE invitation.id = :invitation_id AND {_HOLDS}
    """)
)
LIST: Final = Query(
    text(f"""
    SELECT {_COLUMNS}, item.title AS by_name
    FROM accounts.invitation LEFT JOIN platform.item ON item.id = invitation.by_id
    WHERE {_HOLDS} AND (CAST(:before AS timestamptz) IS NULL
        OR (invitation.created_at, invitation.id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
    ORDER BY invitation.created_at DESC, invitation.id DESC LIMIT :limit
    """)
)
# Of several who come with the last use at once, one finds the row: the others waited for it, and it is gone.
TAKE: Final = Query(
    text(f"SELECT {_COLUMNS} FROM accounts.invitation WHERE id = :invitation_id AND {_HOLDS} FOR UPDATE")
)
TAKE_OF_ADDRESS: Final = Query(
    text(f"SELECT {_COLUMNS} FROM accounts.invitation WHERE email_key = :email_key AND {_HOLDS} FOR UPDATE")
)
USE: Final = Query(text("UPDATE accounts.invitation SET uses_left = uses_left - 1 WHERE id = :invitation_id"))
REMOVE: Final = Query(text("DELETE FROM accounts.invitation WHERE id = :invitation_id RETURNING email, role"))
# What was told of an address is told of the person from now on, and goes with them.
SETTLE_AUDIT: Final = Query(
    text("""
    UPDATE accounts.audit_entry SET person_id = :person_id, address = NULL
    WHERE invitation_id = :invitation_id AND address IS NOT NULL
    """)
)
FORGET_ADDRESS: Final = Query(
    text("UPDATE accounts.audit_entry SET address = NULL WHERE lower(address) = lower(:email)")
)
FORGET: Final = Query(
    text("""
    DELETE FROM accounts.invitation WHERE id IN (
        SELECT id FROM accounts.invitation WHERE expires_at < :before LIMIT :limit)
    """)
)
