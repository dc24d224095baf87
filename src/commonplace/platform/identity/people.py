"""People as the platform shows them: a name in a corner, dates in their language and time zone.

Who keeps people implements `People` (the accounts app does) and adds it to the parts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


def initials_of(name: str) -> str:
    """One or two letters that stand for a person: `EB` for Eva Maria Berger."""
    words = [word for word in name.split() if word[0].isalnum()] or [name or "?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is shown of a person, and how they want to be shown things."""

    id: UUID
    name: str
    email: str
    time_zone: str  #: IANA name, such as Europe/Vienna
    language: str  #: BCP 47 tag, such as de-AT
    takes_mail: bool = True  #: whether mail may go to the address: it is theirs, or no mail leaves the installation
    picture: str | None = None  #: path of a small square one, which never changes; None: their initials are shown

    @property
    def initials(self) -> str:
        """One or two letters that stand for the person."""
        return initials_of(self.name)


class People(Protocol):
    """Finds people by their id. Each call opens a session of its own: hold none while asking."""

    async def person(self, person_id: UUID) -> Person | None:
        """The person; None when there is none (any more)."""

    async def people(self, person_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        """Those of these people that there are (still), by their ids; in one query."""

    async def person_at(self, address: str) -> UUID | None:
        """The person whom this e-mail address belongs to; None when it is nobody's, or no address.

        Never tell the caller of a request which of the two it was.
        """
