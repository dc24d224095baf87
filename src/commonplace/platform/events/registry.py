"""Who is told of what: the subscriptions and schedules of all apps, by the names under which they travel."""

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from croniter import croniter

from commonplace.platform.app import App, Follower, NoticeKind, Schedule, Subscription, load
from commonplace.platform.events.event import Event, LogGrew, ScheduleTick
from commonplace.platform.events.queue import Delivery
from commonplace.platform.parts import Parts

QUEUES: Final = ("processing", "notifications", "analytics")


class MalformedManifest(TypeError):
    """An app's subscriptions or schedules cannot work as they are written; a defect of the app."""


@dataclass(frozen=True)
class Context:
    """What a handler is given beside the event."""

    parts: Parts
    delivery: Delivery


class Discard(Exception):
    """Raised by a handler for which another try is useless: the delivery becomes a dead letter at once."""


Handler = Callable[[Any, Context], Awaitable[None]]


@dataclass(frozen=True)
class NamedSchedule:
    """A schedule under its full name, `app.schedule`."""

    name: str
    schedule: Schedule


@dataclass(frozen=True)
class NamedNotice:
    """A kind of notice under its full name, `app.kind`, with its event's name."""

    name: str
    app_title: str
    event: str
    kind: NoticeKind


class Registry:
    """The subscriptions and schedules of an installation's apps.

    Deliveries are made for all of `apps`, since whoever moves the dispatcher's cursor past an event does so for
    everybody; `serving` names the apps whose deliveries and schedules this process takes on (None: all of them).
    """

    def __init__(self, apps: Iterable[App], *, serving: Collection[str] | None = None) -> None:
        """See the class.

        Raises:
            MalformedManifest: a queue does not exist, a cron line is none, or something is subscribed twice.
        """
        self._by_event: defaultdict[str, list[Subscription]] = defaultdict(list)
        self._event_classes: dict[tuple[str, str], type[Event]] = {}
        self._timeouts: dict[str, float] = {}
        self._handlers: dict[str, Handler] = {}
        self._served: set[str] = set()
        self.app_names: list[str] = []
        self.schedules: list[NamedSchedule] = []  #: those that this process minds
        self.notices: list[NamedNotice] = []  #: those of all apps
        self._followers: list[Follower] = []
        apps = tuple(apps)
        self._followed = {kind for app in apps for kind in app.index}
        for app in apps:
            self.app_names.append(app.name)
            is_served = serving is None or app.name in serving
            for subscription in app.subscriptions:
                self._subscribe(app, subscription)
            for schedule in app.schedules:
                self._schedule(app, schedule, is_served=is_served)
            for follower in app.followers:
                self._follow(app, follower)
            if is_served:
                self._served.update(follower.handler for follower in app.followers)
                self._served.update(subscription.handler for subscription in app.subscriptions)
                self._served.update(schedule.handler for schedule in app.schedules)
            for kind in app.notices:
                self._notice(app, kind)
        for app in apps:
            if app.takes_notices is not None:
                self._take_notices(app, app.takes_notices)
                if serving is None or app.name in serving:
                    self._served.add(app.takes_notices)

    @property
    def handlers(self) -> frozenset[str]:
        """Every handler there is, served by this process or not."""
        return frozenset(self._timeouts)

    @property
    def served_handlers(self) -> frozenset[str]:
        """The handlers whose deliveries this process takes on."""
        return frozenset(self._served)

    def subscriptions_to(self, event_name: str) -> Sequence[Subscription]:
        """Who is told of this event; nobody gives an empty sequence."""
        return self._by_event.get(event_name, ())

    def followers_of(self, kind: str | None) -> Sequence[Follower]:
        """Who follows what happens to items of this kind."""
        return self._followers if kind in self._followed else ()

    def handler(self, reference: str, event_name: str) -> tuple[Handler, type[Event]]:
        """The function behind a subscription's or schedule's reference, and the class of event to call it with.

        Raises:
            ImportError: the code of this release has no such handler, or it takes no such event.
        """
        found = self._handlers.get(reference)
        if found is None:
            found = load(reference)
            if not inspect.iscoroutinefunction(found):
                raise ImportError(f"{reference} is no coroutine function, so it cannot handle an event.")
            self._handlers[reference] = found
        event_class = self._event_classes.get((reference, event_name))
        if event_class is None:
            raise ImportError(f"{reference} does not subscribe to {event_name} in this release.")
        return found, event_class

    def notices_of(self, event_name: str) -> Sequence[NamedNotice]:
        """The kinds of notice that this event gives cause to."""
        return [notice for notice in self.notices if notice.event == event_name]

    def timeout_seconds(self, reference: str) -> float:
        """How long the handler may take at a time."""
        return self._timeouts.get(reference, 300.0)

    def _subscribe(self, app: App, subscription: Subscription) -> None:
        event_class: type[Event] = load(subscription.event)
        key = (subscription.handler, event_class.name)
        if key in self._event_classes:
            raise MalformedManifest(f"{app.name}: {subscription.handler} subscribes to {event_class.name} twice.")
        _check_queue(app, subscription.queue)
        self._event_classes[key] = event_class
        self._by_event[event_class.name].append(subscription)
        self._timeouts[subscription.handler] = subscription.timeout_seconds

    def _follow(self, app: App, follower: Follower) -> None:
        _check_queue(app, follower.queue)
        self._event_classes[follower.handler, LogGrew.name] = LogGrew
        self._followers.append(follower)
        self._timeouts[follower.handler] = follower.timeout_seconds

    def _notice(self, app: App, kind: NoticeKind) -> None:
        name = f"{app.name}.{kind.name}"
        if any(known.name == name for known in self.notices):
            raise MalformedManifest(f"{name}: there are two kinds of notice of this name.")
        event_class: type[Event] = load(kind.event)
        self.notices.append(NamedNotice(name, app.title, event_class.name, kind))

    def _take_notices(self, app: App, handler: str) -> None:
        events = {notice.event: notice.kind.event for notice in self.notices}
        for event in events.values():
            self._subscribe(app, Subscription(event=event, handler=handler, queue="notifications"))

    def _schedule(self, app: App, schedule: Schedule, *, is_served: bool) -> None:
        name = f"{app.name}.{schedule.name}"
        _check_queue(app, schedule.queue)
        if len(schedule.cron.split()) != 5 or not croniter.is_valid(schedule.cron):  # noqa: PLR2004 - no seconds, no years
            raise MalformedManifest(f"{name}: {schedule.cron!r} is no cron line of five fields.")
        if any(known.name == name for known in self.schedules):
            raise MalformedManifest(f"{name}: there are two schedules of this name.")
        self._event_classes[schedule.handler, ScheduleTick.name] = ScheduleTick
        self._timeouts[schedule.handler] = schedule.timeout_seconds
        if is_served:
            self.schedules.append(NamedSchedule(name, schedule))


def _check_queue(app: App, queue: str) -> None:
    if queue not in QUEUES:
        raise MalformedManifest(f"{app.name}: there is no queue {queue!r}; use one of {', '.join(QUEUES)}.")
