"""Recurrence: rules of RFC 5545, what comes after what, and the clocks of all zones."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.apps.tasks import fields
from commonplace.apps.tasks.errors import InvalidRecurrence
from commonplace.apps.tasks.recurrence import next_occurrence
from commonplace.apps.tasks.rules import WEEKDAYS, parse_rule
from commonplace.apps.tasks.times import When, zones
from tests.apps.tasks.conftest import Make

ZONES = zones()


def days(rule: str, first: str, number: int) -> list[str]:
    """The occurrences of a rule from `first` on, at most so many."""
    found, when, present = [first], When(date.fromisoformat(first)), parse_rule(rule)
    while len(found) < number:
        following = next_occurrence(present, when)
        if following is None:
            break
        when, present = following, present.with_one_less()
        found.append(when.day.isoformat())
    return found


def times(rule: str, first: str, number: int, zone: str = "America/New_York") -> list[str]:
    moment, present = datetime.fromisoformat(first), parse_rule(rule)
    when = When(moment.date(), moment.time(), zone)
    found = [first]
    while len(found) < number:
        following = next_occurrence(present, when)
        if following is None:
            break
        when, present = following, present.with_one_less()
        found.append(when.local.isoformat(timespec="minutes"))
    return found


class TestExamplesOfTheStandard:
    """RFC 5545, section 3.8.5.3; each begins with its DTSTART."""

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ("FREQ=DAILY;COUNT=3", ["1997-09-02", "1997-09-03", "1997-09-04"]),
            ("FREQ=DAILY;INTERVAL=10;COUNT=5", ["1997-09-02", "1997-09-12", "1997-09-22", "1997-10-02", "1997-10-12"]),
            ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", ["1997-09-02", "1997-09-16", "1997-09-30"]),
            ("FREQ=WEEKLY;COUNT=4;WKST=SU;BYDAY=TU,TH", ["1997-09-02", "1997-09-04", "1997-09-09", "1997-09-11"]),
            ("FREQ=MONTHLY;COUNT=3;BYDAY=1FR", ["1997-09-05", "1997-10-03", "1997-11-07"]),
            ("FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU", ["1997-09-07", "1997-09-28", "1997-11-02", "1997-11-30"]),
            ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", ["1997-09-22", "1997-10-20", "1997-11-17"]),
            ("FREQ=MONTHLY;BYMONTHDAY=-3", ["1997-09-28", "1997-10-29", "1997-11-28", "1997-12-29"]),
            ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1", ["1997-09-30", "1997-10-01", "1997-10-31", "1997-11-01"]),
            ("FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200", ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01"]),
            ("FREQ=YEARLY;BYDAY=20MO", ["1997-05-19", "1998-05-18", "1999-05-17"]),
            ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", ["1997-05-12", "1998-05-11", "1999-05-17"]),
            ("FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", ["1997-06-05", "1997-06-12", "1997-06-19"]),
            ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13"]),
            (
                "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
                ["1996-11-05", "2000-11-07", "2004-11-02"],
            ),
            ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", ["1997-09-04", "1997-10-07", "1997-11-06"]),
            ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", ["1997-09-29", "1997-10-30", "1997-11-27"]),
            ("FREQ=DAILY;UNTIL=19970904", ["1997-09-02", "1997-09-03", "1997-09-04"]),
            ("FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2", ["2096-02-29", "2104-02-29"]),
        ],
    )
    def test_days(self, rule: str, expected: list[str]) -> None:
        is_ended = "COUNT" in rule or "UNTIL" in rule
        assert days(rule, expected[0], len(expected) + is_ended) == expected

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (
                "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z",
                ["1997-09-02T09:00", "1997-09-02T12:00", "1997-09-02T15:00"],
            ),
            ("FREQ=MINUTELY;INTERVAL=90;COUNT=3", ["1997-09-02T09:00", "1997-09-02T10:30", "1997-09-02T12:00"]),
            (
                "FREQ=DAILY;BYHOUR=9,16;BYMINUTE=0,40;COUNT=5",
                ["1997-09-02T09:00", "1997-09-02T09:40", "1997-09-02T16:00", "1997-09-02T16:40", "1997-09-03T09:00"],
            ),
            (
                "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,16;COUNT=5",
                ["1997-09-02T09:00", "1997-09-02T09:20", "1997-09-02T09:40", "1997-09-02T16:00", "1997-09-02T16:20"],
            ),
            ("FREQ=HOURLY;BYMINUTE=15,45;BYSETPOS=-1;COUNT=2", ["1997-09-02T09:45", "1997-09-02T10:45"]),
            ("FREQ=SECONDLY;INTERVAL=3600;BYDAY=WE;COUNT=2", ["1997-09-02T09:00", "1997-09-03T00:00"]),
        ],
    )
    def test_times(self, rule: str, expected: list[str]) -> None:
        assert times(rule, expected[0], len(expected) + 1) == expected


class TestClocks:
    def test_a_time_of_day_stays_when_the_clocks_change(self) -> None:
        when, rule, instants = When(date(2026, 3, 28), time(9), "Europe/Vienna"), parse_rule("FREQ=DAILY"), []
        for _ in range(3):
            instants.append(when.instant.isoformat())
            when = next_occurrence(rule, when) or when
        assert instants == ["2026-03-28T08:00:00+00:00", "2026-03-29T07:00:00+00:00", "2026-03-30T07:00:00+00:00"]

    def test_a_time_that_the_clocks_leave_out_is_read_with_the_offset_before(self) -> None:
        when = next_occurrence(parse_rule("FREQ=DAILY"), When(date(2026, 3, 28), time(2, 30), "Europe/Vienna"))
        assert when is not None
        assert (when.local.isoformat(), when.instant) == (
            "2026-03-29T02:30:00",
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        )
        assert next_occurrence(parse_rule("FREQ=DAILY"), when) == When(date(2026, 3, 30), time(2, 30), "Europe/Vienna")

    def test_of_a_time_that_comes_twice_the_first_is_meant(self) -> None:
        when = next_occurrence(parse_rule("FREQ=DAILY"), When(date(2026, 10, 24), time(2, 30), "Europe/Vienna"))
        assert when is not None
        assert when.instant == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    @pytest.mark.long  # there are six hundred
    def test_in_every_zone_a_daily_task_stays_at_its_hour_all_year(self) -> None:
        rule = parse_rule("FREQ=DAILY;INTERVAL=28")
        for zone in ZONES:
            when, before = When(date(2026, 1, 1), time(9, 15), zone), None
            for _ in range(14):
                shown = when.instant.astimezone(ZoneInfo(zone))
                assert (shown.date(), shown.time()) == (when.day, time(9, 15)), zone
                assert before is None or timedelta(days=27) < when.instant - before < timedelta(days=29), zone
                before, when = when.instant, next_occurrence(rule, when) or when


@given(
    zone=st.sampled_from(ZONES),
    first=st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2090-01-01")),
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 3),
    weekdays=st.sets(st.sampled_from(WEEKDAYS), max_size=3),
    months=st.sets(st.integers(1, 12), max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_the_next_occurrence_is_the_first_day_that_the_rule_admits(
    zone: str, first: datetime, frequency: str, interval: int, weekdays: set[str], months: set[int]
) -> None:
    """Held against the definition itself, day by day: in phase, in the month, on the weekday, and nothing before it."""
    present = When(first.date(), first.time().replace(microsecond=0), zone)
    rule = f"FREQ={frequency};INTERVAL={interval}"
    rule += f";BYDAY={','.join(sorted(weekdays))}" if weekdays else ""
    rule += f";BYMONTH={','.join(map(str, months))}" if months else ""

    def admits(day: date) -> bool:
        if months and day.month not in months:
            return False
        is_weekday = WEEKDAYS[day.weekday()] in weekdays
        match frequency:
            case "DAILY":
                return (day - present.day).days % interval == 0 and (is_weekday or not weekdays)
            case "WEEKLY":
                monday, first_monday = (one - timedelta(days=one.weekday()) for one in (day, present.day))
                in_phase = (monday - first_monday).days // 7 % interval == 0
                return in_phase and (is_weekday if weekdays else day.weekday() == present.day.weekday())
            case _:
                in_phase = (day.year * 12 + day.month - present.day.year * 12 - present.day.month) % interval == 0
                return in_phase and (is_weekday if weekdays else day.day == present.day.day)

    following = next_occurrence(parse_rule(rule), present)
    wanted = next((day for n in range(1, 366 * 9) if admits(day := present.day + timedelta(days=n))), None)
    if wanted is None:
        assert following is None or (following.day - present.day).days >= 366 * 9
        return
    assert following == When(wanted, present.clock, zone)
    assert following.instant > present.instant


class TestRules:
    @pytest.mark.parametrize(
        "rule",
        [
            "", "FREQ=NEVER", "INTERVAL=2", "FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;COUNT=2;UNTIL=20261231",
            "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;BYHOUR=24",
            "FREQ=DAILY;BYMONTHDAY=0", "FREQ=DAILY;BYMONTHDAY=-32", "FREQ=DAILY;BYHOUR=-1", "FREQ=DAILY;UNTIL=20260230",
            "FREQ=DAILY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYWEEKNO=1", "FREQ=DAILY;BYYEARDAY=1", "FREQ=MONTHLY;BYSETPOS=1",
            "FREQ=DAILY;WKST=XX", "FREQ=DAILY;BYEASTER=0", "FREQ=DAILY;", "FREQ=DAILY;COUNT=²", "DAILY",
            "FREQ=DAILY;BYHOUR=" + ",".join(["1"] * 1000),
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, rule: str) -> None:
        with pytest.raises(InvalidRecurrence):
            parse_rule(rule)

    def test_a_rule_is_written_as_it_is_meant(self) -> None:
        read = parse_rule("RRULE:byday=+1mo,-1FR;INTERVAL=1;until=20261231T225959Z;WKST=SU;FREQ=monthly;BYSETPOS=1")
        assert str(read) == "FREQ=MONTHLY;UNTIL=20261231T225959Z;BYSETPOS=1;BYDAY=1MO,-1FR;WKST=SU"
        assert parse_rule(str(read)) == read

    @pytest.mark.parametrize(
        "rule",
        [
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;INTERVAL=86399;BYSECOND=1;BYHOUR=3",
            "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
            "FREQ=DAILY;INTERVAL=7;BYDAY=MO", "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1;BYYEARDAY=366",
            "FREQ=YEARLY;BYDAY=MO;BYWEEKNO=1;BYMONTH=6",
        ],
    )  # fmt: skip
    def test_one_that_never_comes_true_ends_in_good_time(self, rule: str) -> None:
        began = perf_counter()
        assert next_occurrence(parse_rule(rule), When(date(2026, 3, 28), time(1, 0), "UTC")) is None
        assert perf_counter() - began < 10

    def test_a_series_ends_with_the_calendar(self) -> None:
        for rule in ("FREQ=YEARLY", "FREQ=DAILY", "FREQ=HOURLY", "FREQ=MONTHLY;BYMONTHDAY=1"):
            assert next_occurrence(parse_rule(rule), When(date(9999, 12, 31), time(23, 30), "UTC")) is None


@pytest.mark.anyio
@pytest.mark.usefixtures("whole")
class TestCompleting:
    async def test_it_makes_the_next_occurrence_once(self, ana: Any, make: Make, make_list: Make, told: Any) -> None:
        home = await make_list(ana)
        fields = {
            "notes": "n", "priority": "high", "tags": ["t"], "list_id": home["id"],
            "recurrence": "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=1", "reminders": [{"minutes_before": 30, "of": "due"}],
            "start": {"date": "2026-05-30", "time": "08:00:00", "time_zone": "Europe/Vienna"},
            "due": {"date": "2026-06-01", "time": "09:00:00", "time_zone": "Europe/Vienna"},
        }  # fmt: skip
        made = await make(ana, "pay the rent", **fields)
        done = (await ana.patch(f"/tasks/{made['id']}", json={"status": "done"})).json()
        following = (await ana.get(f"/tasks/{done['next_id']}")).json()
        assert (done["status"], done["recurrence"], done["due"]) == ("done", made["recurrence"], made["due"])
        assert (following["due"]["date"], following["start"]["date"]) == ("2026-07-01", "2026-06-29")
        assert (following["due_at"], following["status"]) == ("2026-07-01T07:00:00.000000Z", "open")
        assert following["recurrence"] == "FREQ=MONTHLY;COUNT=1;BYMONTHDAY=1"
        for name in ("title", "notes", "priority", "tags", "list_id", "reminders", "order"):
            assert following[name] == made[name]
        events = [(event.name, str(event.item_id)) for event in await told()][-2:]
        assert sorted(events) == sorted([("task.completed", made["id"]), ("task.created", following["id"])])
        await ana.patch(f"/tasks/{made['id']}", json={"status": "open"})
        again = (await ana.patch(f"/tasks/{made['id']}", json={"status": "done"})).json()
        assert again["next_id"] == done["next_id"]
        put_off = await ana.patch(
            f"/tasks/{following['id']}", json={"recurrence": following["recurrence"], "notes": "m"}
        )
        assert put_off.status_code == 200  # the last of a series keeps its rule
        last = (await ana.patch(f"/tasks/{following['id']}", json={"status": "done"})).json()
        assert last["next_id"] is None  # two there were to be
        assert len((await ana.get("/tasks")).json()["items"]) == 2

    async def test_to_look_for_many_is_bounded(self, ana: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fields, "_LONGEST_LOOK", 0.01)
        batch = [{"title": "x", "recurrence": f"FREQ=SECONDLY;INTERVAL={n};BYHOUR=3"} for n in range(10_007, 10_407)]
        answer = await ana.post("/tasks/batch", json={"create": batch})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-recurrence"), answer.text

    async def test_many_at_once_make_one(self, ana: Any, make: Make) -> None:
        made = await make(ana, "a", recurrence="FREQ=DAILY", due={"date": "2026-06-01"})
        await asyncio.gather(*(ana.patch(f"/tasks/{made['id']}", json={"status": "done"}) for _ in range(8)))
        assert len((await ana.get("/tasks")).json()["items"]) == 2

    async def test_cancelling_makes_none(self, ana: Any, make: Make) -> None:
        made = await make(ana, "a", recurrence="FREQ=DAILY", due={"date": "2026-06-01"})
        assert (await ana.patch(f"/tasks/{made['id']}", json={"status": "cancelled"})).json()["next_id"] is None

    async def test_without_dates_it_counts_from_the_day_it_is_done(self, ana: Any, make: Make) -> None:
        made = await make(ana, "a", recurrence="FREQ=DAILY;INTERVAL=3")
        done = (await ana.patch(f"/tasks/{made['id']}", json={"status": "done"})).json()
        following = (await ana.get(f"/tasks/{done['next_id']}")).json()
        day = date.fromisoformat(done["completed_at"][:10]) + timedelta(days=3)
        assert (following["due"]["date"], following["start"]) == (day.isoformat(), None)
