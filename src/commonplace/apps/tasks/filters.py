"""What `GET /api/tasks` can be asked for: one class for the query of a request and for saved filters.

Several values stand in one parameter, divided by commas. A day compares with the day that was said, wherever that is; a
time with the instant.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from commonplace.apps.tasks.times import in_utc
from commonplace.platform.http.moments import Instant

PRIORITIES: Final = ("none", "low", "medium", "high")
_STATUSES: Final = "(open|in_progress|done|cancelled)"
_LEVELS: Final = "(none|low|medium|high)"
_GREATEST: Final = 2**53 - 1
_instant: Final[TypeAdapter[datetime]] = TypeAdapter(Instant)


def moment_of(text: str) -> date | datetime:
    """The day or the instant that a parameter names.

    Raises:
        ValueError: it names none.
    """
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(text)
    return in_utc(_instant.validate_strings(text))


def _checked_moment(text: str) -> str:
    moment_of(text)
    return text


def _instant_schema(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
    schema.pop("type", None)


DayOrTime = Annotated[str, AfterValidator(_checked_moment), Field(json_schema_extra=_instant_schema)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\u0000]*$")]
Whole = Annotated[int, Field(strict=True, ge=-_GREATEST, le=_GREATEST)]
Yes = Annotated[bool, Field(strict=True)]
Place = UUID | Literal["none"]
Sort = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "completed_at", "-completed_at",
    "title", "-title", "notes", "-notes", "status", "-status", "priority", "-priority",
    "start", "-start", "due", "-due", "tags", "-tags", "list_id", "-list_id", "parent_id", "-parent_id",
    "order", "-order", "recurrence", "-recurrence", "reminders", "-reminders", "attachments", "-attachments",
]  # fmt: skip


class Filter(BaseModel):
    """Which tasks; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Text | None, Field(description="Words, or their beginnings, that stand in title or notes.")] = None
    title: Annotated[Text | None, Field(description="What the title has in it, in any case.")] = None
    notes: Annotated[Text | None, Field(description="What the notes have in them, in any case.")] = None
    status: Annotated[
        str | None, Field(pattern=f"^{_STATUSES}(,{_STATUSES})*$", description="One of these, with commas between.")
    ] = None
    priority: Annotated[
        str | None, Field(pattern=f"^{_LEVELS}(,{_LEVELS})*$", description="One of these, with commas between.")
    ] = None
    tag: Annotated[Text | None, Field(description="All of these tags, with commas between.")] = None
    list_id: Annotated[
        Place | None, Field(description="In this list, with all subtasks; `none`: directly in no list and no task.")
    ] = None
    parent_id: Annotated[Place | None, Field(description="Direct subtasks of this task; `none`: no subtasks.")] = None
    start_from: DayOrTime | None = None
    start_before: DayOrTime | None = None
    has_start: Yes | None = None
    due_from: DayOrTime | None = None
    due_before: DayOrTime | None = None
    has_due: Yes | None = None
    order_from: Whole | None = None
    order_before: Whole | None = None
    is_recurring: Yes | None = None
    recurrence: Annotated[Text | None, Field(description="What the rule has in it, such as FREQ=WEEKLY.")] = None
    has_reminders: Yes | None = None
    has_attachments: Yes | None = None
    attachment_id: Annotated[UUID | None, Field(description="This file is attached.")] = None
    is_mine: Annotated[Yes | None, Field(description="Whether it belongs to the caller, and is not only shared.")] = (
        None
    )
    created_from: DayOrTime | None = None
    created_before: DayOrTime | None = None
    updated_from: DayOrTime | None = None
    updated_before: DayOrTime | None = None
    completed_from: DayOrTime | None = None
    completed_before: DayOrTime | None = None
    sort: Annotated[
        Sort | None,
        Field(description="With - before it, backwards; what has no value comes last. Left out: `created_at`."),
    ] = None

    def given(self) -> dict[str, Any]:
        """What is asked for, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True)


class TaskQuery(Filter):
    """The parameters of `GET /api/tasks`."""

    filter_id: Annotated[
        UUID | None, Field(description="A saved filter; what is given beside it goes before what is saved.")
    ] = None
    limit: Annotated[int | None, Field(ge=1, le=200, description="Left out: all of them, in one answer.")] = None
    after: Annotated[str | None, Field(description="`next` of the page before.")] = None


async def task_query(request: Request) -> TaskQuery:
    """The parameters of a request.

    Raises:
        RequestValidationError: one is unknown or wrong.
    """
    given = dict(request.query_params)
    if not given:
        return TaskQuery()
    try:
        return TaskQuery.model_validate_strings(given)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_url=False)]
        ) from error


def documented_query() -> list[dict[str, Any]]:
    """The parameters as OpenAPI has them."""
    properties = TaskQuery.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            **({"description": schema["description"]} if "description" in schema else {}),
            "schema": _without_null(schema),
        }
        for name, schema in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default", "description", "title"}}
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return {**kept, **choices[0]} if len(choices) == 1 else {**kept, "anyOf": choices} if choices else kept
