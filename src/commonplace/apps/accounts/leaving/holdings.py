"""What a person has here, in numbers, as their page shows it."""

from typing import NamedTuple
from uuid import UUID

from commonplace.apps.accounts.leaving import queries
from commonplace.platform.database.session import ReadSession
from commonplace.platform.leaving.personal import PersonalData


class Holding(NamedTuple):
    """What an app keeps for a person."""

    app: str  #: its title
    items: int  #: that can be seen
    trashed: int
    size_bytes: int  #: of content, versions and trash included; the rest is small and not counted


async def holdings(session: ReadSession, data: PersonalData, person_id: UUID) -> list[Holding]:
    """One entry for each app that keeps anything for the person."""
    items = {row.kind: row for row in await session.all(queries.ITEMS_BY_KIND, person_id=person_id)}
    sizes = {row.kind: row.size_bytes for row in await session.all(queries.BYTES_BY_KIND, person_id=person_id)}
    kinds: dict[str, list[str]] = {}
    for app, kind in data.kinds():
        kinds.setdefault(app.title, []).append(kind.name)
    found = []
    for title, names in kinds.items():
        holding = Holding(
            title,
            sum(items[name].there for name in names if name in items),
            sum(items[name].trashed for name in names if name in items),
            sum(sizes.get(name, 0) for name in names),
        )
        if holding.items or holding.trashed or holding.size_bytes:
            found.append(holding)
    return found
