"""Every statement about API tokens. A person sees their own only."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# Whoever adds a token locks their account, so that the limit holds for those who add at the same moment.
LOCK_ACCOUNT: Final = Query(text("SELECT person_id FROM accounts.account WHERE person_id = :person_id FOR UPDATE"))
COUNT_TOKENS: Final = Query(text("SELECT count(*) FROM accounts.api_token WHERE person_id = :person_id"))
ADD_TOKEN: Final = Query(
    text("""
    INSERT INTO accounts.api_token (id, person_id, name, scopes, digest, created_at, expires_at)
    VALUES (:id, :person_id, :name, :scopes, :digest, :now, :expires_at)
    """)
)
TOKENS: Final = Query(
    text("""
    SELECT id, name, scopes, created_at, expires_at, last_used_at,
        coalesce(expires_at <= :now, false) AS is_expired
    FROM accounts.api_token
    WHERE person_id = :person_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
    """)
)
REVOKE_TOKEN: Final = Query(
    text("DELETE FROM accounts.api_token WHERE id = :token_id AND person_id = :person_id RETURNING id")
)
REVOKE_TOKENS_OF_PERSON: Final = Query(text("DELETE FROM accounts.api_token WHERE person_id = :person_id RETURNING id"))
TOKEN_IDS: Final = Query(text("SELECT id FROM accounts.api_token WHERE person_id = :person_id"))
LIVE_TOKEN: Final = Query(
    text("""
    SELECT api_token.id, api_token.person_id, api_token.scopes, api_token.expires_at, api_token.last_used_at
    FROM accounts.api_token JOIN accounts.account USING (person_id)
    WHERE api_token.digest = :digest AND (api_token.expires_at IS NULL OR api_token.expires_at > :now)
        AND account.state = 'active'
    """)
)
# The condition stands here again: two processes may have read the same last use.
USE_TOKEN: Final = Query(
    text("""
    UPDATE accounts.api_token SET last_used_at = :now
    WHERE id = :token_id AND (last_used_at IS NULL OR last_used_at < :noted_before)
    """)
)
FORGET_TOKENS: Final = Query(
    text("""
    DELETE FROM accounts.api_token WHERE id IN (
        SELECT id FROM accounts.api_token WHERE expires_at < :before LIMIT :limit)
    """)
)
