"""Traces: off at no cost, on with all errors and a share of the rest."""

import subprocess
import sys
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.trace import StatusCode

from commonplace.platform.http import front
from commonplace.platform.telemetry import correlation, tracing, tracing_export
from commonplace.platform.telemetry.settings import TelemetrySettings
from commonplace.platform.telemetry.tracing import Tracing
from tests.platform.http.asking import ask
from tests.platform.telemetry.conftest import LogLines
from tests.platform.telemetry.recorded import ALWAYS, NEVER, Recorded, facts, trace_id

pytestmark = pytest.mark.anyio


class TestOff:
    def test_is_what_nobody_configured(self):
        off = tracing.configure(TelemetrySettings(), role="serve", environment={})
        assert not off.enabled
        with off.span("anything", kind="server", attributes={"a": 1}, traceparent="x") as span:
            span.set("b", 2)
            span.rename("something")
            span.fail("no reason")
        off.close()

    def test_hands_errors_on(self):
        with pytest.raises(KeyError), Tracing().span("anything"):
            raise KeyError

    def test_imports_no_sdk(self):
        program = (
            "import sys; from commonplace.platform.telemetry import tracing; "
            "from commonplace.platform.telemetry.settings import TelemetrySettings; "
            "tracing.configure(TelemetrySettings(), role='serve', environment={}); "
            "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0

    def test_is_told_when_the_sdk_is_missing(self, monkeypatch, log_lines: LogLines):
        monkeypatch.setitem(sys.modules, "commonplace.platform.telemetry.tracing_export", None)
        monkeypatch.delattr("commonplace.platform.telemetry.tracing_export", raising=False)
        settings = TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318")
        assert not tracing.configure(settings, role="serve").enabled
        assert log_lines()[0]["event"] == "tracing.unavailable"
        assert "commonplace[telemetry]" in log_lines()[0]["remedy"]


class TestSampling:
    def test_keeps_a_share_of_successes(self):
        recorded = Recorded(success_ratio=0.05)
        for _ in range(2_000):
            with recorded.tracing.span("request"):
                pass
        assert 40 <= len(recorded.spans) <= 180

    def test_keeps_every_error_with_all_its_steps(self):
        recorded = Recorded(NEVER)
        with recorded.tracing.span("fine"), recorded.tracing.span("fine too"):
            pass
        with pytest.raises(ValueError, match="wrong"), recorded.tracing.span("request"):
            with recorded.tracing.span("database"):
                pass
            raise ValueError("something is wrong")
        assert recorded.names == ["database", "request"]
        assert recorded.spans[1].status.status_code is StatusCode.ERROR

    def test_keeps_a_trace_whose_inner_step_failed(self):
        recorded = Recorded(NEVER)
        with recorded.tracing.span("request"):
            try:
                with recorded.tracing.span("thumbnail"):
                    raise OSError("disk")  # noqa: TRY301
            except OSError:
                pass
        assert recorded.names == ["thumbnail", "request"]

    def test_keeps_what_was_marked_as_failed(self):
        recorded = Recorded(NEVER)
        with recorded.tracing.span("request") as span:
            span.fail("503")
        assert recorded.names == ["request"]

    def test_decides_by_trace_so_that_processes_agree(self):
        first, second = Recorded(0.5), Recorded(0.5)
        for _ in range(50):
            with correlation.correlated():
                for recorded in (first, second):
                    with recorded.tracing.span("step"):
                        pass
        assert [trace_id(span) for span in first.spans] == [trace_id(span) for span in second.spans]
        assert 0 < len(first.spans) < 50

    def test_takes_a_step_that_outlives_its_root(self):
        recorded = Recorded(ALWAYS)
        inner = recorded.tracing.span("background")
        with recorded.tracing.span("request"):
            background = copy_context()
            background.run(inner.__enter__)
        background.run(inner.__exit__, None, None, None)
        assert recorded.names == ["request", "background"]

    def test_holds_no_more_than_it_should(self, monkeypatch):
        monkeypatch.setattr(tracing_export, "MAX_SPANS_PER_TRACE", 10)
        recorded = Recorded(ALWAYS)
        with recorded.tracing.span("request"):
            for _ in range(50):
                with recorded.tracing.span("step"):
                    pass
        assert recorded.names == ["step"] * 10 + ["request"]

    def test_gives_up_the_oldest_of_too_many(self, monkeypatch):
        monkeypatch.setattr(tracing_export, "MAX_OPEN_TRACES", 3)
        recorded = Recorded(ALWAYS)
        spans = [
            recorded.tracing.span(str(number), traceparent=f"00-{number:032x}-{1:016x}-01") for number in range(1, 6)
        ]
        contexts = [copy_context() for _ in spans]
        for span, context in zip(spans, contexts, strict=True):
            context.run(span.__enter__)
        for span, context in reversed(list(zip(spans, contexts, strict=True))):
            context.run(span.__exit__, None, None, None)
        assert recorded.names == ["5", "4", "3"]


class TestTraces:
    def test_are_named_after_the_correlation_id(self):
        recorded = Recorded()
        with correlation.correlated() as identifier, recorded.tracing.span("request"):
            pass
        with correlation.correlated(identifier), recorded.tracing.span("job", kind="consumer"):
            pass
        assert [trace_id(span) for span in recorded.spans] == [identifier, identifier]
        assert facts(recorded.spans[0])["correlation_id"] == identifier

    def test_have_a_name_of_their_own_under_another_s_id(self):
        recorded = Recorded()
        with correlation.correlated("order-4711"), recorded.tracing.span("request"):
            pass
        (span,) = recorded.spans
        assert len(trace_id(span)) == 32
        assert facts(span)["correlation_id"] == "order-4711"

    def test_join_the_caller_s(self):
        recorded = Recorded()
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        with recorded.tracing.span("request", traceparent=parent):
            pass
        (span,) = recorded.spans
        assert trace_id(span) == "0af7651916cd43dd8448eb211c80319c"
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"

    @pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01"])
    def test_do_not_join_what_is_no_trace(self, parent):
        recorded = Recorded()
        with recorded.tracing.span("request", traceparent=parent):
            pass
        assert recorded.spans[0].parent is None

    def test_of_a_job_do_not_hang_below_whatever_runs(self):
        recorded = Recorded()
        with recorded.tracing.span("request"), recorded.tracing.span("job", kind="consumer"):
            pass
        assert [span.parent for span in recorded.spans] == [None, None]

    def test_hold_no_secrets(self):
        recorded = Recorded()
        with pytest.raises(RuntimeError), recorded.tracing.span("db", attributes={"password": "hunter2"}) as span:
            span.set("note", "mail to ada@example.org")
            raise RuntimeError("postgresql://u:hunter2@db/cloud")
        (kept,) = recorded.spans
        assert "hunter2" not in str(facts(kept)) + str(kept.status.description)
        assert (kept.status.description, facts(kept)["error.type"]) == ("RuntimeError", "RuntimeError")
        assert facts(kept)["note"] == "mail to [e-mail]"


class TestRequests:
    def make_app(self, recorded: Recorded) -> Any:
        app = FastAPI()

        @app.get("/api/files/{file_id}")
        async def one(file_id: int) -> int:
            with recorded.tracing.span("db", kind="client"):
                return 1 // file_id

        return front.build(app, tracing=recorded.tracing)

    async def test_are_spans_with_their_route(self):
        recorded = Recorded()
        answer = await ask(self.make_app(recorded), path="/api/files/1")
        inner, outer = recorded.spans
        assert outer.name == "GET /api/files/{file_id}"
        assert facts(outer)["http.response.status_code"] == 200
        assert facts(outer)["http.route"] == "/api/files/{file_id}"
        assert trace_id(inner) == trace_id(outer) == answer.header("x-request-id")
        assert inner.parent is not None
        assert outer.context is not None
        assert inner.parent.span_id == outer.context.span_id

    async def test_that_fail_are_always_kept(self, log_lines: LogLines):
        recorded = Recorded(NEVER)
        await ask(self.make_app(recorded), path="/api/files/1")
        await ask(self.make_app(recorded), path="/api/files/nonsense")
        await ask(self.make_app(recorded), path="/api/files/0")
        assert recorded.names == ["db", "GET /api/files/{file_id}"]
        assert recorded.spans[1].status.description == "internal-error"
        assert log_lines()

    async def test_that_a_caller_traces_belong_to_it(self):
        recorded = Recorded()
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answer = await ask(self.make_app(recorded), path="/api/files/1", headers={"traceparent": parent})
        assert answer.header("x-request-id") == "0af7651916cd43dd8448eb211c80319c"
        assert {trace_id(span) for span in recorded.spans} == {"0af7651916cd43dd8448eb211c80319c"}


def test_spans_reach_a_collector():
    received: list[tuple[str, int]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, len(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}/"}
        on = tracing.configure(TelemetrySettings(trace_success_ratio=1), role="serve", environment=environment)
        assert on.enabled
        with on.span("request"):
            pass
        on.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [path for path, _ in received] == ["/v1/traces"]
    assert received[0][1] > 50
