"""Writes what follows from the code: `python -m infrastructure.reference`.

That is docs/reference/{events,problems,http}.md, and the gateway's routes. `tests/contracts/test_reference.py` fails
when they say something else than the code.
"""

import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import commonplace
from commonplace import application
from commonplace.platform.database.address import Address
from commonplace.platform.errors import Problem
from commonplace.platform.events.event import Event
from commonplace.settings import load_settings
from infrastructure.gateway_routes import services_conf

ROOT = Path(__file__).parents[1]
_NOTE = "*Written by `python -m infrastructure.reference` from the code; do not edit.*"


def pages() -> dict[str, str]:
    """Every file's text by its path in the project."""
    for module in pkgutil.walk_packages(commonplace.__path__, "commonplace."):
        if not any(part in module.name for part in (".migrations", ".alembic", ".child", ".supervisor")):
            importlib.import_module(module.name)
    return {
        "docs/reference/events.md": "\n".join(_events()) + "\n",
        "docs/reference/problems.md": "\n".join(_problems()) + "\n",
        "docs/reference/http.md": "\n".join(_operations()) + "\n",
        "infrastructure/gateway/services.conf": services_conf(),
    }


def _events() -> Iterator[str]:
    yield from ("# Events", "", _NOTE, "", "What is told, by name. A subscription names the class.", "")
    yield from ("| name | class | says | fields |", "|---|---|---|---|")
    for kind in sorted(_below(Event), key=lambda kind: str(kind.name)):
        fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind))
        yield f"| `{kind.name}` | `{kind.__module__}:{kind.__name__}` | {_summary(kind)} | {fields} |"


def _problems() -> Iterator[str]:
    yield from ("# Problems", "", _NOTE, "", "The `type` of each is `/problems/<name>` (RFC 9457).", "")
    yield from ("| name | status | means |", "|---|---|---|")
    for kind in sorted(_below(Problem), key=lambda kind: str(kind.type_name())):
        yield f"| `{kind.type_name()}` | {int(kind.status)} | {_summary(kind)} |"


def _operations() -> Iterator[str]:
    settings = load_settings({"JWT__SECRET_KEY": "reference" * 8}, env_file=None)
    apps = application.served_apps(settings)
    nowhere = Address(host="localhost", user="nobody", database="none")
    parts = application.compose(settings, nowhere, apps)
    document = application.fastapi(parts, apps).openapi()
    yield from ("# HTTP", "", _NOTE, "", "`/docs` of a running installation shows each with its parameters.", "")
    yield from ("| operation | does |", "|---|---|")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                says = operation.get("description", operation.get("summary", "")).split("\n\n")[0]
                yield f"| `{method.upper()} {path}` | {' '.join(says.split())} |"


def _below(kind: type[Any]) -> set[type[Any]]:
    below = {kind for kind in kind.__subclasses__() if kind.__module__.startswith("commonplace.")}
    return below.union(*map(_below, below))


def _summary(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (ROOT / name).write_text(text)
        sys.stdout.write(f"Wrote {name}.\n")
