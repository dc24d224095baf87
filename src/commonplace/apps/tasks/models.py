"""The tables of tasks.

Of a task its item says the title, the version and what it lies in (a list, or another task); here stands the rest.
`search` is derived: the database keeps it itself, so that every way of writing a task is found by its words.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlmodel import BigInteger, Field, SQLModel

from commonplace.platform.history.kind import Kind

_SCHEMA = {"schema": "tasks"}


class Task(SQLModel, table=True):
    """A task. `start` and `due` are as they were said; `start_at` and `due_at` are what they are sorted by."""

    __tablename__: ClassVar[Any] = "task"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'in_progress', 'done', 'cancelled')", name="task_status"),
        CheckConstraint("priority BETWEEN 0 AND 3", name="task_priority"),
        CheckConstraint("(due IS NULL) = (due_at IS NULL) AND (start IS NULL) = (start_at IS NULL)", name="task_dates"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    is_subtask: bool  #: whether the parent is a task; otherwise it is a list
    notes: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    priority: int = Field(sa_type=SmallInteger)
    start: Any = Field(default=None, sa_type=JSONB, nullable=True)
    start_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    due: Any = Field(default=None, sa_type=JSONB, nullable=True)
    due_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    tags: list[str] = Field(sa_type=ARRAY(Text))
    position: int = Field(sa_type=BigInteger)
    recurrence: str | None = Field(default=None, sa_type=Text)
    reminders: Any = Field(sa_type=JSONB, nullable=False)
    attachments: Any = Field(sa_type=JSONB, nullable=False)
    completed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    next_id: UUID | None = None  #: the occurrence that its completion made


class TaskList(SQLModel, table=True):
    """A list of tasks; its title stands in its item."""

    __tablename__: ClassVar[Any] = "task_list"
    __table_args__ = (_SCHEMA,)

    id: UUID = Field(primary_key=True)
    colour: str | None = Field(default=None, sa_type=Text)
    position: int = Field(sa_type=BigInteger)


class TaskFilter(SQLModel, table=True):
    """A saved filter: what `GET /api/tasks` is asked for, under a title."""

    __tablename__: ClassVar[Any] = "task_filter"
    __table_args__ = (_SCHEMA,)

    id: UUID = Field(primary_key=True)
    query: Any = Field(sa_type=JSONB, nullable=False)
    position: int = Field(sa_type=BigInteger)


class Search(SQLModel, table=True):
    """The words of a task's title and notes, kept by a trigger of `tasks.task`."""

    __tablename__: ClassVar[Any] = "search"
    __table_args__ = (Index("search_words", "words", postgresql_using="gin"), _SCHEMA)

    id: UUID = Field(sa_column_args=[ForeignKey("tasks.task.id", ondelete="CASCADE")], primary_key=True)
    words: Any = Field(sa_type=TSVECTOR, nullable=False)


class Reminder(SQLModel, table=True):
    """A moment at which a task reminds, kept by a trigger of `tasks.task` while it is to come.

    `is_day`: it is meant by the clocks of the task's owner, and `at` is what they show, as if it were UTC.
    """

    __tablename__: ClassVar[Any] = "reminder"
    __table_args__ = (
        Index("reminder_to_tell", "at", "task_id", postgresql_where=text("told_at IS NULL")),
        Index("reminder_told", "told_at", postgresql_where=text("told_at IS NOT NULL")),
        _SCHEMA,
    )

    task_id: UUID = Field(sa_column_args=[ForeignKey("tasks.task.id", ondelete="CASCADE")], primary_key=True)
    at: datetime = Field(sa_type=DateTime(timezone=True), primary_key=True)
    is_day: bool = Field(primary_key=True)
    since: datetime = Field(sa_type=DateTime(timezone=True))  #: before it nothing was to be told
    told_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


TASK = Kind(name="task", table=Task, path="/app/tasks?task={id}", icon="list-checks", is_container=True)
TASK_LIST = Kind(name="task_list", table=TaskList, path="/app/tasks/list/{id}", icon="list", is_container=True)
TASK_FILTER = Kind(name="task_filter", table=TaskFilter, path="/app/tasks?filter={id}", icon="filter")
