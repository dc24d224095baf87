"""Events: facts in the past tense, and how one travels as JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import msgspec

E = TypeVar("E", bound="Event")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. A subclass is a frozen dataclass that says what, in few and small fields.

    An event names the item it is about by its envelope (see `Envelope`) and never carries a secret or a state.
    """

    name: ClassVar[str]  #: `app.happened`, stable for ever: it stands in the log and in subscriptions


@dataclass(frozen=True, kw_only=True)
class ScheduleTick(Event):
    """A schedule's moment came. Told once for each moment, however many workers run."""

    name: ClassVar[str] = "schedule.tick"
    schedule: str
    tick: datetime  #: UTC; the moment of the cron line, not of the delivery


@dataclass(frozen=True, kw_only=True)
class LogGrew(Event):
    """There is something new in the log for whoever follows it from a cursor of their own. It stands in no log."""

    name: ClassVar[str] = "log.grew"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log and travels to handlers: what happened, to what, when and by whom."""

    seq: int
    at: datetime
    name: str
    kind: str | None = None
    item_id: UUID | None = None
    version: int | None = None
    owner_id: UUID | None = None
    parent_id: UUID | None = None
    by: UUID | None = None
    correlation_id: str | None = None
    payload: dict[str, Any]

    def event(self, event_class: type[E]) -> E:
        """The fact itself. Fields that a later release added are filled by their defaults.

        Raises:
            msgspec.ValidationError: the payload does not have the shape of `event_class`.
        """
        return msgspec.convert(self.payload, event_class, strict=False)


def payload_of(event: Event) -> Any:
    """What of an event is stored: its fields as JSON values."""
    return msgspec.to_builtins(event)
