"""What can go wrong with sharing.

Problem
├── NotFound
│   ├── SharedItemNotFound     404  there is no such item, or the caller may not see it
│   ├── GrantNotFound          404
│   ├── LinkNotKnown           404  no link, or one that was revoked or has expired: nobody learns which
│   ├── UnknownPerson          404  an id that is nobody's
│   └── NoPreview              404  nothing can be shown of it
├── NotAllowed
│   ├── LinkPasswordNeeded     403
│   ├── WrongLinkPassword      403
│   ├── LinkNameNeeded         403
│   ├── LinkForbids            403  a link of another kind would be needed
│   ├── DownloadsUsedUp        403
│   ├── ReadOnly               403  it may be seen, but not changed
│   ├── PlaceNotYours          403  it may be changed, but not renamed, moved or trashed
│   └── NotYoursToShare        403
├── Conflict
│   ├── OtherOwner             409  a move from one person's drive into another's
│   ├── SharedAlready          409
│   ├── SharedWithOwner        409
│   └── TooManyShares          409  grants or links of one item
├── LinkFull                   413  an upload that is more than a link takes
├── TooManyGuesses             429  wrong passwords of a link
├── LinkBusy                   503  many passwords are being checked
├── LinkCannot                 422  what an item of this kind cannot give by a link
├── MalformedGrantee           422
└── MalformedExpiry            422
"""

from http import HTTPStatus

from commonplace.platform.errors import Conflict, NotAllowed, NotFound, Problem


class SharedItemNotFound(NotFound):
    """There is no such item, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("There is no such item. It may have been moved to the trash, or is no longer shared with you.")


class GrantNotFound(NotFound):
    """There is no such grant, or it is none of the caller's."""

    def __init__(self) -> None:
        super().__init__("There is no such share. It may have been revoked.")


class LinkNotKnown(NotFound):
    """No link has this token: it never had one, was revoked, has expired, or what it led to is gone."""

    def __init__(self) -> None:
        super().__init__("This link leads nowhere. It may have expired or been revoked; ask for a new one.")


class UnknownPerson(NotFound):
    """No person has this id."""

    def __init__(self) -> None:
        super().__init__("Nobody here has this id. Share by the person's e-mail address instead.")


class ReadOnly(NotAllowed):
    """The caller may see the item, but not change it."""

    def __init__(self) -> None:
        super().__init__("You may look at this, not change it. Ask whoever shared it with you to let you edit.")


class PlaceNotYours(NotAllowed):
    """The caller may change what the item holds, but not its name or place: these belong to its container."""

    def __init__(self) -> None:
        super().__init__(
            "This was shared with you by itself, so its name and place are its owner's. You may change what it holds."
        )


class NotYoursToShare(NotAllowed):
    """The caller may see the item, but not say who else may."""

    def __init__(self) -> None:
        super().__init__("Only its owner, or somebody to whom it was shared as “own”, may share this.")


class OtherOwner(Conflict):
    """A move would take an item from one person's drive into another's."""

    def __init__(self) -> None:
        super().__init__("What belongs to one person cannot be moved to another's drive; put a copy there instead.")


class SharedAlready(Conflict):
    """The item is shared with this person or address already."""

    def __init__(self, grant_id: object) -> None:
        super().__init__("It is shared with them already; change that share instead.", grant_id=str(grant_id))


class SharedWithOwner(Conflict):
    """The item would be shared with whom it belongs to, or with the caller."""

    def __init__(self) -> None:
        super().__init__("It is theirs already; choose somebody else.")


class TooManyShares(Conflict):
    """The item has as many grants or links as one may have."""

    def __init__(self, what: str, limit: int, setting: str) -> None:
        super().__init__(
            f"One item can have {limit} {what} at most ({setting}). Revoke some, or share a folder that holds it."
        )


class MalformedGrantee(Problem):
    """A grant names nobody, or somebody in two ways."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("Name one person: by `person_id`, or by `email`.")


class MalformedExpiry(Problem):
    """A link would have expired before it is made."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("`expires_at` must be a moment in the future, with its time zone.")


class NoPreview(NotFound):
    """Nothing can be shown of this item."""

    def __init__(self) -> None:
        super().__init__("There is no preview of this: none can be made, or it is not ready yet.")


class LinkPasswordNeeded(NotAllowed):
    """The link has a password, and no good pass came with the request."""

    def __init__(self) -> None:
        super().__init__("This link has a password. Send it to `POST /api/links/{token}/pass`, and the pass with this.")


class WrongLinkPassword(NotAllowed):
    """That is not the password of the link."""

    def __init__(self) -> None:
        super().__init__("That is not the password of this link. Ask whoever sent you the link.")


class LinkNameNeeded(NotAllowed):
    """Whoever made the link wants to know who comes, and no pass with a name came with the request."""

    def __init__(self) -> None:
        super().__init__("This link asks who you are. Send a name to `POST /api/links/{token}/pass`.")


class LinkForbids(NotAllowed):
    """The link is good, but not for this."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This link is not for {what}. Ask whoever sent it for another one.")


class DownloadsUsedUp(NotAllowed):
    """As many downloads were finished as the link is good for."""

    def __init__(self) -> None:
        super().__init__("This link was good for a number of downloads, and all of them were made. Ask for a new one.")


class LinkFull(Problem):
    """An upload has more files or bytes than the link still takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, files_left: int | None, bytes_left: int | None) -> None:
        parts = ["1 file" if files_left == 1 else f"{files_left:,} files"] if files_left is not None else []
        parts += [f"{bytes_left:,} bytes"] if bytes_left is not None else []
        super().__init__(f"This link takes {' and '.join(parts)} more. Nothing of this upload was kept.")


class TooManyGuesses(Problem):
    """Too many wrong passwords came for a link, or from an address."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many wrong passwords were tried. Wait, and look at the password once more.",
            retry_after_seconds=retry_after_seconds,
        )


class LinkBusy(Problem):
    """Many passwords are being checked; one more has to wait."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("Many people open links with a password just now. Try again.", retry_after_seconds=2)


class LinkCannot(Problem):
    """An item of this kind cannot give this by a link."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
