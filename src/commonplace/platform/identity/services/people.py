"""People in a process that does not serve the app accounts: asked of one that does, and remembered for seconds."""

import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

import msgspec

from commonplace.platform.identity.people import Person
from commonplace.platform.identity.services.client import AccountsClient
from commonplace.platform.identity.services.questions import MOST_PEOPLE, PEOPLE_PATH, PeopleAnswer, PeopleQuestion
from commonplace.platform.valkey.cache import SharedCache

REMEMBERED_SECONDS: Final = 10.0  #: how long a name that was changed may still be shown
_REMEMBERED: Final = 5_000  # people, about 500 bytes each


class RemotePeople:
    """`People` of the auth service. Any question raises `AccountsUnavailable` when it cannot be asked."""

    def __init__(self, client: AccountsClient, *, cache: SharedCache | None = None) -> None:
        """With `cache` an answer serves the other processes too."""
        self._client = client
        self._cache = cache
        self._known: OrderedDict[UUID, tuple[Person | None, float]] = OrderedDict()

    async def person(self, person_id: UUID) -> Person | None:
        """The person of this id; None when the account is gone."""
        return (await self.people([person_id])).get(person_id)

    async def people(self, person_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        """Those of these people that there are, by their ids."""
        now = time.monotonic()
        found: dict[UUID, Person | None] = {}
        for person_id in person_ids:
            person, until = self._known.get(person_id, (None, float("-inf")))
            if now < until:
                found[person_id] = person
        missing = iter({person_id for person_id in person_ids if person_id not in found})
        while ids := list(islice(missing, MOST_PEOPLE)):
            by_id = await self._looked_up(ids)
            for person_id in ids:
                found[person_id] = by_id.get(person_id)
                self._remember(person_id, found[person_id], now + REMEMBERED_SECONDS)
        return {person_id: person for person_id, person in found.items() if person is not None}

    async def person_at(self, address: str) -> UUID | None:
        """The person of the account with this address; None when there is none."""
        return (await self._client.ask(PEOPLE_PATH, PeopleQuestion(address=address), PeopleAnswer)).at

    async def _looked_up(self, ids: Sequence[UUID]) -> Mapping[UUID, Person]:
        """Out of what all processes remember, where they do, and of the auth service for the rest."""
        names = {f"person:{person_id}": person_id for person_id in ids}
        kept = {} if self._cache is None else await self._cache.get(list(names))
        found = {names[name]: msgspec.json.decode(value, type=Person) for name, value in kept.items()}
        rest = [person_id for person_id in ids if person_id not in found]
        if rest:
            answer = await self._client.ask(PEOPLE_PATH, PeopleQuestion(ids=rest), PeopleAnswer)
            found |= {person.id: person for person in answer.people}
            if self._cache is not None:
                asked = {f"person:{person.id}": msgspec.json.encode(person) for person in answer.people}
                await self._cache.put(asked, REMEMBERED_SECONDS)
        return found

    def _remember(self, person_id: UUID, person: Person | None, until: float) -> None:
        self._known.pop(person_id, None)
        self._known[person_id] = (person, until)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
