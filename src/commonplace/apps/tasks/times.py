"""When something is: a day, or a time of day by the clocks of a zone. RFC 5545, section 3.3.5, has the two forms.

What a person said is kept ("on the 1st at nine, in Vienna"); the instant is worked out of it. A clock time that the
zone leaves out is read with the offset before the gap, one that comes twice is the first (the same section says so).
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

TIME_PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_LONGEST_ZONE: Final = 100
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class When:
    """A day; with `clock` and `zone` a time of that day by the clocks of an IANA time zone."""

    day: date
    clock: time | None = None
    zone: str | None = None

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "When":
        """Of what `stored` gave."""
        clock = stored["time"]
        return cls(
            date.fromisoformat(stored["date"]),
            None if clock is None else time.fromisoformat(clock),
            stored["time_zone"],
        )

    def stored(self) -> dict[str, str | None]:
        """As the table keeps it and the API tells it."""
        clock = None if self.clock is None else self.clock.isoformat("seconds")
        return {"date": self.day.isoformat(), "time": clock, "time_zone": self.zone}

    @property
    def local(self) -> datetime:
        """What a clock there shows; midnight for a whole day."""
        return datetime.combine(self.day, self.clock or time())

    @property
    def instant(self) -> datetime:
        """UTC; for a whole day its last moment by UTC, so that it sorts behind the times of the day."""
        if self.clock is None or self.zone is None:
            return datetime.combine(self.day, time.max, UTC)
        return in_utc(self.local.replace(tzinfo=ZoneInfo(self.zone)))


def in_utc(moment: datetime) -> datetime:
    """The same instant; the ends of the calendar stay within it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _EARLIEST if moment.year == 1 else _LATEST


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether the IANA database has a time zone of this name."""
    if len(name) > _LONGEST_ZONE or not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return False
    return True


def zones() -> list[str]:
    """The names of all time zones; slow (it walks the disk), for documentation."""
    return sorted(filter(is_zone, available_timezones()))
