import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commonplace.platform.telemetry import logs, run_directory
from commonplace.platform.telemetry.settings import TelemetrySettings

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def log_lines(stream: io.BytesIO) -> Iterator[LogLines]:
    """Logs go to memory for this test, as JSON: call it to read the lines so far."""
    logs.configure(TelemetrySettings(log_format="json"), stream=stream)

    def read() -> list[dict[str, Any]]:
        logs.flush()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield read
    logs.unconfigure()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A run directory as the first process finds it."""
    return run_directory.prepare(tmp_path)
