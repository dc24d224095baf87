"""Import and export: what others write comes in, what cannot be read is told, nothing comes half, and nothing twice."""

import asyncio
import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import icalendar
import pytest

from commonplace.apps.tasks.errors import UnreadableImport
from commonplace.apps.tasks.exchange import entries, microsoft, todo_txt, todoist, vikunja, vtodo
from commonplace.apps.tasks.exchange.entries import Entry, Findings
from tests.apps.tasks.conftest import Make, Told

HERE = Path(__file__).with_name("exchange")  #: files as these programs write them
ZONE = "Europe/Vienna"
FORMATS = {
    "icalendar": ("nextcloud.ics", vtodo.read),
    "todo_txt": ("todo.txt", todo_txt.read),
    "todoist": ("todoist.csv", todoist.read),
    "microsoft_to_do": ("microsoft.json", microsoft.read),
    "vikunja": ("vikunja.json", vikunja.read),
}


def by_title(findings: Findings) -> dict[str, Entry]:
    return {entry.title: entry for entry in findings.entries}


def said(when: Any) -> str:
    return "" if when is None else f"{when.day}" + (f" {when.clock:%H:%M} {when.zone}" if when.clock else "")


def troubles(findings: Findings) -> list[tuple[Any, str, bool]]:
    return [(one.where.line or one.where.path, one.what, one.is_whole) for one in findings.troubles]


def sample(name: str) -> bytes:
    return (HERE / name).read_bytes()


def test_icalendar() -> None:
    found = vtodo.read(sample("nextcloud.ics"), zone=ZONE)
    tasks = by_title(found)
    rent = tasks["Pay the rent, by transfer"]
    assert (said(rent.due), said(rent.start)) == ("2026-12-01 09:00 Europe/Vienna", "2026-11-30 08:00 Europe/Vienna")
    assert (rent.priority, rent.status, list(rent.tags)) == ("high", "in_progress", ["home", "money; matters"])
    assert (rent.recurrence, rent.notes) == ("FREQ=MONTHLY;BYMONTHDAY=1", "To *whom*\nthe landlord")
    assert rent.reminders == [{"minutes_before": 30, "of": "due"}, {"at": "2026-11-30T17:00:00.000000Z"}]
    assert said(tasks["whole day"].due) == "2026-12-24"
    assert said(tasks["from Outlook"].due) == "2026-06-14 09:00 Europe/Berlin"
    assert said(tasks["in UTC"].due) == "2026-06-14 07:00 UTC"
    assert said(tasks["floating"].due) == "2026-06-14 07:00 Europe/Vienna"
    assert (tasks["done"].status, tasks["done"].completed_at is not None) == ("done", True)
    assert tasks["sub"].parent_uid == rent.uid
    assert troubles(found) == [
        (57, "SUMMARY:broken", True),
        (63, "GEO", False),
        (63, "FREQ=NEVER", False),
        (71, "SUMMARY:no end", True),
    ]


def test_todo_txt() -> None:
    found = todo_txt.read(sample("todo.txt"), zone=ZONE)
    tasks = by_title(found)
    call = tasks["Call the dentist"]
    assert (call.priority, call.list_title, list(call.tags), said(call.due)) == (
        "high", "Health", ["phone", "calls"], "2026-06-14",
    )  # fmt: skip
    assert (tasks["Water plants"].recurrence, said(tasks["Water plants"].start)) == (
        "FREQ=DAILY;INTERVAL=3",
        "2026-06-01",
    )
    done = tasks["Pay the rent"]
    assert (done.status, done.priority, str(done.completed_at)[:10]) == ("done", "high", "2026-06-14")
    assert tasks["see http://example.org/x:y and note:this"].due is None
    assert tasks["sub"].parent_uid == "7f"
    assert said(tasks["at nine"].due) == "2026-06-14 09:00 Asia/Tokyo"
    assert [uid[:2] for uid in (entry.uid for entry in found.entries if entry.title == "twice")] == ["1:", "2:"]
    assert [(line, is_whole) for line, _, is_whole in troubles(found)] == [(8, False), (12, True)]


def test_todoist() -> None:
    found = todoist.read(sample("todoist.csv"), zone=ZONE)
    tasks = by_title(found)
    accountant = tasks["Call the accountant"]
    assert (list(accountant.tags), accountant.priority) == (["phone"], "high")
    assert accountant.notes == "Ask about the VAT deadline\n\nThe number is on the fridge"
    assert tasks["Water the plants"].recurrence == "FREQ=DAILY;INTERVAL=3"
    assert tasks["Subtask"].parent_uid == tasks["Water the plants"].uid
    assert said(tasks["Check, with Berlin"].due) == "2026-08-13 18:30 US/Central"
    assert (tasks["Later thing"].list_title, said(tasks["Later thing"].due)) == ("Later", "2026-12-24")
    assert tasks["Later thing"].parent_uid is None
    assert [(place, what) for place, what, _ in troubles(found)] == [
        (9, "Bob (200)"),
        (10, "jeden Montag"),
        (11, "habit,x"),
    ]


def test_microsoft() -> None:
    found = microsoft.read(sample("microsoft.json"), zone=ZONE)
    tasks = by_title(found)
    rent = tasks["Pay the rent"]
    # Midnight in Vienna, told in UTC, is the day in Vienna.
    assert (said(rent.due), rent.priority, list(rent.tags), rent.list_title) == (
        "2026-12-01",
        "high",
        ["Red"],
        "Household",
    )
    assert rent.notes == "To the landlord\n\n- by transfer"
    assert rent.recurrence == "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"
    assert rent.reminders == [{"at": "2026-12-01T08:00:00.000000Z"}]
    assert (tasks["Find the IBAN"].status, tasks["Find the IBAN"].parent_uid) == ("done", rent.uid)
    assert said(tasks["In Tokyo"].due) == "2026-12-02"
    assert tasks["Last Friday"].recurrence == "FREQ=MONTHLY;UNTIL=20271231;BYSETPOS=-1;BYDAY=FR"
    lists = json.loads(sample("microsoft.json"))
    for other in ({"value": lists}, lists[0], {"list": {"displayName": "Household"}, "tasks": lists[0]["tasks"]}):
        assert microsoft.read(json.dumps(other).encode(), zone=ZONE).entries[0].list_title == "Household"
    graph = microsoft.read(json.dumps({"value": lists[0]["tasks"]}).encode(), zone=ZONE)
    assert [entry.uid for entry in graph.entries] == [entry.uid for entry in found.entries][: len(graph.entries)]
    rows = (
        b"Type,ID,Title,Status,Note,Due Date\nlist,L1,Home,,,\n"
        b'task,T1,Rent,completed,"a\nb",2026-11-30 23:00:00 +0000 UTC\ntask,T2,a,b,c,d,e,f\n'
    )
    table = microsoft.read(rows, zone=ZONE)
    assert [(one.uid, one.status, one.notes, said(one.due), one.list_title) for one in table.entries] == [
        ("T1", "done", "a\nb", "2026-12-01", "Home")
    ]
    assert troubles(table) == [(5, "a", True)]


def test_vikunja() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", sample("vikunja.json"))
        archive.writestr("VERSION", "v1.0.0")
    found = vikunja.read(packed.getvalue(), zone=ZONE)
    tasks = by_title(found)
    rent = tasks["Pay the rent"]
    assert (said(rent.due), rent.start, rent.priority, list(rent.tags)) == (
        "2026-12-01 09:00 Europe/Vienna",
        None,
        "high",
        ["home"],
    )
    assert rent.notes == "To the landlord\n\nby transfer\n\n— Ben: done?"
    assert (rent.recurrence, rent.list_title) == ("FREQ=WEEKLY;INTERVAL=2", "Household")
    assert rent.reminders == [{"minutes_before": 60, "of": "due"}, {"at": "2026-11-30T17:00:00.000000Z"}]
    assert (tasks["sub"].parent_uid, tasks["sub"].list_title) == (rent.uid, "Inner")
    assert (tasks["done"].status, str(tasks["done"].completed_at)) == ("done", "2026-06-14 07:00:00+00:00")
    assert troubles(found) == [("$[0].tasks[0]", "Pay the rent: attachments", False)]


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", b"[" + b" " * (entries.LONGEST_FILE + 10) + b"]")
    return packed.getvalue()


def todo(lines: bytes) -> bytes:
    return b"BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nSUMMARY:x\n" + lines + b"\nEND:VTODO\nEND:VCALENDAR\n"


TWELVE = b'{"tasks": [{"title": "x", "dueDateTime": {"dateTime": "9999-12-31T23:59:59", "timeZone": "UTC"}}]}'
HOSTILE: list[tuple[str, bytes]] = [
    ("icalendar", b""),
    ("icalendar", b"hello"),
    ("icalendar", b"BEGIN:VCALENDAR\n\xff\xfe"),
    ("icalendar", b"BEGIN:VCALENDAR\n" + b"BEGIN:VTODO\n" * 20_000),
    ("icalendar", todo(b"RRULE:FREQ=SECONDLY;COUNT=1000000000\n" * 1500)),
    ("icalendar", todo(b"SUMMARY:" + b"x" * 2_000_000)),
    ("icalendar", todo(b"BEGIN:VALARM\n" * 1900)),
    ("icalendar", todo(b"DUE:99999999T999999")),
    ("icalendar", todo(b"DUE:00010101T000000Z\nDTSTART:99991231T235959Z")),
    ("icalendar", todo(b"BEGIN:VALARM\nTRIGGER:-P999999999W\nEND:VALARM")),
    ("todo_txt", b"\x00\xff\xfe"),
    ("todo_txt", b"x" * 5_000_000),
    ("todo_txt", b"a\n" * 6000),
    ("todo_txt", b"(A) " * 2000),
    ("todo_txt", "due:2026-02-30 x rec:0d".encode("utf-16")),
    ("todoist", b"a,b\n"),
    ("todoist", b'TYPE,CONTENT\ntask,"open'),
    ("todoist", b"TYPE,CONTENT\ntask," + b"x" * 500_000),
    ("todoist", b"TYPE,CONTENT,INDENT,DATE,TIMEZONE\ntask,x,99999999999999999999,0001-01-01T00:00:00+14:00,UTC\n"),
    ("todoist", b"TYPE,CONTENT,INDENT,DATE\n" + b"".join(b"task,x,%d,every 1st\n" % n for n in range(1, 200))),
    ("microsoft_to_do", b"[" * 100_000),
    ("microsoft_to_do", b"{}"),
    ("microsoft_to_do", b'[1, null, {"tasks": 7}]'),
    ("microsoft_to_do", b'{"value": [{"title": ["x"]}, {"title": "\\ud800", "dueDateTime": {"dateTime": "9"}}]}'),
    ("microsoft_to_do", TWELVE),
    ("vikunja", b"PK\x03\x04"),
    ("vikunja", bomb()),
    ("vikunja", b"{}"),
    ("vikunja", b'[{"tasks": [{"title": "x", "priority": -9}]}]'),
]


@pytest.mark.parametrize(("name", "content"), HOSTILE)
def test_what_is_hostile_is_refused_or_reported_in_good_time(name: str, content: bytes) -> None:
    began, found = perf_counter(), Findings()
    with suppress(UnreadableImport):  # any other error is a defect
        found = FORMATS[name][1](content, zone="America/New_York")
    assert all(len(entry.title) <= 500 and "\0" not in entry.title for entry in found.entries)
    assert perf_counter() - began < 5


@pytest.mark.anyio
@pytest.mark.usefixtures("whole")
class TestImporting:
    @pytest.mark.parametrize("name", FORMATS)
    async def test_all_or_nothing_and_never_twice(self, name: str, ana: Any, ben: Any, told: Told) -> None:
        url, content = f"/api/tasks/import?format={name}", sample(FORMATS[name][0])
        dry = (await ana.post(f"{url}&dry_run=true", content=content)).json()
        assert (dry["is_dry_run"], dry["created"] > 3, await told()) == (True, True, [])
        if dry["unreadable"]:
            refused = await ana.post(url, content=content)
            assert (refused.status_code, refused.json()["type"]) == (422, "/problems/import-refused")
            assert refused.json()["troubles"] == dry["troubles"]
            assert await told() == []
            url += "&unreadable=skip"
        done = (await ana.post(url, content=content)).json()
        assert done == {**dry, "is_dry_run": False}
        tasks = (await ana.get("/tasks")).json()["items"]
        assert len(tasks) == done["created"]
        changed = (await ana.patch(f"/tasks/{tasks[0]['id']}", json={"title": "mine now"})).json()
        parents = {task["parent_id"] for task in tasks}
        leaf = next(task for task in tasks[1:] if task["id"] not in parents)
        await ana.delete(f"/tasks/{leaf['id']}")
        again = (await ana.post(url, content=content)).json()
        assert (again["created"], again["present"], again["lists_created"]) == (0, done["created"], 0)
        assert (await ana.get(f"/tasks/{tasks[0]['id']}")).json() == changed
        assert len((await ana.get("/tasks")).json()["items"]) == len(tasks) - 1
        others = (await ben.post(url, content=content)).json()
        assert others["created"] == done["created"]  # to each their own
        titles = {task["title"]: task for task in tasks}
        if "sub" in titles and name != "todo_txt":
            assert titles["sub"]["parent_id"] is not None

    async def test_two_at_once_make_one(self, ana: Any, make_list: Make) -> None:
        home = await make_list(ana)
        url = f"/api/tasks/import?format=todo_txt&list_id={home['id']}"
        answers = await asyncio.gather(*(ana.post(url, content=b"a +x\nb p:nobody\n") for _ in range(4)))
        assert sorted(answer.json()["created"] for answer in answers) == [0, 0, 0, 2]
        assert {task["list_id"] for task in (await ana.get("/tasks")).json()["items"]} == {home["id"]}

    async def test_what_is_refused(self, ana: Any, ben: Any, nobody: Any, make_list: Make, told: Told) -> None:
        bens = await make_list(ben)
        before = await told()
        for query, content, status, problem in (
            ("format=todo_txt", b"x" * (entries.LONGEST_FILE + 1), 413, "import-too-large"),
            ("format=icalendar", b"nothing", 422, "unreadable-import"),
            ("format=excel", b"", 422, "validation-failed"),
            (f"format=todo_txt&list_id={bens['id']}", b"a", 404, "place-not-found"),
        ):
            answer = await ana.post(f"/api/tasks/import?{query}", content=content)
            assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text
        assert (await nobody.post("/api/tasks/import?format=todo_txt", content=b"a")).status_code == 401
        assert (await ana.get(f"/api/tasks/export?format=icalendar&list_id={bens['id']}")).status_code == 404
        assert await told() == before

    async def test_rings_and_depths_come_apart(self, ana: Any) -> None:
        chain = "\n".join(f"t{n} id:{n} p:{n - 1}" for n in range(1, 15)).encode()
        report = (
            await ana.post("/api/tasks/import?format=todo_txt", content=chain + b"\na id:a p:b\nb id:b p:a")
        ).json()
        assert (report["created"], len(report["troubles"])) == (16, 6)


FIELDS = (
    "title", "notes", "status", "priority", "start", "start_at", "due", "due_at", "tags", "order", "recurrence",
    "reminders", "completed_at",
)  # fmt: skip


@pytest.mark.anyio
@pytest.mark.usefixtures("whole")
async def test_out_and_in_again_is_the_same(ana: Any, ben: Any, make: Make, make_list: Make) -> None:
    home = await make_list(ana, "Home; and, garden")
    vienna = {"time": "09:00:00", "time_zone": ZONE}
    full = await make(
        ana, "Pay, the rent; now\\n ü", list_id=home["id"], notes="# To *whom*\n\n- the; landlord, \\n",
        priority="high", status="in_progress", tags=["home", "money; matters"], order=7,
        start={"date": "2026-06-01", **vienna}, due={"date": "2026-06-14", **vienna},
        recurrence="FREQ=MONTHLY;UNTIL=20301231T225959Z;BYDAY=1MO,-1FR",
        reminders=[
            {"minutes_before": 30, "of": "due"}, {"minutes_before": 0, "of": "start"},
            {"at": "2026-06-13T08:00:00.123456Z"},
        ],
    )  # fmt: skip
    await make(ana, "sub", parent_id=full["id"], start={"date": "2026-06-01"}, due={"date": "2026-06-02", **vienna})
    await make(
        ana, "old", status="done", priority="low", due={"date": "2026-01-31", "time": "23:59:00", "time_zone": "UTC"}
    )
    await make(
        ana, "day", due={"date": "2026-06-30"}, start={"date": "2026-06-29"}, status="cancelled", priority="medium"
    )
    answer = await ana.get("/api/tasks/export?format=icalendar")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert (len(calendar.todos), len(calendar.timezones)) == (4, 1)
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))

    report = (await ben.post("/api/tasks/import?format=icalendar", content=answer.content)).json()
    assert (report["created"], report["troubles"], report["lists_created"]) == (4, [], 1)
    mine, bens = [{task["title"]: task for task in (await who.get("/tasks")).json()["items"]} for who in (ana, ben)]
    for title, task in mine.items():
        for name in FIELDS:
            expected = task[name]
            if name == "reminders":  # a moment of iCalendar is of whole seconds
                expected = json.loads(json.dumps(expected).replace(".123456Z", ".000000Z"))
            if name == "completed_at" and expected:
                expected = expected[:19] + ".000000Z"
            assert bens[title][name] == expected, (title, name)
    assert bens["sub"]["parent_id"] == bens[full["title"]]["id"]
    (list_,) = (await ben.get("/api/task-lists")).json()["items"]
    assert (list_["title"], bens[full["title"]]["list_id"]) == (home["title"], list_["id"])
    # At home they are known again, by either format.
    for format_ in ("icalendar", "todo_txt"):
        exported = (await ana.get(f"/api/tasks/export?format={format_}")).content
        report = (await ana.post(f"/api/tasks/import?format={format_}", content=exported)).json()
        assert (report["created"], report["present"], report["troubles"]) == (0, 4, []), report
    text = (await ben.get(f"/api/tasks/export?format=todo_txt&list_id={list_['id']}")).text
    assert (
        " +Home;_and,_garden @home @money;_matters due:2026-06-14T09:00:00 t:2026-06-01T09:00:00 tz:Europe/Vienna"
        in text
    )
    assert len(text.splitlines()) == 2
