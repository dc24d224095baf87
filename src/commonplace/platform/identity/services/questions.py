"""What a service asks the auth service, and how that answers: JSON, written and read by msgspec on both sides."""

import math
from typing import Final, Self
from uuid import UUID

import msgspec

from commonplace.platform.identity.caller import Role
from commonplace.platform.identity.people import Person
from commonplace.platform.identity.services.signature import PREFIX
from commonplace.platform.identity.verifier import LiveSession

KEYS_PATH: Final = f"{PREFIX}identity/keys"  #: GET: the JSON Web Key Set
SESSION_PATH: Final = f"{PREFIX}identity/session"  #: POST `SessionQuestion`: `SessionAnswer`
PROOF_PATH: Final = f"{PREFIX}identity/proof"  #: POST `ProofQuestion`: `ProofAnswer`
PEOPLE_PATH: Final = f"{PREFIX}identity/people"  #: POST `PeopleQuestion`: `PeopleAnswer`
FOREIGN_PATH: Final = f"{PREFIX}identity/foreign"  #: POST `ForeignQuestion`: `ForeignAnswer`
MOST_PEOPLE: Final = 1000  #: in one question


class SessionQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which session is alive? Exactly one of these is given; digests are SHA-256 in hexadecimal."""

    session_id: UUID | None = None
    cookie_digest: str | None = None
    api_token_digest: str | None = None


class KnownSession(msgspec.Struct, frozen=True, kw_only=True):
    """A `LiveSession` on its way; JSON has no infinity, so a session without an end has None."""

    session_id: UUID
    person_id: UUID
    role: Role
    expires_at: float | None
    scopes: list[str]
    may_only_enrol: bool

    @classmethod
    def of(cls, session: LiveSession) -> Self:
        """The session as it is sent."""
        return cls(
            session_id=session.session_id,
            person_id=session.person_id,
            role=session.role,
            expires_at=None if math.isinf(session.expires_at) else session.expires_at,
            scopes=sorted(session.scopes),
            may_only_enrol=session.may_only_enrol,
        )

    def live(self) -> LiveSession:
        """The session as `Identity` takes it."""
        return LiveSession(
            session_id=self.session_id,
            person_id=self.person_id,
            role=self.role,
            expires_at=math.inf if self.expires_at is None else self.expires_at,
            scopes=frozenset(self.scopes),
            may_only_enrol=self.may_only_enrol,
        )


class SessionAnswer(msgspec.Struct, frozen=True):
    """The session; None when it has ended or never was."""

    session: KnownSession | None


class ProofQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Has this session's person proved lately who they are?"""

    session_id: UUID
    person_id: UUID
    scopes: list[str]


class ProofAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it is proved; if not, within how many minutes it has to be, and by what it can be."""

    is_proved: bool
    minutes: int = 0
    factors: list[str] = msgspec.field(default_factory=list)


class ForeignQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Whom does this token of another provider let in? It came from there."""

    token: str
    address: str
    user_agent: str
    is_secure: bool


class ForeignAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom; or with which status and why nobody."""

    person_id: UUID | None = None
    session_id: UUID | None = None
    expires_at: float = 0.0
    status: int = 401
    detail: str = ""
    is_over: bool = False  #: whether it was a session that has ended


class PeopleQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who are they? By ids (`MOST_PEOPLE` at most), or by an address."""

    ids: list[UUID] = msgspec.field(default_factory=list)
    address: str | None = None


class PeopleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Those whose ids were sent, as far as there are such; `at` is whose address it is."""

    people: list[Person]
    at: UUID | None = None
