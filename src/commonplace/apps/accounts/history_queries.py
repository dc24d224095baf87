"""The history of sign-ins as a person sees it."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# An attempt under way is not told of yet; one that was cut off counts as failed (see `limits`). One whose password was
# right, and whose second step was never shown rightly, is neither: somebody knows the password. A session that began
# without an attempt, such as that of a registration, is its own entry.
SIGN_INS: Final = Query(
    text("""
    SELECT entry.*, session.id IS NOT NULL AS is_live,
        entry.session_id IS NOT NULL AND EXISTS (
            SELECT FROM accounts.new_device_notice WHERE session_id = entry.session_id
        ) AS is_on_new_device
    FROM (
        SELECT id, at, CASE WHEN outcome IN ('signed_in', 'second_step') THEN outcome ELSE 'refused' END AS outcome,
            method, address, network, user_agent, session_id
        FROM accounts.sign_in_attempt
        WHERE person_id = :person_id AND (outcome <> 'pending' OR at <= :cut_off_before)
        UNION ALL
        SELECT id, created_at, 'signed_in', method, address, network, user_agent, id
        FROM accounts.session AS begun
        WHERE person_id = :person_id AND NOT EXISTS (
            SELECT FROM accounts.sign_in_attempt WHERE person_id = :person_id AND session_id = begun.id)
    ) AS entry LEFT JOIN accounts.session ON session.id = entry.session_id AND session.ended_at IS NULL
        AND session.expires_at > :now
    WHERE (CAST(:outcome AS text) IS NULL OR entry.outcome = CAST(:outcome AS text))
        AND (CAST(:address AS text) IS NULL OR CAST(:address AS text) IN (entry.address, entry.network))
        AND (CAST(:since AS timestamptz) IS NULL OR entry.at >= CAST(:since AS timestamptz))
        AND (CAST(:until AS timestamptz) IS NULL OR entry.at < CAST(:until AS timestamptz))
        AND (CAST(:before AS timestamptz) IS NULL
            OR (entry.at, entry.id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
    ORDER BY entry.at DESC, entry.id DESC LIMIT :limit
    """)
)
