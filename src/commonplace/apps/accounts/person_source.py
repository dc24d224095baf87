"""People as the platform's pages ask for them."""

from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.platform.database.session import Database
from commonplace.platform.identity.people import Person


class StoredPeople:
    """`People` over the profiles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def person(self, person_id: UUID) -> Person | None:
        """The person of this id; None when the account is gone."""
        async with self._database.reading() as session:
            row = await session.first(queries.PROFILE, person_id=person_id)
        if row is None:
            return None
        return Person(
            id=row.id,
            name=row.name,
            email=row.email,
            time_zone=row.time_zone,
            language=row.language,
        )
