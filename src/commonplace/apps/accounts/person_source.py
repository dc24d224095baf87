"""People as the platform's pages ask for them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from commonplace.apps.accounts import person_queries, queries
from commonplace.apps.accounts.addresses import sign_in_key
from commonplace.apps.accounts.picture_paths import SMALL, picture_path
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.identity.people import Person


class StoredPeople:
    """`People` over the profiles.

    With `only_proven`, an address is a person's only once they proved that they get its mail. Where `mail_leaves` the
    installation, no other gets any but what it takes to prove it, and what is about the safety of the account.
    """

    def __init__(self, database: Database, *, only_proven: bool = False, mail_leaves: bool = False) -> None:
        self._database = database
        self._only_proven = only_proven
        self._mail_leaves = mail_leaves

    async def person(self, person_id: UUID) -> Person | None:
        """The person of this id; None when the account is gone."""
        async with self._database.reading() as session:
            row = await session.first(queries.PROFILE, person_id=person_id)
        return None if row is None else self._person(row)

    async def people(self, person_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        """Those of these people that there are, by their ids."""
        if not person_ids:
            return {}
        async with self._database.reading() as session:
            rows = await session.all(person_queries.PROFILES, person_ids=list(person_ids))
        return {row.id: self._person(row) for row in rows}

    async def person_at(self, address: str) -> UUID | None:
        """The person of the account with this address; None when there is none."""
        async with self._database.reading() as session:
            person_id: UUID | None = await session.scalar(
                person_queries.PERSON_AT, email_key=sign_in_key(address), only_proven=self._only_proven
            )
        return person_id

    def _person(self, row: Row) -> Person:
        return Person(
            id=row.id,
            name=row.name,
            email=row.email,
            time_zone=row.time_zone,
            language=row.language,
            takes_mail=row.is_email_verified or not self._mail_leaves,
            picture=None if row.picture_id is None else picture_path(row.picture_id, SMALL),
        )
