"""Traces: which steps a request or a job took, and how long each. Off unless a collector is configured.

While off, nothing of OpenTelemetry is imported by us and `span` hands out one object that does nothing.
`tracing_export.py` is the other half. A trace's id is the correlation id, when that has the form of one (ours do): so
the spans of a request, of the events it told and of the jobs that followed are one trace, in whatever process they
ran.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal

import structlog

from commonplace.platform.telemetry.settings import TelemetrySettings

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | int | float | bool

log = structlog.get_logger()


class Span:
    """One step. This one, of tracing that is off, records nothing."""

    def set(self, name: str, value: Attribute) -> None:
        """Attach a fact to the step: a route, a count, a business fact. No secrets, no personal data."""

    def rename(self, name: str) -> None:
        """Give the step a better name, once it is known."""

    def fail(self, reason: str) -> None:
        """Mark the step as failed; its trace is then kept. An exception that leaves the span's block does this too."""


class _NoSpan(AbstractContextManager[Span]):
    def __init__(self) -> None:
        self._span = Span()

    def __enter__(self) -> Span:
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


_NO_SPAN = _NoSpan()


class Tracing:
    """Tracing that is off."""

    enabled = False

    def span(
        self,
        _name: str,
        *,
        kind: Kind = "internal",  # noqa: ARG002 - the signature that the exporting one has
        attributes: Mapping[str, Attribute] | None = None,  # noqa: ARG002
        traceparent: str | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """A step that lasts as long as the block. Steps begun inside are its children.

        `traceparent`: the caller's, as W3C Trace Context writes it, where the step answers a call from another process.
        An exception leaving the block marks the step as failed.
        """
        return _NO_SPAN

    def close(self) -> None:
        """Send what has not been sent."""


def configure(settings: TelemetrySettings, *, role: str, environment: Mapping[str, str] = os.environ) -> Tracing:
    """Tracing as `settings` ask for it: `role` (serve, worker …) tells processes of one installation apart."""
    endpoint = settings.otlp_endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint:
        return Tracing()
    try:
        from commonplace.platform.telemetry import tracing_export  # noqa: PLC0415 - costs 60 ms and 12 MB: only when on.
    except ImportError as error:
        log.warning("tracing.unavailable", reason=str(error), remedy="pip install 'commonplace[telemetry]'")
        return Tracing()
    return tracing_export.to_collector(
        endpoint, service_name=settings.service_name, role=role, success_ratio=settings.trace_success_ratio
    )
