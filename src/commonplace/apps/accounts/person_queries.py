"""What accounts reads for `People`: several at once, and whose an address is."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

PROFILES: Final = Query(
    text("""
    SELECT account.person_id AS id, account.email, item.title AS name, person.time_zone, person.language,
        picture.id AS picture_id, account.email_verified_at IS NOT NULL AS is_email_verified
    FROM accounts.account JOIN accounts.person ON person.id = account.person_id
    JOIN platform.item ON item.id = account.person_id
    LEFT JOIN accounts.picture ON picture.person_id = account.person_id
    WHERE account.person_id = ANY(CAST(:person_ids AS uuid[]))
    """)
)
PERSON_AT: Final = Query(
    text("""
    SELECT person_id FROM accounts.account
    WHERE email_key = :email_key AND (email_verified_at IS NOT NULL OR NOT :only_proven)
    """)
)
