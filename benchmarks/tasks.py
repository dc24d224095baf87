"""Tasks: one and a page of fifty, beside a service as the textbooks write it and beside Radicale."""

import asyncio
import base64
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import httpx

from benchmarks import textbook
from benchmarks.load import press
from benchmarks.report import Result
from benchmarks.servers import BIN, Commonplace, Program, free_port
from benchmarks.token_check import TARGET, token_check_us
from commonplace.platform.database.embedded.server import EmbeddedServer

ROUNDS = 2  #: in turn, and the better is taken: the machine's speed drifts
PAGE = 50


def tasks(directory: Path) -> Iterator[Result]:
    """Reads of tasks by id and in pages."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    book, book_headers = _textbook(ours)
    radicale, radicale_headers = _radicale(directory / "radicale")
    try:
        made = [{"title": f"Task {number:04}", "notes": "Notes."} for number in range(PAGE)]
        for one in made:
            identifier = ours.client.post("/api/tasks", json=one).raise_for_status().json()["id"]
        row = httpx.get(f"{book.url}/tasks", headers=book_headers).raise_for_status().json()[0]["id"]
        pairs: list[tuple[str, str, str, str]] = [
            ("task by id", f"{ours.url}/api/tasks/{identifier}", f"{book.url}/tasks/{row}", "/ana/tasks/0.ics"),
            ("page of 50 tasks", f"{ours.url}/api/tasks?limit={PAGE}", f"{book.url}/tasks?limit={PAGE}", "/ana/tasks/"),
        ]
        for what, mine, theirs, item in pairs:
            best = [0.0, 0.0, 0.0]
            targets: list[tuple[str, Mapping[str, str]]] = [
                (mine, ours.headers),
                (theirs, book_headers),
                (radicale.url + item, radicale_headers),
            ]
            for _ in range(ROUNDS):
                for index, (url, headers) in enumerate(targets):
                    load = press(url, headers=headers)
                    assert load.errors == 0, f"{url}: {load.errors} errors"
                    best[index] = max(best[index], load.per_second)
            yield Result(what, best[0], best[1], "FastAPI and SQLModel as in textbooks", "req/s", 1.0)
            yield Result(what, best[0], best[2], "Radicale", "req/s", 1.0)
            if what == "task by id":
                read_us = (os.cpu_count() or 1) / best[0] * 1e6  # of a processor, the client's share included
                check_us = token_check_us(ours)
                yield Result("token check", check_us, read_us, "µs for a task by id", "µs", TARGET, less_is_better=True)
    finally:
        for program in (radicale, book, ours):
            program.stop()


def _textbook(ours: Commonplace) -> tuple[Program, dict[str, str]]:
    """The textbooks' service on the same database server."""
    with EmbeddedServer(ours.directory).acquire() as lease:
        dsn = lease.url().replace("/commonplace?", "/textbook?").replace("postgresql://", "postgresql+asyncpg://")
        token = asyncio.run(_fill(lease.connection_to("postgres"), dsn))
    port = free_port()
    program = Program(
        [BIN / "uvicorn", "benchmarks.textbook:app", "--port", port, "--workers", 2, "--log-level", "critical"],
        port=port,
        ready="/docs",
        environ={"TEXTBOOK_DSN": dsn},
    )
    return program, {"Authorization": f"Bearer {token}"}


async def _fill(administrator: dict[str, object], dsn: str) -> str:
    connection = await asyncpg.connect(**administrator)
    await connection.execute("CREATE DATABASE textbook")
    await connection.close()
    return await textbook.fill(dsn)


def _radicale(directory: Path) -> tuple[Program, dict[str, str]]:
    """Radicale as its manual starts it, with a collection of fifty tasks."""
    directory.mkdir(parents=True)
    (directory / "users").write_text("ana:ana\n")
    port = free_port()
    configuration = directory / "config"
    configuration.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\nmax_connections = 100\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {directory / 'users'}\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {directory / 'collections'}\n[logging]\nlevel = error\n"
    )
    program = Program([BIN / "radicale", "--config", configuration], port=port, ready="/.web/")
    headers = {"Authorization": "Basic " + base64.b64encode(b"ana:ana").decode()}
    with httpx.Client(base_url=program.url, headers=headers) as client:
        client.request("MKCALENDAR", "/ana/tasks/").raise_for_status()
        for number in range(PAGE):
            body = (
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\nBEGIN:VTODO\r\n"
                f"UID:{number}\r\nDTSTAMP:20261121T000000Z\r\nSUMMARY:Task {number:04}\r\nDESCRIPTION:Notes.\r\n"
                "END:VTODO\r\nEND:VCALENDAR\r\n"
            )
            client.put(f"/ana/tasks/{number}.ics", content=body, headers={"Content-Type": "text/calendar"})
    return program, headers
