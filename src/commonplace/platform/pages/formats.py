"""How sizes and moments are written for people.

Pages write them in English, day before month, in the person's time zone; `localise.js` rewrites them for other
languages from the exact value that stands beside each.
"""

from datetime import UTC, date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

WhenStyle = Literal["day", "heading", "weekday", "date", "month", "full", "time"]

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")
_THOUSAND: Final = 1000
_TWO_DIGITS: Final = 99.95  # what rounds to less than 100 gets a decimal
_WITH_DECIMAL: Final = 1  # from MB on: 212 kB, but 2.4 MB


def size_text(size_bytes: int) -> str:
    """A size in decimal units: `0 bytes`, `212 kB`, `2.4 MB`, `412 MB`."""
    if size_bytes < _THOUSAND:
        return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
    amount, unit = size_bytes / _THOUSAND, 0
    while amount >= _THOUSAND - 0.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    decimals = 1 if unit >= _WITH_DECIMAL and amount < _TWO_DIGITS else 0
    return f"{amount:.{decimals}f} {_UNITS[unit]}".replace(".0 ", " ")


def size(size_bytes: int) -> Markup:
    """A size as an element that carries the exact number of bytes."""
    text = size_text(size_bytes).replace(" ", "\N{NO-BREAK SPACE}")
    return Markup('<data class="size" value="{}" data-unit="byte">{}</data>').format(size_bytes, text)


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `128 files`, `10,000 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment_text(moment: datetime, zone: ZoneInfo, style: WhenStyle, *, today: date | None = None) -> str:
    """A moment in the given zone; the year that is goes unsaid.

    By style: `14 Jun`, `14 June`, `Sun`, `Sunday, 14 June`, `June 2026`, `14 June 2026, 18:04`, `18:04`.
    """
    local = moment.astimezone(zone)
    today = today or datetime.now(zone).date()
    year = "" if local.year == today.year else f" {local.year}"
    texts = {
        "day": f"{local.day} {local:%b}{year}",
        "heading": f"{local.day} {local:%B}{year}",
        "weekday": f"{local:%a}",
        "date": f"{local:%A}, {local.day} {local:%B}{year}",
        "month": f"{local:%B} {local.year}",
        "full": f"{local.day} {local:%B} {local.year}, {local:%H:%M}",
        "time": f"{local:%H:%M}",
    }
    return texts[style]


def day(day: date, style: WhenStyle = "day", *, today: date | None = None) -> Markup:
    """A day of the calendar as a `<time>` element: the same day wherever it is read."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Markup('<time datetime="{}" data-when="{}" data-zone="UTC">{}</time>').format(
        day.isoformat(), style, moment_text(moment, ZoneInfo("UTC"), style, today=today)
    )


def when(moment: datetime, zone: ZoneInfo, style: WhenStyle = "day", *, is_fixed: bool = False) -> Markup:
    """A moment as a `<time>` element that carries the exact one; `is_fixed`: it is told in this zone to everybody."""
    utc = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    hint = "" if style == "full" else Markup(' title="{}"').format(moment_text(moment, zone, "full"))
    fixed = Markup(' data-zone="{}"').format(zone.key) if is_fixed else ""
    return Markup('<time datetime="{}" data-when="{}"{}{}>{}</time>').format(
        utc, style, fixed, hint, escape(moment_text(moment, zone, style))
    )
