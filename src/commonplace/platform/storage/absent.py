"""Apps whose tables the database has and which are not installed: nobody is there to say what they need of the storage.

Settings may leave an app out for a while (`APPS`), or its code may be gone. Its objects then look like objects that
nothing points to. What its items' versions point to is known without it; what stands in its own tables is not. Each app
has its tables in a schema of its own name, so schemas tell, whatever became of its migrations.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database

#: Schemas that every database has, and ours.
_NO_APPS: Final = ("information_schema", "platform", "public")

_SCHEMAS: Final = Query(
    text(r"""
    SELECT nspname AS name FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> ALL(CAST(:known AS text[]))
    AND EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid AND relkind IN ('r', 'p'))
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = CAST('pg_namespace' AS regclass) AND objid = pg_namespace.oid AND deptype = 'e')
    ORDER BY nspname
    """)
)


async def absent_apps(database: Database, installed: Collection[str]) -> Sequence[str]:
    """The names of schemas with tables that are neither the platform's nor an installed app's, nor an extension's."""
    async with database.reading() as session:
        return [row.name for row in await session.all(_SCHEMAS, known=[*_NO_APPS, *installed])]
