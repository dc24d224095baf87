"""Lists as CSV (RFC 4180) that a spreadsheet may open."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Lines of CSV in UTF-8; moments are UTC, nothing is empty.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it: visitors choose what stands in
    some (OWASP, "CSV Injection").
    """
    written = io.StringIO()
    csv.writer(written).writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
