"""Keyset pages: a cursor says where the last page ended, by the values that the list is sorted by.

A page costs the same wherever it begins, and what is added or removed meanwhile shifts nothing. Hot lists are written
as JSON by the database; what that takes is here too.
"""

import base64
import binascii
from typing import Any, Final, TypeVar

import msgspec

from commonplace.platform.errors import NotFound

T = TypeVar("T")
_LONGEST: Final = 2048  # characters; ours have a name of 255 bytes and an id in them
_GREATEST: Final = 2**63
_DIGITS: Final = 20


class UnknownPage(NotFound):
    """The cursor leads to no page of this list."""

    def __init__(self) -> None:
        super().__init__("`after` leads to no page of this list. Send the `next` of the page before, or none to begin.")


def write_cursor(*keys: Any) -> str:
    """The cursor behind an entry with these sort keys."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).rstrip(b"=").decode()


def read_cursor(cursor: str, shape: type[T]) -> T:
    """The sort keys in a cursor; `shape` is the tuple type of what this list writes.

    Raises:
        UnknownPage: it is something else.
    """
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise UnknownPage
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=shape)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise UnknownPage from error


def whole_of_cursor(key: str) -> int:
    """The whole number in a cursor, one that a `bigint` holds.

    Raises:
        UnknownPage: it is none.
    """
    digits = key.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < _DIGITS and -_GREATEST <= int(key) < _GREATEST):
        raise UnknownPage
    return int(key)


def page_of_json(entries: str) -> str:
    """SQL that makes one row of a page out of `entries`, so that fifty entries cost the driver one row.

    `entries` selects, in the page's order, `json`, the sort `key` as text, and `id`, one entry more than the page holds
    (`LIMIT :limit`). The row has `items` (what stands between the brackets), and the `key` and `id` of the last entry
    when there is a further page; `found` counts all entries.
    """
    return f"""
    SELECT count(*) AS found, coalesce(string_agg(entry.json, ',' ORDER BY entry.n) FILTER (WHERE entry.n < :limit), '')
            AS items,
        max(entry.key) FILTER (WHERE entry.n = :limit - 1) AS key,
        max(CAST(entry.id AS text)) FILTER (WHERE entry.n = :limit - 1) AS id
    FROM (SELECT row_number() OVER () AS n, page.* FROM ({entries}) AS page) AS entry
    """


def json_page(items: str, following: str | None) -> bytes:
    """A page as JSON, out of the items that `page_of_json` joined and the cursor of the next page."""
    end = "null" if following is None else f'"{following}"'
    return f'{{"items":[{items}],"next":{end}}}'.encode()


def json_time(expression: str) -> str:
    """SQL that writes a `timestamptz` as RFC 3339 in UTC, as all our answers do, whatever the session's time zone."""
    return f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
