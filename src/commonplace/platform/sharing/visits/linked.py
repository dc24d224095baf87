"""What an app gives of its items by a link, besides their names: bytes, previews, and a place to put things.

The manifest names one `LinkedKind` for each kind that has more to give than its name. Whoever asks by a link was let in
and was found to be allowed this before; the functions decide nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.http.unit import Unit
from commonplace.platform.media.serving import Content
from commonplace.platform.parts import Parts


class Room(NamedTuple):
    """What an upload may hold at most; None: what the app takes from anybody."""

    files: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One file of an upload: its bytes are stored, and nothing refers to them yet."""

    name: str
    size_bytes: int
    stored: Any  #: what the app needs to make its item


class Put(NamedTuple):
    """An item that was made of what arrived."""

    id: UUID
    name: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class LinkedKind:
    """What can be had of the items of one kind. Everything may be left out."""

    #: The bytes of an item, as an attachment.
    content: Callable[[ReadSession, UUID], Awaitable[Content | None]] | None = None
    #: A picture of it, so many pixels wide or high at most.
    picture: Callable[[ReadSession, UUID, int], Awaitable[Content | None]] | None = None
    #: The bytes of it, where they are a text whose beginning can be shown.
    text: Callable[[ReadSession, UUID], Awaitable[Content | None]] | None = None
    #: All that lies in it as one archive: the answer to a GET or HEAD, with an ETag.
    archive: Callable[[Request, Parts, UUID, str], Awaitable[Response]] | None = None
    #: Reads an upload and stores its bytes, before any transaction; `LinkFull` where it is more than there is room for.
    receive: Callable[[Request, Parts, Unit, Room], Awaitable[Sequence[Arrived]]] | None = None
    #: Makes items in this container, which belongs to this person, of what arrived; beside what has the same names.
    put: Callable[[WriteSession, Parts, Unit, Sequence[Arrived], UUID, UUID], Awaitable[Sequence[Put]]] | None = None

    def allows(self, access: str) -> bool:
        """Whether a link with this access to such an item makes sense."""
        if access == "download":
            return self.content is not None or self.archive is not None
        return access == "view" or self.receive is not None


NOTHING = LinkedKind()
