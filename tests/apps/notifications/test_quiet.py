"""Quiet hours by the clock on the wall, on ordinary nights and on those when it is changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.apps.notifications.quiet import quiet_until

VIENNA = ZoneInfo("Europe/Vienna")
ZONES = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "begins", "ends", "until"),
    [
        ("2026-06-14T21:59:59+02:00", "22:00", "07:00", None),
        ("2026-06-14T22:00:00+02:00", "22:00", "07:00", "2026-06-15T07:00:00+02:00"),
        ("2026-06-15T06:59:59+02:00", "22:00", "07:00", "2026-06-15T07:00:00+02:00"),
        ("2026-06-15T07:00:00+02:00", "22:00", "07:00", None),
        ("2026-06-14T13:30:00+02:00", "13:00", "14:00", "2026-06-14T14:00:00+02:00"),
        ("2026-06-14T12:30:00+02:00", "13:00", "14:00", None),
        # The night that has an hour less, and the one that has one more.
        ("2026-03-28T23:00:00+01:00", "22:00", "07:00", "2026-03-29T07:00:00+02:00"),
        ("2026-10-24T23:00:00+02:00", "22:00", "07:00", "2026-10-25T07:00:00+01:00"),
        # They would end, or begin, at a time that the clock jumps over: it happens when it has jumped.
        ("2026-03-29T00:30:00+01:00", "22:00", "02:30", "2026-03-29T03:00:00+02:00"),
        ("2026-03-29T01:59:00+01:00", "02:30", "07:00", None),
        ("2026-03-29T03:00:00+02:00", "02:30", "07:00", "2026-03-29T07:00:00+02:00"),
        # They end, or begin, in the hour that comes twice: all of it belongs to the night.
        ("2026-10-25T02:45:00+02:00", "22:00", "02:30", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:29:00+01:00", "22:00", "02:30", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:31:00+01:00", "22:00", "02:30", None),
        ("2026-10-25T02:30:00+02:00", "02:30", "07:00", "2026-10-25T07:00:00+01:00"),
        ("2026-10-25T02:10:00+01:00", "02:30", "07:00", "2026-10-25T07:00:00+01:00"),
    ],
)
def test_in_vienna(now: str, begins: str, ends: str, until: str | None) -> None:
    expected = None if until is None else at(until)
    assert quiet_until(at(now), VIENNA, time.fromisoformat(begins), time.fromisoformat(ends)) == expected


@given(
    now=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    begins=st.times().map(lambda wall: wall.replace(second=0, microsecond=0)),
    ends=st.times().map(lambda wall: wall.replace(second=0, microsecond=0)),
)
def test_whenever_it_is_quiet_it_ends_within_a_day_and_then_it_is_not(
    now: datetime, zone: ZoneInfo, begins: time, ends: time
) -> None:
    if begins == ends:
        return
    until = quiet_until(now, zone, begins, ends)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    wall = until.astimezone(zone)
    before = (until - timedelta(minutes=1)).astimezone(zone)
    is_jump = before.utcoffset() != wall.utcoffset()
    assert wall.time() == ends or is_jump
    after = quiet_until(until, zone, begins, ends)
    assert after is None or is_jump or begins == wall.time()
