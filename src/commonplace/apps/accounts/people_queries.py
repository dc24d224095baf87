"""Every statement of those who look after the people: listing them, and the trail of what was done."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

_PERSON: Final = """
    SELECT account.person_id AS id, account.email, item.title AS name, account.role, account.state, account.created_at,
        (SELECT max(session.last_used_at) FROM accounts.session WHERE session.person_id = account.person_id)
            AS last_used_at,
        (SELECT count(*) FROM accounts.session WHERE session.person_id = account.person_id AND session.ended_at IS NULL
            AND session.expires_at > :now) AS sessions,
        account.needs_second_factor,
        EXISTS (SELECT FROM accounts.totp WHERE totp.person_id = account.person_id AND confirmed_at IS NOT NULL)
            OR EXISTS (SELECT FROM accounts.passkey WHERE passkey.person_id = account.person_id) AS has_second_factor,
        coalesce(space.used_bytes, 0) AS stored_bytes, space.quota_bytes IS NOT NULL AS has_own_quota,
        coalesce(space.quota_bytes, space_default.quota_bytes) AS quota_bytes,
        picture.id AS picture_id
    FROM accounts.account JOIN platform.item ON item.id = account.person_id
    LEFT JOIN accounts.picture ON picture.person_id = account.person_id
    LEFT JOIN platform.space ON space.owner_id = account.person_id CROSS JOIN platform.space_default
"""
ONE_PERSON: Final = Query(text(f"{_PERSON} WHERE account.person_id = :person_id"))
LIST_PEOPLE: Final = Query(
    text(f"""
    {_PERSON}
    WHERE (CAST(:role AS text) IS NULL OR account.role = CAST(:role AS text))
        AND (CAST(:state AS text) IS NULL OR account.state = CAST(:state AS text))
        AND (CAST(:words AS text) IS NULL OR strpos(lower(item.title), lower(CAST(:words AS text))) > 0
            OR strpos(lower(account.email), lower(CAST(:words AS text))) > 0)
        AND (CAST(:since AS timestamptz) IS NULL
            OR (account.created_at, account.person_id) > (CAST(:since AS timestamptz), CAST(:since_id AS uuid)))
    ORDER BY account.created_at, account.person_id LIMIT :limit
    """)
)
ACCOUNT_OF_PERSON_FOR_CHANGE: Final = Query(
    text("""
    SELECT person_id, role, state, needs_second_factor FROM accounts.account WHERE person_id = :person_id FOR UPDATE
    """)
)
# In one order, so that two who take the role from each other wait instead of locking each other out.
ADMINISTRATORS_FOR_CHANGE: Final = Query(
    text("""
    SELECT person_id FROM accounts.account WHERE role = 'administrator' AND state = 'active'
    ORDER BY person_id FOR UPDATE
    """)
)
SET_NEEDS_SECOND_FACTOR: Final = Query(
    text("UPDATE accounts.account SET needs_second_factor = :is_needed WHERE person_id = :person_id")
)
ADD_AUDIT_ENTRY: Final = Query(
    text("""
    INSERT INTO accounts.audit_entry
        (id, at, action, person_id, by_id, is_on_server, detail, address, invitation_id)
    VALUES (:id, :now, :action, :person_id, :by_id, :is_on_server, :detail, :address, :invitation_id)
    """)
)
#: By the erasure's own id; the administrator may have left meanwhile.
ADD_AUDIT_ENTRY_OF_ERASURE: Final = Query(
    text("""
    INSERT INTO accounts.audit_entry (id, at, action, person_id, by_id, is_on_server, detail)
    SELECT :id, :now, 'erased', NULL, (SELECT person_id FROM accounts.account WHERE person_id = :by_id), :is_on_server,
        :detail
    ON CONFLICT (id) DO NOTHING
    """)
)
LIST_AUDIT_ENTRIES: Final = Query(
    text("""
    SELECT entry.id, entry.at, entry.action, entry.detail, entry.person_id, whom.title AS person_name,
        coalesce(account.email, entry.address) AS person_email, entry.by_id, who.title AS by_name, entry.is_on_server
    FROM accounts.audit_entry AS entry LEFT JOIN accounts.account USING (person_id)
    LEFT JOIN platform.item AS whom ON whom.id = entry.person_id
    LEFT JOIN platform.item AS who ON who.id = entry.by_id
    WHERE (CAST(:action AS text) IS NULL OR entry.action = CAST(:action AS text))
        AND (CAST(:person_id AS uuid) IS NULL OR entry.person_id = CAST(:person_id AS uuid))
        AND (CAST(:by_id AS uuid) IS NULL OR entry.by_id = CAST(:by_id AS uuid))
        AND (CAST(:words AS text) IS NULL OR strpos(lower(whom.title), lower(CAST(:words AS text))) > 0
            OR strpos(lower(coalesce(account.email, entry.address)), lower(CAST(:words AS text))) > 0
            OR strpos(lower(who.title), lower(CAST(:words AS text))) > 0)
        AND (CAST(:since AS timestamptz) IS NULL OR entry.at >= CAST(:since AS timestamptz))
        AND (CAST(:until AS timestamptz) IS NULL OR entry.at < CAST(:until AS timestamptz))
        AND (CAST(:before AS timestamptz) IS NULL
            OR (entry.at, entry.id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
    ORDER BY entry.at DESC, entry.id DESC LIMIT :limit
    """)
)
FORGET_AUDIT_ENTRIES: Final = Query(
    text("""
    DELETE FROM accounts.audit_entry WHERE id IN (
        SELECT id FROM accounts.audit_entry WHERE at < :before LIMIT :limit)
    """)
)
