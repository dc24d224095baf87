"""Moments that clients send: with a zone, and such that the database can hold them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from commonplace.platform.database.pages import UnknownPage


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside of the years 1 to 9999, as UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_as_utc)]
"""A moment in a query, as UTC; 422 when it has no zone or cannot be."""


def moment_of_cursor(moment: datetime) -> datetime:
    """The moment in a cursor, as UTC.

    Raises:
        UnknownPage: it has no zone or cannot be, so the cursor is none of ours.
    """
    try:
        if moment.tzinfo is None:
            raise UnknownPage
        return _as_utc(moment)
    except ValueError as error:
        raise UnknownPage from error
