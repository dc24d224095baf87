"""Moments that clients send: as RFC 3339 writes them, with an offset, and such that the database can hold them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from commonplace.platform.database.pages import UnknownPage

#: RFC 3339, section 5.6, `date-time`.
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND: Final = re.compile(r":60(?=[Zz.+-])")


def written_out(value: Any) -> Any:
    """For `BeforeValidator`: let through what is written as RFC 3339 says; a number of seconds is none.

    A leap second is the one before it: the calendar of Python has none.

    Raises:
        ValueError: it is written otherwise.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError("must be a moment with an offset as RFC 3339 writes it, such as 2026-12-24T18:00:00Z")
    return _LEAP_SECOND.sub(":59", value)


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside of the years 1 to 9999, as UTC") from error


Instant = Annotated[AwareDatetime, BeforeValidator(written_out)]
"""A moment, with the offset that the client gave."""

Moment = Annotated[Instant, AfterValidator(_as_utc)]
"""A moment as UTC; 422 when it has no offset or cannot be."""


def moment_of_cursor(moment: datetime | str) -> datetime:
    """The moment in a cursor, as UTC.

    Raises:
        UnknownPage: it has no zone or cannot be, so the cursor is none of ours.
    """
    try:
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if moment.tzinfo is None:
            raise UnknownPage
        return _as_utc(moment)
    except ValueError as error:
        raise UnknownPage from error
