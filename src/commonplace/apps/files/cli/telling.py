"""What commands say: a line for each thing done, for people or as JSON, and a bar on the side."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


class Teller:
    """Says what was done. With `as_json` each line of the standard output is one object."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.failed = 0  #: how many things could not be done
        self._bar: Any = None

    def say(self, text: str, **facts: Any) -> None:
        """One thing that was done: `text` for people, `facts` as JSON."""
        click.echo(json.dumps(facts, ensure_ascii=False) if self.as_json else text)

    def fail(self, path: str, reason: str) -> None:
        """One thing that could not be done; the others go on."""
        self.failed += 1
        if self.as_json:
            click.echo(json.dumps({"path": path, "done": "failed", "reason": reason}, ensure_ascii=False))
        click.echo(f"{path}: {reason}", err=True)

    @contextmanager
    def bar(self, total_bytes: int, label: str) -> Iterator[None]:
        """A bar on the standard error while the block runs, where somebody looks at it."""
        if not sys.stderr.isatty():
            yield
            return
        with click.progressbar(
            length=max(total_bytes, 1), label=label, file=sys.stderr, show_pos=False, update_min_steps=64 * 1024
        ) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._bar = None

    def advance(self, size_bytes: int) -> None:
        """So many bytes more are done."""
        if self._bar is not None:
            self._bar.update(size_bytes)

    def end(self) -> None:
        """Exit with 1 when anything failed."""
        if self.failed:
            raise SystemExit(1)
