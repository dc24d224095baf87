"""Traces made and sent with OpenTelemetry: imported only when a collector is configured.

Which traces are worth sending is known when they end: all with an error, and a small share of the others. So every
span is recorded, kept in memory until the step that began it in this process ends, and then sent or dropped
(`KeepErrorsAndSome`). The share is chosen by trace id: processes agree on it without asking. What another process did
in a trace without an error there is not sent because of an error here.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as RecordedSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from commonplace.platform.telemetry.correlation import correlation_id
from commonplace.platform.telemetry.redaction import redacted, redacted_text
from commonplace.platform.telemetry.tracing import Attribute, Kind, Span, Tracing

MAX_OPEN_TRACES = 5_000  #: beyond, the oldest undecided one is given up
MAX_SPANS_PER_TRACE = 500  #: beyond, further spans of it are dropped

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_KINDS: Mapping[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
#: Requests and jobs are steps of nothing else in this process, whatever happens to run around them.
_ROOTS = (SpanKind.SERVER, SpanKind.CONSUMER)
_NO_PARENT = trace.set_span_in_context(trace.INVALID_SPAN, Context())


def to_collector(endpoint: str, *, service_name: str, role: str, success_ratio: float) -> Tracing:
    """Tracing that sends to the OTLP collector at `endpoint` (over HTTP), in batches, from a thread."""
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    return ExportingTracing(BatchSpanProcessor(exporter), service_name, role=role, success_ratio=success_ratio)


class CorrelatedIds(RandomIdGenerator):
    """Names a new trace after the correlation id where that has the form of a trace id."""

    def generate_trace_id(self) -> int:
        """The correlation id as a number, or a random one."""
        identifier = correlation_id.get() or ""
        if _TRACE_ID.fullmatch(identifier) and (number := int(identifier, 16)):
            return number
        return super().generate_trace_id()


class _Group:
    """The spans of one local root: undecided while `keep` is None."""

    def __init__(self, root_id: int) -> None:
        self.root_id = root_id
        self.ended: list[ReadableSpan] = []
        self.has_error = False
        self.keep: bool | None = None


class KeepErrorsAndSome(SpanProcessor):
    """Passes on the spans of every local root that has an error in it, and of `success_ratio` of the others."""

    def __init__(self, sink: SpanProcessor, success_ratio: float) -> None:
        self._sink = sink
        self._bound = round(success_ratio * (1 << 64))
        self._groups: OrderedDict[int, _Group] = OrderedDict()  #: by the id of each span that has not ended

    def on_start(self, span: RecordedSpan, parent_context: Context | None = None) -> None:
        """File the span under its local root."""
        parent = span.parent
        group = None if parent is None or parent.is_remote else self._groups.get(parent.span_id)
        span_id = span.context.span_id
        self._groups[span_id] = group or _Group(span_id)
        if len(self._groups) > MAX_OPEN_TRACES:
            self._groups.popitem(last=False)
        self._sink.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span until its root ends; then decide on all of them."""
        context = span.context
        group = self._groups.pop(context.span_id, None) if context else None
        if group is None or context is None:
            return
        group.has_error = group.has_error or span.status.status_code is StatusCode.ERROR
        if group.keep is not None:  # the root ended before this child
            if group.keep or group.has_error:
                self._sink.on_end(span)
            return
        if len(group.ended) < MAX_SPANS_PER_TRACE or context.span_id == group.root_id:
            group.ended.append(span)
        if context.span_id == group.root_id:
            group.keep = group.has_error or (context.trace_id & ((1 << 64) - 1)) < self._bound
            for kept in group.ended if group.keep else ():
                self._sink.on_end(kept)
            group.ended.clear()

    def shutdown(self) -> None:
        """Send what was kept."""
        self._sink.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what was kept, now."""
        return self._sink.force_flush(timeout_millis)


class _LiveSpan(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: Attribute) -> None:
        self._span.set_attribute(name, redacted(name, value))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, reason: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, redacted_text(reason)))


class ExportingTracing(Tracing):
    """Tracing whose kept spans go to `processor`."""

    enabled = True

    def __init__(self, processor: SpanProcessor, service_name: str, *, role: str, success_ratio: float) -> None:
        resource = Resource.create({"service.name": service_name, "service.instance.role": role})
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=CorrelatedIds(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(KeepErrorsAndSome(processor, success_ratio))
        self._tracer = self._provider.get_tracer("commonplace")

    def span(
        self,
        _name: str,
        *,
        kind: Kind = "internal",
        attributes: Mapping[str, Attribute] | None = None,
        traceparent: str | None = None,
    ) -> AbstractContextManager[Span]:
        """See `Tracing.span`."""
        return self._span(_name, _KINDS[kind], attributes or {}, traceparent)

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Attribute], traceparent: str | None
    ) -> Iterator[Span]:
        facts = {key: redacted(key, value) for key, value in attributes.items()}
        identifier = correlation_id.get()
        if identifier is not None:
            facts["correlation_id"] = identifier
        with self._tracer.start_as_current_span(
            name,
            context=_remote(traceparent) or (_NO_PARENT if kind in _ROOTS else None),
            kind=kind,
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            live = _LiveSpan(span)
            try:
                yield live
            except Exception as error:
                # Its text may hold what a person sent; the log line with the same correlation id has it, redacted.
                live.set("error.type", type(error).__qualname__)
                live.fail(type(error).__name__)
                raise

    def close(self) -> None:
        """Send what has not been sent; waits for the collector for a few seconds at most."""
        self._provider.shutdown()


def _remote(traceparent: str | None) -> Context | None:
    """The caller's span as parent. Its `sampled` flag is not obeyed: strangers do not decide what we send."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    parent = SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(1))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context()) if parent.is_valid else None
