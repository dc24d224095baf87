"""Quiet hours: when they are, by the clock on the wall, through the nights on which that clock is changed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


def quiet_until(now: datetime, zone: ZoneInfo, begins: time, ends: time) -> datetime | None:
    """When the quiet hours end that it is now; None when it is none.

    They begin when the clock first shows `begins` and end when it last shows `ends`: an hour that comes twice belongs
    to the night as a whole, and what an hour that is left out would have held happens when the clock has jumped.
    """
    today = now.astimezone(zone).date()
    for day in (today - _DAY, today):
        first = _moment(day, begins, zone, last=False)
        end = _moment(day if begins < ends else day + _DAY, ends, zone, last=True)
        if first <= now < end:
            return end
    return None


def _moment(day: date, wall: time, zone: ZoneInfo, *, last: bool) -> datetime:
    """The moment at which the clock shows this time, the last one if there are two, in UTC."""
    local = datetime.combine(day, wall, tzinfo=zone).replace(fold=1 if last else 0)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    return _jump(local)


def _jump(left_out: datetime) -> datetime:
    """The moment at which the clock jumped over a time that it never showed."""
    one, other = (left_out.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    before, after = min(one, other), max(one, other)
    offset = after.astimezone(left_out.tzinfo).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(left_out.tzinfo).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
