"""A kind of item for these tests: notes, in notebooks."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from commonplace.platform.events.event import Event
from commonplace.platform.history.kind import Kind, State

TABLES = """
CREATE SCHEMA notes;
CREATE TABLE notes.note (id uuid PRIMARY KEY, body text NOT NULL, stars integer NOT NULL DEFAULT 0, object_id uuid);
CREATE TABLE notes.notebook (id uuid PRIMARY KEY);
"""


class Note(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "note"
    __table_args__ = ({"schema": "notes"},)

    id: UUID = Field(primary_key=True)
    body: str = Field(sa_type=Text)
    stars: int = 0
    object_id: UUID | None = None


class Notebook(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "notebook"
    __table_args__ = ({"schema": "notes"},)

    id: UUID = Field(primary_key=True)


def _text_became_body(state: State) -> State:
    return {"body": state["text"], "stars": 0, "object_id": None}


NOTE = Kind(name="note", table=Note, schema=2, upgrades={1: _text_became_body})
NOTEBOOK = Kind(name="notebook", table=Notebook, is_container=True)


@dataclass(frozen=True, kw_only=True)
class NoteWritten(Event):
    """A note has a new version."""

    name: ClassVar[str] = "note.written"
    what: str = ""
