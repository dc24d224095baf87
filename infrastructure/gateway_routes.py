"""Which service answers which path, for the gateway: out of the manifests, so that a new route finds its way."""

from collections.abc import Iterator, Mapping
from typing import Final

from fastapi.routing import iter_route_contexts

from commonplace.installed import APPS
from commonplace.platform.app import App, load
from commonplace.settings import app_named

SERVICES: Final = {"accounts": "accounts", "tasks": "tasks"}  #: app to service; all others are in OTHERS
OTHERS: Final = "others"
_FEWEST: Final = 2  # segments that a prefix of the API or of the pages has: /api/tasks, /app/tasks
_NOTE: Final = "# Written by `python -m infrastructure.reference` from the apps' manifests; do not edit."


def services_conf() -> str:
    """The `map` of nginx from a path to the name of a service."""
    by_service: dict[str, list[str]] = {service: [] for service in SERVICES.values()}
    for prefix, service in prefixes().items():
        if service != OTHERS:
            by_service[service].append(prefix.lstrip("/"))
    lines = [_NOTE, "map $uri $service {", f"    default {OTHERS};"]
    for service, found in by_service.items():
        lines += [f"    ~^/{prefix}(/|$) {service};" for prefix in sorted(found)]
    return "\n".join([*lines, "}", ""])


def prefixes() -> Mapping[str, str]:
    """Prefixes of paths to the service that has them; no prefix holds a path of another service."""
    paths = {path: service for app in map(app_named, APPS) for path, service in _paths(app, _service(app))}
    found: dict[str, str] = {}
    for path, service in paths.items():
        segments = path.strip("/").split("/")
        for length in range(min(_FEWEST, len(segments)), len(segments) + 1):
            prefix = "/" + "/".join(segments[:length])
            beneath = {of for other, of in paths.items() if other == prefix or other.startswith(f"{prefix}/")}
            if beneath == {service}:
                found[prefix] = service
                break
        else:
            raise ValueError(f"{path} is a path of several services: {beneath}.")
    return found


def _service(app: App) -> str:
    return SERVICES.get(app.name, OTHERS)


def _paths(app: App, service: str) -> Iterator[tuple[str, str]]:
    """What stands before the first parameter in each of an app's routes, and its aliases."""
    for reference in filter(None, (app.api, app.pages)):
        for context in iter_route_contexts(load(reference).routes):
            yield str(context.path_format).partition("/{")[0], service
    yield from ((alias.path, service) for alias in app.aliases)
