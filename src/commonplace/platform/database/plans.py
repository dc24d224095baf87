"""Statements whose planning would cost more than they do: planned once a connection, not for each set of parameters.

PostgreSQL weighs by itself whether a prepared statement is planned anew, but hardly counts what planning costs. Where a
statement has many parts and always goes the same way, its plan is kept.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import ReadSession, WriteSession

# In a transaction, so that nothing of it stays with the connection, whoever is between us and the server.
_BEGIN: Final = Query(text("BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_generic_plan"))
_END: Final = Query(text("COMMIT"))


@asynccontextmanager
async def kept_plans(session: ReadSession) -> AsyncIterator[None]:
    """Within it the plans of the session's statements are kept. In a transaction that writes all stays as it is."""
    if isinstance(session, WriteSession):
        yield
        return
    await session.execute(_BEGIN)
    try:
        yield
    finally:
        await session.execute(_END)
