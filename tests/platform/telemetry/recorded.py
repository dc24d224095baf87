"""Tracing into memory, and what its spans say."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from commonplace.platform.telemetry.tracing_export import ExportingTracing

ALWAYS, NEVER = 1.0, 0.0


class Recorded:
    """Tracing into memory."""

    def __init__(self, success_ratio: float = ALWAYS) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = ExportingTracing(
            SimpleSpanProcessor(self._exporter), "commonplace", role="serve", success_ratio=success_ratio
        )

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"
