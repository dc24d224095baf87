"""Who is calling."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

Role = Literal["user", "administrator"]
EVERYTHING: Final = frozenset({"*"})  #: the scopes of a person's own session
SESSION_COOKIE: Final = "commonplace_session"  #: the cookie that carries a browser's session


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The authenticated person behind a request, and the session, or the API token, by which they came.

    An administrator runs the installation; the role opens no file, folder or other item of anybody.
    """

    person_id: UUID
    session_id: UUID
    role: Role
    scopes: frozenset[str] = EVERYTHING  #: what the credential admits; a session admits everything
    may_only_enrol: bool = False  #: whether a second factor is asked for here that the person has yet to set up

    @property
    def is_administrator(self) -> bool:
        """Whether the person may manage people and the installation."""
        return self.role == "administrator"
