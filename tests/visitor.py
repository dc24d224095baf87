"""Who visits the application in tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "correct horse battery"


@dataclass
class Visitor:
    """A client with an account, or without one. What it does not have itself, its HTTP client has."""

    http: httpx.AsyncClient
    email: str | None = None
    tokens: dict[str, Any] | None = None
    person: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.http, name)


Join = Callable[..., Awaitable[Visitor]]
