"""Structured logs: one line for one fact, JSON for machines, plain for a person at a terminal.

Code writes `log = structlog.get_logger()` and `log.info("file.stored", file_id=…)`: an event named `feature.fact`,
and fields; never a sentence with values inside. Lines of libraries that use `logging` (uvicorn, granian, asyncpg,
alembic) take the same way, so that each line has the same shape, the correlation id, and is passed through
`redaction`.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO, Final, TextIO

import msgspec
import structlog

from commonplace.platform.telemetry import sink
from commonplace.platform.telemetry.access_log import AccessLog
from commonplace.platform.telemetry.clock import clock
from commonplace.platform.telemetry.correlation import correlation_id
from commonplace.platform.telemetry.redaction import redact_event
from commonplace.platform.telemetry.settings import TelemetrySettings

Event = MutableMapping[str, Any]

#: Loggers of the servers and libraries below us: they bring handlers or levels of their own, which would print twice.
_ADOPTED: Final = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.asgi",
    "_granian",
    "asyncpg",
    "alembic",
    "sqlalchemy",
    "asyncio",
)
#: Their account of each request repeats ours, and knows neither correlation id nor redaction.
_SILENCED: Final = ("uvicorn.access", "granian.access")
#: Talkative at `info`; a person who wants to follow them sets the level to `debug`.
_QUIET: Final = (
    "uvicorn.error",
    "httpx",
    "httpcore",
    "alembic",
    "sqlalchemy",
    "asyncio",
    "multipart",
    "python_multipart",
)
#: Said by uvicorn of each WebSocket that was refused with a response of its own, as if that were a mistake.
_UNTRUE: Final = "ASGI callable returned without completing handshake."


class _SinkLogger:
    """What structlog calls last: takes the finished line."""

    def msg(self, line: bytes) -> None:
        sink.current().write(line)

    debug = info = warning = warn = error = critical = exception = fatal = failure = log = msg


def _add_time(_logger: Any, _method: str, event: Event) -> Event:
    return {"time": clock.now(), "level": event.pop("level", "info"), "event": event.pop("event", ""), **event}


def _add_correlation(_logger: Any, _method: str, event: Event) -> Event:
    identifier = correlation_id.get()
    if identifier is not None:
        event.setdefault("correlation_id", identifier)
    return event


def _as_json(_logger: Any, _method: str, event: Event) -> bytes:
    return msgspec.json.encode(event, enc_hook=str) + b"\n"


class _AsText:
    """A line for a person: time of day, level, event, fields."""

    def __init__(self, *, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback, pad_event_to=28
        )

    def __call__(self, logger: Any, method: str, event: Event) -> bytes:
        event["time"] = event["time"][11:19]
        return (str(self._render(logger, method, event)) + "\n").encode("utf-8", "backslashreplace")


class _StandardHandler(logging.Handler):
    """Hands records of the standard library's `logging` to the processors that structlog's events go through."""

    def __init__(self, processors: list[Any]) -> None:
        super().__init__()
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event: Any = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                event["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            if record.stack_info:
                event["stack"] = record.stack_info
            for processor in self._processors:
                event = processor(None, record.levelname.lower(), event)
            sink.current().write(event)
        except Exception:  # noqa: BLE001 - a log line that cannot be written must not stop what it was about.
            self.handleError(record)


_access_log = AccessLog("off")


def is_human(settings: TelemetrySettings, stream: TextIO | BinaryIO, *, production: bool) -> bool:
    """Whether lines on `stream` are for a person to read."""
    if settings.log_format == "auto":
        return not production and stream.isatty()
    return settings.log_format == "human"


def configure(
    settings: TelemetrySettings, *, production: bool = False, stream: TextIO | BinaryIO | None = None
) -> None:
    """Set up the logs of this process, before anything is logged. A later call replaces the former."""
    stream = stream or sys.stderr
    sink.use(stream)
    human = is_human(settings, stream, production=production)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    finish: list[Any] = [_add_correlation, _add_time, redact_event]
    finish.append(_AsText(colors=stream.isatty()) if human else _as_json)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            *finish,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_arguments: _SinkLogger(),
        cache_logger_on_first_use=False,  # so that a process may be configured again; ordinary lines are few
    )
    _adopt_standard_loggers(_StandardHandler(finish), level)
    global _access_log  # noqa: PLW0603 - a process has one log.
    _access_log = AccessLog(settings.access_log, human=human)


def access_log() -> AccessLog:
    """The access log as `configure` made it; one that writes nothing in a process that was not configured."""
    return _access_log


def _adopt_standard_loggers(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in [
        old for old in root.handlers if type(old) is logging.StreamHandler or isinstance(old, _StandardHandler)
    ]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level <= logging.DEBUG else logging.WARNING)
    for name in _SILENCED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
    logging.getLogger("uvicorn.error").addFilter(_is_true)
    logging.captureWarnings(capture=True)


def _is_true(record: logging.LogRecord) -> bool:
    return record.msg != _UNTRUE


def unconfigure() -> None:
    """Undo `configure`: for tests, whose process has logs of its own."""
    global _access_log  # noqa: PLW0603 - a process has one log.
    _access_log = AccessLog("off")
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _StandardHandler)]:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=False)
    sink.reset()
    structlog.reset_defaults()


def flush() -> None:
    """Write what waits in the process's log."""
    sink.current().flush()
