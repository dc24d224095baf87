"""People as the platform shows them: a name in a corner, dates in their language and time zone.

Who keeps people implements `People` (the accounts app does) and adds it to the parts.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is shown of a person, and how they want to be shown things."""

    id: UUID
    name: str
    email: str
    time_zone: str  #: IANA name, such as Europe/Vienna
    language: str  #: BCP 47 tag, such as de-AT

    @property
    def initials(self) -> str:
        """One or two letters that stand for the person: `EB` for Eva Maria Berger."""
        words = [word for word in self.name.split() if word[0].isalnum()] or [self.name or "?"]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


class People(Protocol):
    """Finds people by their id."""

    async def person(self, person_id: UUID) -> Person | None:
        """The person; None when there is none (any more). Opens a session of its own: hold none while asking."""
