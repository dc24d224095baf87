"""Quick entry: what one line says, and the task that comes of it."""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commonplace.apps.tasks.quick_entry import QuickEntry, parse
from commonplace.apps.tasks.recurrence import next_occurrence
from commonplace.apps.tasks.rules import parse_rule
from tests.apps.tasks.conftest import Make

NOW = datetime(2026, 11, 18, 16, 30, tzinfo=UTC)  #: a Wednesday, half past five in the afternoon in Vienna
LISTS = ("Home", "home chores", "Straße")


def read(text: str) -> QuickEntry:
    return parse(text, now=NOW, zone="Europe/Vienna", lists=LISTS)


def when(entry: QuickEntry) -> str:
    if entry.due is None:
        return ""
    clock = "" if entry.due.clock is None else f" {entry.due.clock.isoformat('minutes')}"
    return entry.due.day.isoformat() + clock


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("x today", "2026-11-18"),
        ("x tomorrow.", "2026-11-19"),
        ("x the day after tomorrow", "2026-11-20"),
        ("x monday", "2026-11-23"),
        ("x Wednesday", "2026-11-25"),
        ("x on wed", "2026-11-25"),
        ("x by fri", "2026-11-20"),
        ("x this friday", "2026-11-20"),
        ("x next friday", "2026-11-27"),
        ("x next monday", "2026-11-23"),
        ("x next week", "2026-11-23"),
        ("x next month", "2026-12-01"),
        ("x next year", "2027-01-01"),
        ("x in 3 days", "2026-11-21"),
        ("x in two weeks", "2026-12-02"),
        ("x in a month", "2026-12-18"),
        ("x 24 dec", "2026-12-24"),
        ("x 1st of March", "2027-03-01"),
        ("x dec 24th, 2027", "2027-12-24"),
        ("x 29 feb", "2028-02-29"),
        ("x due 2026-12-24", "2026-12-24"),
        ("x on the 31st", "2026-12-31"),
        ("x at 9", "2026-11-19 09:00"),  # over for today
        ("x at 18", "2026-11-18 18:00"),
        ("x 9pm", "2026-11-18 21:00"),
        ("x 12 am", "2026-11-19 00:00"),
        ("x at 9.30 tomorrow", "2026-11-19 09:30"),
        ("x today 17:00", "2026-11-18 17:00"),  # said so, though it is over
        ("x friday at noon,", "2026-11-20 12:00"),
        ("x in 20 minutes", "2026-11-18 17:50"),
        ("x in 8 hours", "2026-11-19 01:30"),
    ],
)
def test_days_and_times(text: str, due: str) -> None:
    entry = read(text)
    assert (entry.title, when(entry), entry.recurrence) == ("x", due, None)


@pytest.mark.parametrize(
    ("text", "rule", "due"),
    [
        ("x every day", "FREQ=DAILY", "2026-11-18"),
        ("x every day at 9", "FREQ=DAILY", "2026-11-19 09:00"),
        ("x every other day from monday", "FREQ=DAILY;INTERVAL=2", "2026-11-23"),
        ("x every 2 weeks", "FREQ=WEEKLY;INTERVAL=2", "2026-11-18"),
        ("x every week at 9", "FREQ=WEEKLY", "2026-11-25 09:00"),
        ("x every two weeks on friday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-11-20"),
        ("x every monday and thursday", "FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-19"),
        ("x every Thu, mon & sat at 7:15", "FREQ=WEEKLY;BYDAY=MO,TH,SA", "2026-11-19 07:15"),
        ("x every other sunday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "2026-11-22"),
        ("x every weekday at 17:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 17:30"),
        ("x every weekend", "FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-21"),
        ("x every 1st at 9", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01 09:00"),
        ("x every 15th and last day of the month", "FREQ=MONTHLY;BYMONTHDAY=15,-1", "2026-11-30"),
        ("x every month on the 20th", "FREQ=MONTHLY;BYMONTHDAY=20", "2026-11-20"),
        ("x every last friday", "FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27"),
        ("x every 2nd tuesday", "FREQ=MONTHLY;BYDAY=2TU", "2026-12-08"),
        ("x every 3 months on the first monday", "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO", "2026-12-07"),
        ("x every 2nd day", "FREQ=DAILY;INTERVAL=2", "2026-11-18"),
        ("x every year on 24 dec", "FREQ=YEARLY;BYMONTHDAY=24;BYMONTH=12", "2026-12-24"),
        ("x every feb 29", "FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2", "2028-02-29"),
        ("x every year 1 jan", "FREQ=YEARLY", "2027-01-01"),
        ("x every year on monday", "FREQ=YEARLY", "2026-11-23"),
        ("x every 8 hours", "FREQ=HOURLY;INTERVAL=8", "2026-11-19 01:30"),
        ("x every day until 24 dec", "FREQ=DAILY;UNTIL=20261224", "2026-11-18"),
    ],
)
def test_recurrences(text: str, rule: str, due: str) -> None:
    entry = read(text)
    assert (entry.title, entry.recurrence, when(entry)) == ("x", rule, due)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('read "Monday tomorrow" #1', None),
        ("watch \\friday \\#home \\!high \\\\host", "watch friday #home !high \\host"),
        ("buy sun cream", "buy sun cream"),
        ("1 + 1, +49 12, C:\\x, every 31 feb, every 32nd, at 24, 13pm", None),
        ("the 1st chapter of 9 books; every 0 days; in 99 centuries", None),
        ("every day until yesterday", "until yesterday"),
        ("every day until today", "until today"),
        ("a daily  paper,\n\ttwice", "a daily paper, twice"),
        ("x 2026-02-30 31 feb", None),
    ],
)
def test_what_is_not_understood_is_the_title(text: str, title: str | None) -> None:
    assert read(text).title == (text if title is None else title)


def test_all_in_one_line() -> None:
    text = 'pay rent every 1st at 9 #home !high +HOME CHORES, #"money matters" #Straße'
    entry = read(text)
    assert (entry.title, entry.recurrence, when(entry)) == ("pay rent", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01 09:00")
    assert (entry.tags, entry.priority, entry.list_title) == (
        ("home", "money matters", "Straße"),
        "high",
        "home chores",
    )
    assert [(part.kind, text[part.start : part.end]) for part in entry.parts] == [
        ("recurrence", "every 1st"), ("time", "at 9"), ("tag", "#home"), ("priority", "!high"),
        ("list", "+HOME CHORES,"), ("tag", '#"money matters"'), ("tag", "#Straße"),
    ]  # fmt: skip


def test_of_each_kind_the_first_counts() -> None:
    entry = read("!low x tomorrow every day !high friday at 8 at 9 every week +home +straße")
    assert entry.title == "x !high friday at 9 every week +straße"
    assert (entry.priority, when(entry), entry.recurrence) == ("low", "2026-11-19 08:00", "FREQ=DAILY")


SAID = (
    "every every other last next on the until from in at by due 1st 2nd 31st 99th 0 2 31 999 monday mon, sun and & feb"
    " december 2026-12-24 9999-12-31 0001-01-01 9pm 25:61 17:30 noon day days week months years hours #a #1 !high !!"
    ' +home \\ \\at " “ ” \u017fun'
)
WORDS = st.sampled_from(SAID.split())


@given(
    text=st.lists(WORDS | st.text(max_size=8), max_size=14).map(" ".join) | st.text(max_size=60),
    now=st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
)
@example("x every year on 24 dec until 9999-12-31", datetime(9999, 12, 30, tzinfo=UTC))
@settings(max_examples=400, deadline=None)
def test_no_text_fails_and_no_character_is_lost(text: str, now: datetime) -> None:
    entry = parse(text, now=now, zone="America/New_York", lists=LISTS)
    rest, place = "", 0
    for part in entry.parts:
        assert place <= part.start < part.end <= len(text)
        rest += text[place : part.start] + " "
        place = part.end
    words = (rest + text[place:]).split()
    title = entry.title.split()
    assert len(title) == len(words)
    for word, kept in zip(words, title, strict=True):
        assert kept in {word, word.removeprefix("\\")}
    if entry.recurrence is not None:  # a rule that is one, and an occurrence of it that there is
        assert entry.due is not None
        parse_rule(entry.recurrence)


@pytest.mark.parametrize("text", ['"' * 2000, "\\" * 2000, "every " * 333, "+h " * 666, "mon, " * 400, "on the " * 285])
def test_a_hostile_line_takes_no_time(text: str) -> None:
    began = perf_counter()
    read(text)
    assert perf_counter() - began < 1


def test_the_recurrence_comes_again() -> None:
    entry = read("x every 2 weeks on monday and friday at 9")
    assert entry.due is not None
    following = next_occurrence(parse_rule(entry.recurrence or ""), entry.due)
    assert following is not None
    assert [entry.due.day.isoformat(), following.day.isoformat()] == ["2026-11-20", "2026-11-30"]


@pytest.mark.anyio
@pytest.mark.usefixtures("whole")
async def test_a_line_becomes_a_task(ana: Any, ben: Any, make: Make, make_list: Make) -> None:
    home, bens = await make_list(ana, "Home"), await make_list(ben, "bens")
    line = "pay rent every 1st at 9 #home !high +home +bens"
    seen = await ana.post("/api/tasks/quick/preview", json={"text": line, "time_zone": "Asia/Tokyo"})
    assert seen.status_code == 200, seen.text
    shown = seen.json()
    assert (shown["title"], shown["list_id"], shown["list_title"]) == ("pay rent +bens", home["id"], "Home")
    assert shown["parts"][-1] == {"kind": "list", "start": 36, "end": 41, "text": "+home"}
    assert (await ana.get("/api/tasks")).json()["items"] == []
    key = {"Idempotency-Key": "rent"}
    sent = {"text": line, "time_zone": "Asia/Tokyo"}
    made, again = [await ana.post("/api/tasks/quick", json=sent, headers=key) for _ in range(2)]
    assert (made.status_code, again.headers["idempotent-replayed"]) == (201, "true"), made.text
    task = made.json()
    assert made.headers["location"] == f"/api/tasks/{task['id']}"
    assert {name: task[name] for name in ("title", "due", "recurrence", "tags", "priority", "list_id")} == {
        name: shown[name] for name in ("title", "due", "recurrence", "tags", "priority", "list_id")
    }
    assert task["due"]["time_zone"] == "Asia/Tokyo"
    assert (await ana.get("/api/tasks")).json()["items"] == [task]
    sub = await ana.post("/api/tasks/quick", json={"text": "ask tomorrow +home", "parent_id": task["id"]})
    assert (sub.json()["title"], sub.json()["parent_id"]) == ("ask +home", task["id"])
    plain = await ana.post("/api/tasks/quick", json={"text": "x", "list_id": home["id"]})
    assert plain.json()["list_id"] == home["id"]
    for body, status, problem in (
        ({"text": "tomorrow"}, 422, "nothing-to-do"),
        ({"text": "a\u0000b"}, 422, "validation-failed"),
        ({"text": "x" * 501}, 422, "validation-failed"),
        ({"text": "x", "list_id": bens["id"]}, 404, "place-not-found"),
        ({"text": "x", "time_zone": "Mars/Base"}, 422, "validation-failed"),
    ):
        answer = await ana.post("/api/tasks/quick", json=body)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text


@pytest.mark.anyio
async def test_a_line_that_was_written_without_a_connection_means_its_own_tomorrow(ana: Any) -> None:
    now = datetime.now(UTC)
    for written_at, day in (
        (now - timedelta(days=3), now - timedelta(days=2)),
        (now + timedelta(days=400), now + timedelta(days=1)),  # by a clock that is ahead
        (datetime(1990, 1, 1, tzinfo=UTC), now - timedelta(days=365)),  # by one that was never set
    ):
        body = {"text": "x tomorrow", "written_at": written_at.isoformat(), "time_zone": "UTC"}
        answer = await ana.post("/api/tasks/quick", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["due"]["date"] == day.date().isoformat()
    wrong = await ana.post("/api/tasks/quick", json={"text": "x", "written_at": "2026-11-20T10:00"})
    assert wrong.status_code == 422, "a moment without a zone is none"
