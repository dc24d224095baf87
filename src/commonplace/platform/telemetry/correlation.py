"""The correlation id: one word that joins a request, the events it told and the jobs that followed."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""Set for the length of a request or a delivery; written into every log line and event meanwhile."""


def new_id() -> str:
    """A fresh id of 32 hexadecimal digits: also a valid W3C trace id, so that a trace can bear the same name.

    It must be unique, not secret: nothing is granted to whoever knows it.
    """
    return f"{random.getrandbits(128) | 1:032x}"  # `| 1`: a trace id is never zero


def current() -> str | None:
    """The id of the request or delivery that is running here, if one is."""
    return correlation_id.get()


@contextmanager
def correlated(identifier: str | None = None) -> Iterator[str]:
    """Run the block under `identifier`, or under a fresh id; the id of before returns afterwards."""
    chosen = identifier or new_id()
    token = correlation_id.set(chosen)
    try:
        yield chosen
    finally:
        correlation_id.reset(token)
