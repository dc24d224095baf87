"""What the pages of the past show: a line of days with how much changed in each, and words for what would be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.apps.files.past.activity import Active, activity
from commonplace.platform.database.session import ReadSession
from commonplace.platform.pages.viewer import Viewer

DAYS: Final = 90  #: on the line
_HIGHEST: Final = 40  #: of a bar, in parts of the line's height
_LEAST: Final = 4
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LAST_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day on the line."""

    day: date
    at: datetime  #: its end, or now
    changes: int
    height: int
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of the chosen day in which something changed."""

    begins: datetime
    at: datetime  #: its end, or now
    changes: int
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Ninety days, the hours of one of them, and where a slider stops."""

    bars: Sequence[Bar]
    hours: Sequence[Hour]
    stops: Sequence[datetime]
    chosen: int  #: which of the stops is shown, or comes before what is shown


async def timeline(
    session: ReadSession,
    viewer: Viewer,
    owner_id: UUID,
    folder_id: UUID | None,
    at: datetime,
    *,
    since: datetime | None,
) -> Timeline:
    """The line of days around `at`; nothing from before `since` is told."""
    zone, now = viewer.zone, datetime.now(UTC)
    chosen = at.astimezone(zone).date()
    last = now.astimezone(zone).date()
    if (last - chosen).days >= DAYS:
        last = chosen + timedelta(days=DAYS // 3)
    first = last - timedelta(days=DAYS - 1)
    earliest = max(_begin(first, zone), since or _EARLIEST)
    span = {"since": earliest, "until": _begin(last + timedelta(days=1), zone)}
    days = await activity(session, owner_id, folder_id, **span, unit="day", zone=zone.key)
    day = {"since": max(earliest, _begin(chosen, zone)), "until": _begin(chosen + timedelta(days=1), zone)}
    hours = await activity(session, owner_id, folder_id, **day, unit="hour", zone=zone.key)
    bars = _bars(days, first, chosen, zone, now)
    shown_hours = [_hour(active, at, now) for active in hours]
    stops = sorted({*(bar.at for bar in bars if bar.changes), *(hour.at for hour in shown_hours), now})
    before = [number for number, stop in enumerate(stops) if stop <= at]
    return Timeline(bars=bars, hours=shown_hours, stops=stops, chosen=before[-1] if before else 0)


def _bars(days: Sequence[Active], first: date, chosen: date, zone: ZoneInfo, now: datetime) -> list[Bar]:
    changes = {active.at.astimezone(zone).date(): active.changes for active in days}
    most = max(changes.values(), default=1)
    bars = []
    for number in range(DAYS):
        day = first + timedelta(days=number)
        many = changes.get(day, 0)
        bars.append(
            Bar(
                day=day,
                at=min(_begin(day + timedelta(days=1), zone) - _LAST_MOMENT, now),
                changes=many,
                height=max(_LEAST, round(_HIGHEST * sqrt(many / most))) if many else 0,
                is_chosen=day == chosen,
            )
        )
    return bars


def _hour(active: Active, at: datetime, now: datetime) -> Hour:
    end = min(active.at + timedelta(hours=1) - _LAST_MOMENT, now)
    return Hour(begins=active.at, at=end, changes=active.changes, is_chosen=active.at <= at <= end)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def moment_of(written: str, zone: ZoneInfo) -> datetime | None:
    """A moment as a link or a date-time field writes it; without an offset it is by the clock of `zone`.

    None: it is no moment. The future is now.
    """
    try:
        moment = datetime.fromisoformat(written)
        moment = (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(moment, _EARLIEST), datetime.now(UTC))
