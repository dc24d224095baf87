"""One line for one fact, whoever tells it."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from typing import Any

import pytest
import structlog

from commonplace.platform.telemetry import correlation, logs, sink
from commonplace.platform.telemetry.access_log import AccessLog
from commonplace.platform.telemetry.settings import TelemetrySettings
from commonplace.platform.telemetry.sink import Sink
from tests.platform.telemetry.conftest import LogLines

log = structlog.get_logger()


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


class TestLines:
    def test_say_when_how_serious_and_what(self, log_lines: LogLines):
        log.warning("file.refused", size_bytes=7, reason=None)
        (line,) = log_lines()
        assert list(line)[:3] == ["time", "level", "event"]
        assert (line["level"], line["event"], line["size_bytes"]) == ("warning", "file.refused", 7)
        assert line["time"].endswith("Z")
        assert len(line["time"]) == len("2026-11-21T09:15:00.123Z")

    def test_bear_the_correlation_id(self, log_lines: LogLines):
        with correlation.correlated("one-and-the-same"):
            log.info("inside.ours")
            logging.getLogger("asyncpg").warning("inside theirs")
        log.info("outside")
        assert [line.get("correlation_id") for line in log_lines()] == ["one-and-the-same"] * 2 + [None]

    def test_of_libraries_take_the_same_way(self, log_lines: LogLines):
        logging.getLogger("asyncpg.pool").error("lost %s connections", 3)
        (line,) = log_lines()
        assert (line["event"], line["logger"], line["level"]) == ("lost 3 connections", "asyncpg.pool", "error")

    @pytest.mark.parametrize("name", ["uvicorn.access", "granian.access"])
    def test_of_servers_about_requests_are_not_written_twice(self, name, log_lines: LogLines):
        logging.getLogger(name).error("GET / 200")
        assert log_lines() == []

    def test_of_servers_are_written_once(self, log_lines: LogLines):
        logger = logging.getLogger("_granian")
        logger.addHandler(logging.StreamHandler())
        logs.configure(TelemetrySettings(log_format="json"), stream=sink.current()._stream)
        logger.info("Started worker-1")
        assert [line["event"] for line in log_lines()] == ["Started worker-1"]
        assert logger.handlers == []

    def test_tell_of_errors_with_their_traceback(self, log_lines: LogLines):
        try:
            raise ValueError("a reason")  # noqa: TRY301
        except ValueError:
            log.exception("thing.failed")
            logging.getLogger("asyncpg").exception("theirs")
        for line in log_lines():
            assert line["exception"].startswith("Traceback")
            assert "ValueError: a reason" in line["exception"]

    def test_below_the_level_are_not_written(self, log_lines: LogLines):
        log.debug("too.little")
        logging.getLogger("httpx").info("GET https://elsewhere.example")
        assert log_lines() == []

    def test_hold_what_json_does_not_know(self, log_lines: LogLines):
        log.info("odd", thing=object, when={1, 2})
        (line,) = log_lines()
        assert "object" in line["thing"]
        assert line["when"] == [1, 2]

    def test_of_warnings_are_lines_too(self, log_lines: LogLines):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logs.configure(TelemetrySettings(log_format="json"), stream=sink.current()._stream)
            warnings.warn("old way", DeprecationWarning, stacklevel=1)
        assert "old way" in log_lines()[0]["event"]

    def test_that_cannot_be_written_stop_nobody(self, log_lines: LogLines, monkeypatch):
        monkeypatch.setattr(logging, "raiseExceptions", False)
        logging.getLogger("asyncpg").warning("%d is no number", "seven")
        assert log_lines() == []


@pytest.mark.parametrize(
    ("choice", "stream", "production", "is_json"),
    [
        ("auto", io.BytesIO, False, True),
        ("auto", Terminal, False, False),
        ("auto", Terminal, True, True),
        ("human", io.BytesIO, True, False),
        ("json", Terminal, False, True),
    ],
)
def test_people_at_a_terminal_get_a_form_of_their_own(choice, stream, production, is_json):
    target = stream()
    try:
        logs.configure(TelemetrySettings(log_format=choice), production=production, stream=target)
        log.info("server.ready", port=8000)
    finally:
        logs.unconfigure()
    line = target.getvalue().decode()
    assert "server.ready" in line
    assert line.startswith("{") == is_json


class TestAccessLog:
    def tell(self, access_log: AccessLog, status: int, **more: Any) -> None:
        facts = {
            "path": "/auth/login",
            "route": "/api/auth/login",
            "duration_seconds": 0.00234,
            "client": "::1",
            **more,
        }
        access_log.tell("http.request", correlation_id="an-id", method="POST", status=status, **facts)

    def test_tells_what_was_asked_and_answered(self, log_lines: LogLines):
        self.tell(AccessLog(), 201)
        (line,) = log_lines()
        assert line.pop("time").endswith("Z")
        assert line == {
            "level": "info",
            "event": "http.request",
            "correlation_id": "an-id",
            "method": "POST",
            "path": "/auth/login",
            "route": "/api/auth/login",
            "status": 201,
            "duration_ms": 2.34,
            "client": "::1",
        }

    @pytest.mark.parametrize(
        ("choice", "statuses"), [("all", [200, 304, 404, 200, 500]), ("errors", [404, 200, 500]), ("off", [])]
    )
    def test_tells_as_much_as_is_wished(self, choice, statuses, log_lines: LogLines):
        access_log = AccessLog(choice)
        for status, problem in ((200, ""), (304, ""), (404, "not-found"), (200, "internal-error"), (500, "")):
            self.tell(access_log, status, problem=problem)
        assert [line["status"] for line in log_lines()] == statuses

    def test_is_as_serious_as_the_answer(self, log_lines: LogLines):
        for status, problem in ((200, ""), (404, "not-found"), (503, "overloaded"), (200, "internal-error")):
            self.tell(AccessLog(), status, problem=problem)
        assert [line["level"] for line in log_lines()] == ["info", "warning", "error", "error"]

    @pytest.mark.usefixtures("log_lines")
    def test_has_a_form_for_people(self, stream):
        self.tell(AccessLog(human=True), 200, path="/odd\x1b[2J")
        logs.flush()
        assert stream.getvalue().endswith(b" 200 POST   /odd\\x1b[2J 2.34 ms\n")


class TestSink:
    async def _in_loop(self, stream: io.BytesIO) -> tuple[bytes, bytes]:
        target = Sink(stream)
        target.write_soon(b"first\n")
        early = stream.getvalue()
        while not stream.getvalue():
            await asyncio.sleep(0)
        return early, stream.getvalue()

    def test_gathers_lines_for_a_moment(self, stream):
        assert asyncio.run(self._in_loop(stream)) == (b"", b"first\n")

    def test_gathers_nothing_where_no_loop_runs(self, stream):
        Sink(stream).write_soon(b"first\n")
        assert stream.getvalue() == b"first\n"

    def test_keeps_the_order(self, stream):
        async def both() -> None:
            target = Sink(stream)
            target.write_soon(b"first\n")
            target.write(b"second\n")

        asyncio.run(both())
        assert stream.getvalue() == b"first\nsecond\n"

    def test_writes_no_more_at_once_than_a_pipe_keeps_whole(self):
        sizes: list[int] = []

        class Pipe(io.BytesIO):
            def write(self, data: Any) -> int:
                sizes.append(len(data))
                return len(data)

        async def many() -> None:
            target = Sink(Pipe())
            for _ in range(100):
                target.write_soon(b"x" * 199 + b"\n")
            target.flush()

        asyncio.run(many())
        assert sum(sizes) == 20_000
        assert max(sizes) <= 4_096

    def test_outlives_its_reader(self):
        class Closed(io.BytesIO):
            def write(self, _data: Any) -> int:
                raise BrokenPipeError

        target = Sink(Closed())
        target.write(b"lost\n")
        target.write(b"lost as well\n")

    def test_takes_lines_of_several_threads(self, stream):
        target = Sink(stream)

        def tell(number: int) -> None:
            for _ in range(200):
                target.write(b"%d\n" % number)

        threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(stream.getvalue().split()) == sorted([b"0", b"1", b"2", b"3"] * 200)


def test_lines_that_wait_are_written_at_the_end():
    program = """
import asyncio, sys
from commonplace.platform.telemetry import logs
from commonplace.platform.telemetry.access_log import AccessLog
from commonplace.platform.telemetry.settings import TelemetrySettings
logs.configure(TelemetrySettings(), stream=sys.stdout)
async def main():
    logs.access_log().tell("http.request", correlation_id="x", method="GET", path="/", route="/", status=200,
                           duration_seconds=0, client="")
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    assert json.loads(ended.stdout)["event"] == "http.request"


@pytest.mark.parametrize("identifier", ["given", None])
def test_a_correlation_ends_with_its_block(identifier):
    assert correlation.current() is None
    with correlation.correlated("outer"):
        with correlation.correlated(identifier) as name:
            assert correlation.current() == name
            assert name == "given" or (len(name) == 32 and int(name, 16))
        assert correlation.current() == "outer"
    assert correlation.current() is None
