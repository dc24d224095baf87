"""The manifest of an app: everything the platform knows of it.

Parts are named by dotted strings (`"package.module:attribute"`) and loaded when they are needed, so that a command or a
worker that needs one part does not import the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


def load(reference: str) -> Any:
    """The object that `"package.module:attribute"` names.

    Raises:
        ImportError: there is no such module, or it has no such attribute.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module_name), attribute)
    except AttributeError as error:
        raise ImportError(f"{module_name} has no {attribute!r}, which a manifest names as {reference!r}.") from error


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """An app's wish to be told of an event: each one becomes a delivery to `handler`."""

    event: str  #: dotted reference to the `Event` class
    handler: str  #: dotted reference to `async def handler(event, context) -> None`; must be idempotent
    queue: str = "notifications"  #: `processing`, `notifications` or `analytics`
    priority: int = 0  #: higher goes first within the queue
    is_fair: bool = False  #: who has little waiting goes first: `priority` falls with what an owner has
    max_attempts: int = 8  #: then the delivery becomes a dead letter
    deduplicate_by: str | None = None  #: a field of the event; a waiting delivery with the same value absorbs a new one
    timeout_seconds: float = 300.0  #: the handler is cancelled after this, which counts as a failed attempt


@dataclass(frozen=True, kw_only=True)
class Follower:
    """A wish to hear that something happened to items that are in the search index (`App.index`), whatever it was.

    However many events come, one delivery of `LogGrew` waits; the handler reads the log from a cursor of its own.
    """

    handler: str  #: dotted reference to `async def handler(event: LogGrew, context) -> None`
    queue: str = "notifications"
    max_attempts: int = 8
    timeout_seconds: float = 3600.0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A cron line (UTC) at which `handler` is delivered, once, however many workers run."""

    name: str  #: unique within the app
    cron: str  #: five fields, UTC
    handler: str  #: dotted reference to `async def handler(tick: ScheduleTick, context) -> None`
    queue: str = "analytics"
    timeout_seconds: float = 3600.0


@dataclass(frozen=True, kw_only=True)
class NoticeKind:
    """A kind of notice: when `event` happens, `tell` says who is told what. The app notifications does the telling."""

    name: str  #: unique within the app; people's choices go by `app.name`, so it is stable for ever
    title: str  #: what people choose by: "Something is shared with me"
    event: str  #: dotted reference to the `Event` class
    tell: str  #: dotted reference to `async def tell(event, context) -> Sequence[Notice]` (messages/notices.py)
    by_mail: bool = True  #: whether mail is sent too, to who has not chosen otherwise
    by_push: bool = True  #: the same for the devices that a person has notified
    is_urgent: bool = False  #: whether a device is woken for it: somebody waits, or its time is now


@dataclass(frozen=True, kw_only=True)
class NavigationEntry:
    """A line in the side rail, or a sign in the bar."""

    title: str
    path: str
    icon: str  #: a name of the icon family
    order: int = 100
    #: `apps` above the rule, `overview` below it; `bar` in the bar, where icons stand; `account` among one's own pages
    group: str = "apps"
    administrators_only: bool = False
    badge: str | None = None  #: path of a piece of HTML that stands with a sign in the bar: a number, say


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A path that a requirement fixes, rewritten to the canonical one: `/tasks` to `/api/tasks`."""

    path: str  #: prefix as clients send it
    canonical: str  #: prefix that the router knows


@dataclass(frozen=True)
class InstalledApps:
    """A part: every app of the installation, whether this process serves it or not."""

    apps: Sequence["App"]


@dataclass(frozen=True, kw_only=True)
class App:
    """What an app gives to the platform. Everything but the name and title may be left out."""

    name: str
    title: str
    api: str | None = None  #: a `Router`
    pages: str | None = None  #: a `Router` of pages
    internal: str | None = None  #: a router for the other services of the installation, below `/internal/`
    navigation: Sequence[NavigationEntry] = ()
    aliases: Sequence[Alias] = ()
    settings: str | None = None  #: a pydantic model; its environment variables start with the app's name and `__`
    commands: Mapping[str, str] = field(default_factory=dict)  #: name of a `commonplace` command to its click object
    migrations: str | None = None  #: the package that holds the app's Alembic branch
    subscriptions: Sequence[Subscription] = ()
    schedules: Sequence[Schedule] = ()
    followers: Sequence[Follower] = ()
    notices: Sequence[NoticeKind] = ()
    takes_notices: str | None = None  #: the handler that each event with a notice of some app is delivered to
    #: kind of job to its `jobs.kinds.Runner`: long work that a person waits for, with a bar
    jobs: Mapping[str, str] = field(default_factory=dict)
    kinds: Sequence[str] = ()  #: dotted references to `Kind` objects
    loaders: Mapping[str, str] = field(default_factory=dict)  #: kind that can be shared to its `sharing.loaders.Loader`
    linked: Mapping[str, str] = field(default_factory=dict)  #: kind to its `sharing.visits.linked.LinkedKind`
    index: Mapping[str, str] = field(default_factory=dict)  #: kind that can be found to its `search.document.Indexer`
    personal_data: str | None = (
        None  #: a sequence of `leaving.personal.PersonalTable`: its tables beside those of items
    )
    export: str | None = None  #: `async def export(export: leaving.exporting.Export) -> None`, adds to an archive
    erase: str | None = None  #: `async def erase(erasing: leaving.erasing.Erasing) -> None`, before items and rows go
    read_in: str | None = None  #: a mapping of kinds of item to `leaving.arriving.Arrival`: how archives bring them
    #: `async def bring(bringing: leaving.bringing.Bringing) -> Mapping[str, int]`: what archives hold beside items
    bring: str | None = None
    object_uses: Sequence[str] = ()  #: dotted references to `ObjectUse`s: stored objects that no version points to
    takes_tokens: bool = True  #: whether API tokens open its API, by the scopes `name:read` and `name:write`
    public: Sequence[str] = ()  #: operations without a credential: `POST /api/auth/login`
    streams: str | None = None  #: `def is_stream(method: str, path: str) -> bool`: bodies without limit of size or time
    takes_cross_site: str | None = None  #: `def (method, path) -> bool`: what pages of other sites may post
    compose: str | None = None  #: `async def compose(parts: Parts) -> None`, adds the app's own parts
