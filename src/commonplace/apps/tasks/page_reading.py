"""Reads what a page of tasks shows: its tasks under their headings, the lists beside them, the details of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final, Self
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.apps.tasks import page_queries
from commonplace.apps.tasks.detail import REMINDERS, RULES, Detail, read_detail
from commonplace.apps.tasks.errors import TaskFilterNotFound, TaskListNotFound
from commonplace.apps.tasks.filters import PRIORITIES, Filter
from commonplace.apps.tasks.listing import conditions_of
from commonplace.apps.tasks.months import Month, month_named
from commonplace.apps.tasks.shown import LEVELS, ORDERS, STATUSES, Group, ShownTask, by_day, in_groups
from commonplace.apps.tasks.times import in_utc
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.events import log
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.people import People
from commonplace.platform.pages import formats
from commonplace.platform.pages.viewer import Viewer
from commonplace.platform.pages.weeks import first_weekday
from commonplace.platform.parts import Parts

MOST_LISTS: Final = 500
_PAGE: Final = 100  #: open tasks that are shown at first, and that each «show more» adds
_MOST: Final = 2000
_MOST_ENDED: Final = 30
_MOST_IN_MONTH: Final = 1000
_LONGEST: Final = 200
_ORDER_OF_SORT: Final = {"due": "date", "start": "date", "order": "order", "priority": "priority", "title": "title"}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which page it is."""

    key: str  #: `today`, `upcoming`, `all`, `list`, `filter`, `board`, `calendar`
    list_id: UUID | None = None
    filter_id: UUID | None = None
    month: str = ""

    @property
    def path(self) -> str:
        """The address of the page, without what was wished for."""
        match self.key:
            case "today" | "filter":
                return "/app/tasks"
            case "list":
                return f"/app/tasks/list/{self.list_id}"
            case _:
                return f"/app/tasks/{self.key}"

    @property
    def parameters(self) -> dict[str, str]:
        """What of the address stands behind the question mark."""
        given = {"filter": self.filter_id, "month": self.month or None}
        if self.key != "list":
            given["list"] = self.list_id
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the person wants to see it: what is unknown counts as not said."""

    order: str = "date"
    q: str = ""
    tag: str = ""
    priority: str = ""
    status: str = ""
    most: int = _PAGE
    has_history: bool = False
    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Self:
        """Out of the parameters of a request."""
        most = asked.get("most", "")
        text = {name: asked.get(name, "").replace("\0", "").strip()[:_LONGEST] for name in ("q", "tag")}
        known = {
            name: asked.get(name, "") if asked.get(name) in words else ""
            for name, words in (("order", ORDERS), ("priority", PRIORITIES), ("status", STATUSES))
        }
        given = {name: value for name, value in (text | known).items() if value}
        return cls(
            order=known["order"] or "date",
            q=text["q"],
            tag=text["tag"],
            priority=known["priority"],
            status=known["status"],
            most=min(_MOST, max(_PAGE, int(most))) if most.isascii() and most.isdigit() and len(most) < 6 else _PAGE,  # noqa: PLR2004
            has_history=asked.get("history") == "yes",
            given=given,
        )

    @property
    def narrows(self) -> bool:
        """Whether something is left out by them."""
        return bool(self.q or self.tag or self.priority or self.status)

    @property
    def query(self) -> Filter:
        """The same as a filter."""
        named = {"q": self.q, "tag": self.tag, "priority": self.priority, "status": self.status}
        return Filter(**{name: value for name, value in named.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What stands beside the tasks."""

    lists: Sequence[Row]
    filters: Sequence[Row]
    today_count: int
    owners: Mapping[UUID, str]  #: names of those who share lists with the viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The tasks of a page."""

    groups: Sequence[Group] = ()
    ended: Sequence[ShownTask] = ()
    open_count: int = 0
    has_more: bool = False
    month: Month | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks, and for when."""

    person_id: UUID
    zone: ZoneInfo
    today: date

    @property
    def parameters(self) -> dict[str, Any]:
        return {"person_id": self.person_id, "zone": self.zone.key}

    async def tasks(
        self, session: ReadSession, conditions: Mapping[str, Any], order: str, limit: int, reach: str = "all"
    ) -> list[ShownTask]:
        """The first tasks for which the conditions hold."""
        given = {name: value for name, value in conditions.items() if value is not ...}
        statement = page_queries.tasks_shown(tuple(conditions), order, reach)
        rows = await session.all(statement, **self.parameters, **given, limit=limit)
        return [ShownTask.of(row, self.zone, self.today) for row in rows]


async def read(parts: Parts, viewer: Viewer, view: View, wishes: Wishes, task_id: UUID | None) -> dict[str, Any]:
    """What the template needs, beside the viewer.

    Raises:
        TaskListNotFound, TaskFilterNotFound: it is a list's or a filter's page, and there is none.
    """
    now = datetime.fromtimestamp(parts[Clock].time() if Clock in parts else Clock().time(), UTC)
    asked = _Asked(viewer.caller.person_id, viewer.zone, now.astimezone(viewer.zone).date())
    async with parts[Database].reading() as session:
        cursor = await log.now(session)  # before the tasks: what changes meanwhile is told again, nothing is missed
        lists = await session.all(page_queries.LISTS, person_id=asked.person_id, limit=MOST_LISTS)
        saved = await session.all(page_queries.FILTERS, person_id=asked.person_id, limit=MOST_LISTS)
        today_count = await session.scalar(
            page_queries.FOR_TODAY, **asked.parameters, for_day=asked.today, limit=page_queries.MOST_COUNTED + 1
        )
        shown_list = _one(lists, view.list_id, TaskListNotFound)
        shown_filter = _one(saved, view.filter_id, TaskFilterNotFound)
        found = await _found(session, asked, view, wishes, shown_filter, viewer.person.language)
        detail = None
        if task_id is not None:
            detail = await read_detail(session, viewer, task_id, asked.today, has_history=wishes.has_history)
        tags = await session.all(page_queries.TAGS, person_id=asked.person_id)
    ids = {row.owner_id for row in lists if not row.is_own} | (detail.people if detail is not None else set())
    known = await parts[People].people(ids) if ids else {}
    names = {person_id: person.name for person_id, person in known.items()}
    return {
        "cursor": cursor,
        "view": view,
        "wishes": wishes,
        "side": Side(lists=lists, filters=saved, today_count=today_count, owners=names),
        "shown_list": shown_list,
        "shown_filter": shown_filter,
        "found": found,
        "detail": detail,
        "tags": [row.tag for row in tags],
        "today": asked.today,
        "now": now,
        "address": _Address(view, wishes, detail),
        "day": formats.day,
        "orders": ORDERS,
        "statuses": STATUSES,
        "levels": LEVELS,
        "rules": RULES,
        "reminders": REMINDERS,
    }


class _Address:
    """Makes the addresses of links that lead to the same page, seen otherwise."""

    def __init__(self, view: View, wishes: Wishes, detail: Detail | None) -> None:
        self._path = view.path
        self._given = view.parameters | dict(wishes.given)
        self._task = {} if detail is None else {"task": str(detail.task.id)}
        self._most = {"most": str(wishes.most)} if wishes.most > _PAGE else {}

    def __call__(self, **changes: Any) -> str:
        """The present address with other parameters; an empty one is left out."""
        given = self._given | self._most | self._task | {name: str(value) for name, value in changes.items()}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{self._path}?{query}" if query else self._path


def _one(rows: Sequence[Row], wanted: UUID | None, refusal: type[Exception]) -> Row | None:
    if wanted is None:
        return None
    for row in rows:
        if row.id == wanted:
            return row
    raise refusal


async def _found(
    session: ReadSession, asked: _Asked, view: View, wishes: Wishes, saved: Row | None, language: str
) -> Found:
    base: dict[str, Any] = conditions_of(wishes.query)
    order, reach = wishes.order, "all"
    if view.list_id is not None:
        base["list_id"] = view.list_id
    if saved is not None:
        kept = Filter.model_validate(saved.query)
        base = conditions_of(kept) | base
        reach = "all" if kept.is_mine is None else "own" if kept.is_mine else "shared"
        if kept.sort is not None and "order" not in wishes.given:
            order = _ORDER_OF_SORT.get(kept.sort.removeprefix("-"), "created")
    elif not wishes.narrows and view.key in {"all", "list", "board"}:
        base["stands_alone"] = ...
    match view.key:
        case "calendar":
            month = month_named(view.month, asked.today, first_weekday(language))
            within = base | {"first_day": month.first, "last_day": month.last}
            tasks = await asked.tasks(session, within, "date", _MOST_IN_MONTH)
            return Found(month=month.with_tasks(tasks), open_count=sum(not task.is_ended for task in tasks))
        case "board":
            return await _columns(session, asked, base, wishes)
        case "upcoming":
            tasks = await asked.tasks(
                session, base | {"is_open": ..., "after_day": asked.today}, "date", wishes.most + 1
            )
            shown = tasks[: wishes.most]
            return Found(groups=by_day(shown, asked.today), open_count=len(shown), has_more=len(tasks) > wishes.most)
        case "today":
            wanted = base | {"is_open": ..., "for_day": asked.today}
            midnight = in_utc(datetime.combine(asked.today, time(), asked.zone))
            ended = base | {"is_ended": ..., "ended_since": midnight}
            return await _open_and_ended(session, asked, wanted, ended, order, wishes.most, reach)
        case _ if "status" in base:
            tasks = await asked.tasks(session, base, order, wishes.most + 1, reach)
            shown = tasks[: wishes.most]
            is_open = [task for task in shown if not task.is_ended]
            return Found(
                groups=in_groups(is_open, order, asked.today),
                ended=[task for task in shown if task.is_ended],
                open_count=len(is_open),
                has_more=len(tasks) > wishes.most,
            )
        case _:
            return await _open_and_ended(
                session, asked, base | {"is_open": ...}, base | {"is_ended": ...}, order, wishes.most, reach
            )


async def _open_and_ended(  # noqa: PLR0917 - called by name only
    session: ReadSession,
    asked: _Asked,
    wanted: Mapping[str, Any],
    ended: Mapping[str, Any],
    order: str,
    most: int,
    reach: str,
) -> Found:
    tasks = await asked.tasks(session, wanted, order, most + 1, reach)
    return Found(
        groups=in_groups(tasks[:most], order, asked.today),
        ended=await asked.tasks(session, ended, "ended", _MOST_ENDED, reach),
        open_count=min(len(tasks), most),
        has_more=len(tasks) > most,
    )


async def _columns(session: ReadSession, asked: _Asked, base: Mapping[str, Any], wishes: Wishes) -> Found:
    groups = []
    has_more = False
    count = 0
    for status, title in STATUSES.items():
        is_ended = status in {"done", "cancelled"}
        limit = _MOST_ENDED if is_ended else wishes.most
        order = "ended" if is_ended else "order"
        tasks = await asked.tasks(session, {**base, "status": [status]}, order, limit + 1)
        has_more = has_more or (not is_ended and len(tasks) > limit)
        count += 0 if is_ended else min(len(tasks), limit)
        groups.append(Group(key=status, title=title, tasks=tasks[:limit]))
    return Found(groups=groups, open_count=count, has_more=has_more)
