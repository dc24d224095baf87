"""The composition root: settings, then parts, then apps, then one ASGI application.

Only this file picks adapters. A process composes its parts once: the web processes, the worker and each command alike.
"""

import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from commonplace.platform import housekeeping
from commonplace.platform.app import App, InstalledApps, load
from commonplace.platform.database.address import Address, parse_address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.embedded.server import EmbeddedServer, Lease
from commonplace.platform.database.schema import Migrations
from commonplace.platform.database.session import Database
from commonplace.platform.events import status
from commonplace.platform.events.log import WAKE
from commonplace.platform.events.registry import Registry
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.http import docs_page, front, health, metrics_page, openapi
from commonplace.platform.http.origin import origin_of
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.rates_in_postgres import PostgresRates
from commonplace.platform.http.routing import HotLane
from commonplace.platform.http.shared_rates import SharedRates
from commonplace.platform.identity.foreign import OriginOf
from commonplace.platform.identity.scopes import Scopes
from commonplace.platform.identity.services.service import AuthService
from commonplace.platform.identity.services.signature import ServiceKey
from commonplace.platform.jobs import api as jobs_api
from commonplace.platform.jobs.kinds import JobKinds
from commonplace.platform.leaving.ledger import Ledger
from commonplace.platform.leaving.object_uses import ARCHIVES
from commonplace.platform.leaving.personal import PersonalData
from commonplace.platform.lifeline import die_with_parent
from commonplace.platform.live import api as live_api
from commonplace.platform.live.hub import Hub
from commonplace.platform.media.process import Media
from commonplace.platform.messages.build import build_mailer
from commonplace.platform.messages.mail import Mailer
from commonplace.platform.messages.web_push import WebPush, build_web_push
from commonplace.platform.pages import api as pages_api
from commonplace.platform.pages import installed, visitors
from commonplace.platform.pages import jobs as jobs_page
from commonplace.platform.pages.render import Pages
from commonplace.platform.pages.static import static_routes
from commonplace.platform.parts import Parts
from commonplace.platform.search import api as search_api
from commonplace.platform.search import pages as search_pages
from commonplace.platform.search.document import Indexers
from commonplace.platform.secrets.watch import SecretsWatch
from commonplace.platform.sharing import api as sharing_api
from commonplace.platform.sharing import link_api
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.visits.gate import LinkGate
from commonplace.platform.space.keeping import write_down_if_possible
from commonplace.platform.storage.build import build_storage
from commonplace.platform.storage.objects import VERSIONS, ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.signing import UrlSigner
from commonplace.platform.telemetry import logs, metrics, run_directory, tracing
from commonplace.platform.valkey.cache import SharedCache
from commonplace.platform.valkey.client import Valkey
from commonplace.platform.valkey.rates import ValkeyRates
from commonplace.platform.valkey.wakes import ValkeyWakes
from commonplace.settings import Settings, app_named, load_settings

ACCOUNTS: Final = "accounts"  #: the app that says who is calling
PLATFORM_MIGRATIONS: Final = Path(str(files("commonplace.platform.database"))) / "migrations"


def served_apps(settings: Settings, names: Sequence[str] = ()) -> tuple[App, ...]:
    """The apps that this process serves: all that are installed, or those with the given names.

    Raises:
        LookupError: a name is none of an installed app, or nobody could say who is calling.
    """
    installed = {app.name: app for app in map(app_named, settings.apps)}
    unknown = set(names) - installed.keys()
    if unknown:
        raise LookupError(f"No app is named {', '.join(sorted(unknown))}; there are {', '.join(sorted(installed))}.")
    if names and ACCOUNTS in installed and ACCOUNTS not in names and not settings.accounts_url:
        raise LookupError(
            f"Without {ACCOUNTS} among the apps here, somebody else has to say who is calling: set ACCOUNTS_URL to the"
            f" address of the service that has it (`serve --apps {ACCOUNTS}`), such as http://accounts:8000."
        )
    return tuple(app for name, app in installed.items() if not names or name in names)


def migration_locations(settings: Settings) -> tuple[Path, ...]:
    """The folders of every branch: the platform's, then those of all installed apps."""
    packages = (app.migrations for app in map(app_named, settings.apps) if app.migrations is not None)
    return (PLATFORM_MIGRATIONS, *(Path(str(files(package))) for package in packages))


@asynccontextmanager
async def opened(parts: Parts, apps: Iterable[App]) -> AsyncIterator[Parts]:
    """Start what has to be started, and close it all at the end."""
    bus, database, storage = parts[Bus], parts[Database], parts[ObjectStorage]
    database.on_news = lambda: bus.wake(WAKE)
    for app in apps:
        if app.compose is not None:
            await load(app.compose)(parts)
    await bus.start()
    await storage.start()
    if SecretsWatch in parts:
        await parts[SecretsWatch].start()
    try:
        yield parts
    finally:
        await parts[Media].close()
        for closing in parts.closing():
            await closing()
        await storage.close()
        await bus.close()
        if Valkey in parts:
            await parts[Valkey].close()
        await database.close()
        parts[tracing.Tracing].close()
        parts[metrics.Metrics].close()


def compose(
    settings: Settings, address: Address, apps: Sequence[App], *, run: Path | None = None, role: str = "serve"
) -> Parts:
    """The parts of one process. Nothing is connected or started yet; `opened` does that.

    `run` is the directory that the processes of one `serve` share, `role` what traces call this one.
    """
    parts = Parts()
    secret = secret_key(settings)
    for section in settings.sections():
        parts.add(section)
    parts.add(settings.jwt.model_copy(update={"secret_key": SecretStr(secret)}))
    parts.add(PublicUrl.of(settings.public_url, settings.host, settings.port, scheme=settings.scheme))
    parts.add(tracing.configure(settings.telemetry, role=role), as_=tracing.Tracing)
    parts.add(Database(address, settings.database, tracing=parts[tracing.Tracing]))
    wakes = None
    if settings.valkey_url is not None:
        parts.add(Valkey(settings.valkey_url.get_secret_value(), installation=secret.encode()))
        parts.add(SharedCache(parts[Valkey]))
        wakes = ValkeyWakes(parts[Valkey])
    parts.add(Bus(bus_address(settings, address), settings.database, wakes=wakes))
    if settings.secrets.ids and settings.environment != "development":
        watch = SecretsWatch(settings.secrets, parts[Database], parts[Bus], jwt_secret=secret)
        parts.add(watch)
        parts.on_close(watch.close)
    rates = ValkeyRates(parts[Valkey]) if Valkey in parts else PostgresRates(parts[Database])
    parts.add(SharedRates(rates, secret=secret.encode()))
    signers = _signers(settings, secret)
    parts.add(build_storage(settings.file_storage, settings.data_dir, signers.urls), as_=ObjectStorage)
    parts.add(Media(settings.media))
    parts.add(build_mailer(settings.mail, settings.data_dir), as_=Mailer)
    parts.add(_web_push(settings, secret.encode()))
    parts.on_close(parts[WebPush].close)
    parts.add(metrics.Metrics(directory=run))
    installed = tuple({app.name: app for app in (*map(app_named, settings.apps), *apps)}.values())
    parts.add(InstalledApps(installed))
    parts.add(Kinds(installed))
    parts.add(Loaders(installed))
    parts.add(Indexers(installed))
    # Whoever dispatches an event makes the deliveries of all apps; those of the served ones are run here.
    known = (housekeeping.app, *installed)
    parts.add(Registry(known, serving={housekeeping.app.name, *(app.name for app in apps)}))
    parts.add(JobKinds(known))
    parts.add(Scopes({app.name: app.title for app in known if app.takes_tokens and app.api is not None}))
    parts.add(Migrations(migration_locations(settings)))
    parts.add(object_uses(settings))
    parts.add(PersonalData(known))
    parts.add(Ledger(parts[ObjectStorage], settings.data_dir))
    parts.add(signers.services)
    if SecretsWatch in parts:
        parts[SecretsWatch].on_jwt_secret(signers.take)
    parts.add(OriginOf(origin_of))
    parts.add(LinkGate(secret.encode()))
    parts.on_close(parts[LinkGate].close)
    if settings.accounts_url and all(app.name != ACCOUNTS for app in apps):
        from commonplace.platform.identity.services.compose import compose_remote  # noqa: PLC0415 - loads httpx

        compose_remote(parts, settings.accounts_url)
    return parts


class _Signers(NamedTuple):
    """What the secret signs in every process, and goes on to sign with a new one when it is rotated."""

    urls: UrlSigner
    services: ServiceKey

    def take(self, secret: str, previous: str | None) -> None:
        before = None if previous is None else previous.encode()
        self.urls.take(secret.encode(), before)
        self.services.take(secret.encode(), before)


def _signers(settings: Settings, secret: str) -> _Signers:
    previous = settings.jwt.previous_secret_key
    before = None if previous is None else previous.get_secret_value().encode()
    return _Signers(UrlSigner(secret.encode(), before), ServiceKey(secret.encode(), before))


def _web_push(settings: Settings, secret: bytes) -> WebPush:
    public_url = settings.public_url or ""
    own = public_url if public_url.startswith("https://") else f"mailto:{settings.mail.mailbox.address}"
    return build_web_push(settings.push, secret=secret, contact=own)


def object_uses(settings: Settings) -> ObjectUses:
    """Who may need a stored object: every installed app, whether this process serves it or not."""
    apps = [app_named(reference) for reference in settings.apps]
    uses = [load(reference) for app in apps for reference in app.object_uses]
    return ObjectUses((VERSIONS, ARCHIVES, *uses), apps=[app.name for app in apps])


def bus_address(settings: Settings, address: Address) -> Address | None:
    """Where to listen: the database itself, or the direct way beside a pooler; None when there is none."""
    if settings.database.pooler == "none":
        return address
    if settings.database.listen_url is None:
        return None
    return parse_address(settings.database.listen_url)


def secret_key(settings: Settings) -> str:
    """`JWT__SECRET_KEY`, or the one that this installation made for itself at its first start.

    Processes that start together agree: the first to make the file wins.
    """
    if settings.jwt.secret_key is not None:
        return settings.jwt.secret_key.get_secret_value()
    settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.secrets_dir / "jwt-secret-key"
    if not path.exists():
        fresh = settings.secrets_dir / f".{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def database_of(settings: Settings) -> tuple[Address, Lease | None]:
    """Where this process finds its database; with a lease on the embedded server when it is that one."""
    if settings.database_address is not None:
        return settings.database_address, None
    lease = EmbeddedServer(settings.data_dir).acquire()
    return Address(**lease.dsn), lease


def build(settings: Settings, parts: Parts, apps: Sequence[App], *, run: Path | None = None) -> ASGIApp:
    """The ASGI application over these parts; `run` is the directory that the web processes share."""
    application = fastapi(parts, apps)
    hot_routes = [route for reference in _router_references(apps) for route in load(reference).routes]
    return front.build(
        application,
        http=settings.http,
        limits=settings.limits,
        cors=settings.cors,
        production=settings.is_production,
        bound_host=settings.host,
        aliases=[alias for app in apps for alias in app.aliases],
        is_stream=_is_stream(apps),
        takes_cross_site=_takes_cross_site(apps),
        html_problem=parts[Pages].problem,
        metrics=parts[metrics.Metrics],
        tracing=parts[tracing.Tracing],
        run_directory=run,
        rates=parts[SharedRates],
        lane=lambda inner: HotLane(inner, hot_routes, state_of=application),
    )


def fastapi(parts: Parts, apps: Sequence[App]) -> FastAPI:
    """The routes of the platform and of these apps, with their documentation; `build` puts the front before them."""
    parts.add(_health(parts))
    status.measure(parts[metrics.Metrics], parts[Database])
    parts.add(Hub(parts))
    installed = parts[InstalledApps].apps  # a page leads to those of other services, and looks the same in each
    parts.add(Pages(installed))
    for app in apps:
        if app.takes_tokens and app.api is not None:
            routes = iter_route_contexts(load(app.api).routes)
            parts[Scopes].open(app.name, (str(context.path_format) for context in routes))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with opened(parts, apps), parts[Hub].running(), parts[SharedRates].running():
            await write_down_if_possible(parts)
            yield

    application = FastAPI(
        title="Commonplace",
        version=metadata.version("commonplace"),
        description="A cloud you own. It never loses a thing.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # type: ignore[call-arg, unused-ignore]
    )
    application.state.parts = parts
    application.router.routes.extend(_routes(_router_references(apps)))
    if len(apps) < len(installed):
        application.router.routes.extend(_internal_routes(apps))
    application.router.routes.extend(static_routes(installed))
    aliases = [alias for app in apps for alias in app.aliases]
    openapi.install(application, aliases=aliases, is_public=_is_public(apps))
    return application


@cache
def _routes(references: tuple[str, ...]) -> tuple[BaseRoute, ...]:
    """The routes of the platform and of the apps' routers, put together once a process: each takes milliseconds."""
    together = APIRouter()
    for router in (
        health.router,
        metrics_page.router,
        docs_page.router,
        live_api.router,
        pages_api.router,
        visitors.router,
        installed.router,
        jobs_page.router,
        sharing_api.router,
        jobs_api.router,
        search_api.router,
        search_pages.router,
        *map(load, references),
    ):
        together.include_router(router)
    return tuple(together.routes)


def _router_references(apps: Sequence[App]) -> tuple[str, ...]:
    return tuple(reference for app in apps for reference in (app.api, app.pages) if reference is not None)


def _internal_routes(apps: Sequence[App]) -> list[BaseRoute]:
    """What other services ask these apps; a process that serves all apps has nobody to ask it."""
    return [route for app in apps if app.internal is not None for route in load(app.internal).routes]


def _health(parts: Parts) -> health.HealthChecks:
    async def database() -> None:
        await status.check_database(parts[Database])

    async def worker() -> dict[str, Any]:
        return await status.check_workers(parts[Database])

    checks = health.HealthChecks(
        [
            health.HealthCheck("database", database),
            health.HealthCheck("storage", parts[ObjectStorage].check),
            health.HealthCheck("worker", worker, critical=False),
        ]
    )
    if Valkey in parts:  # without it less is shared, and nothing is lost
        checks.add(health.HealthCheck("valkey", parts[Valkey].check, critical=False))
    if AuthService in parts:  # not vital: a gateway that took all of us out would not bring it back
        checks.add(health.HealthCheck("accounts", parts[AuthService].check, critical=False))
    return checks


def _is_public(apps: Iterable[App]) -> Callable[[str, str], bool]:
    public = {operation for app in apps for operation in app.public} | link_api.PUBLIC
    return lambda method, path: f"{method.upper()} {path}" in public or not path.startswith("/api/")


def _is_stream(apps: Iterable[App]) -> Callable[[str, str], bool]:
    streams = [load(app.streams) for app in apps if app.streams is not None]
    streams.append(link_api.is_stream)
    return lambda method, path: path == "/api/live" or any(is_stream(method, path) for is_stream in streams)


def _takes_cross_site(apps: Iterable[App]) -> Callable[[str, str], bool]:
    rules = [load(app.takes_cross_site) for app in apps if app.takes_cross_site is not None]
    return lambda method, path: any(rule(method, path) for rule in rules)


def _heed_signals() -> None:
    """Let a signal that comes before the server listens for signals end this process.

    A worker of granian inherits its parent's handlers, which would swallow it; the parent then waits 25 s for nothing.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if (getattr(signal.getsignal(number), "__module__", None) or "").startswith("granian"):
            signal.signal(number, signal.SIG_DFL)


def web() -> ASGIApp:
    """The application of one web process, as servers load it: `granian --factory commonplace.application:web`."""
    die_with_parent()
    _heed_signals()
    settings = load_settings()
    logs.configure(settings.telemetry, production=settings.is_production)
    names = tuple(filter(None, os.environ.get("COMMONPLACE_SERVED_APPS", "").split(",")))
    apps = served_apps(settings, names)
    address, lease = database_of(settings)
    run = run_directory.path(settings.data_dir)
    parts = compose(settings, address, apps, run=run)
    if lease is not None:
        parts.add(lease)
    return build(settings, parts, apps, run=run)
