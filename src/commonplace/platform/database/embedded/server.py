"""The embedded server as an application sees it: acquire a lease, use the server, close the lease.

    server = EmbeddedServer(data_dir)
    lease = await asyncio.to_thread(server.acquire)
    connection = await asyncpg.connect(**lease.dsn)
    …
    lease.close()

Every process acquires a lease of its own; the first starts the server, the last ends it.
"""

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from commonplace.platform.database.embedded.binaries import find_binaries
from commonplace.platform.database.embedded.cluster import ROLE, SUPERUSER
from commonplace.platform.database.embedded.errors import ServerFailed, StartTimedOut, error_named
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.supervisor import LINGER_SECONDS

DATABASE = "commonplace"
_SOURCE = Path(__file__).parents[4]
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from commonplace.platform.database.embedded.supervisor import main; main(sys.argv[2:])"
)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.3
_STOP_SECONDS = 60.0


class Lease:
    """The right to use the server, for as long as this is open and its supervisor lives.

    When the supervisor is gone (`is_lost`, `wait_until_lost`), the server ends, too. Acquire another lease then: it
    leads to the same place with the same password, so a pool that reconnects by itself needs nothing else.
    """

    def __init__(self, connection: socket.socket, answer: dict[str, Any], database: str) -> None:
        self._connection = connection
        self._answer = answer
        self._database = database

    @property
    def dsn(self) -> dict[str, Any]:
        """What `asyncpg.connect`, and `Address`, take: host (a directory), port, user, password, database."""
        return self.connection_to(self._database)

    def connection_to(self, database: str, *, superuser: bool = False) -> dict[str, Any]:
        """The same for another database, or for the role that may do everything (backups, extensions)."""
        return {**self._answer, "user": SUPERUSER if superuser else ROLE, "database": database}

    def url(self) -> str:
        """The address in the form of `DATABASE_URL`, password included."""
        dsn = self.dsn
        query = urlencode({"host": dsn["host"], "port": dsn["port"]})
        return (
            f"postgresql://{dsn['user']}:{quote(dsn['password'], safe='')}@/{quote(dsn['database'], safe='')}?{query}"
        )

    def fileno(self) -> int:
        """A file that becomes readable when the lease is lost, for an event loop."""
        return self._connection.fileno()

    def is_lost(self, timeout_seconds: float = 0.0) -> bool:
        """Whether the supervisor is gone; waits for that as long as is said."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(timeout_seconds * 1000))

    async def wait_until_lost(self) -> None:
        """Return when the supervisor is gone. Cancel it before closing the lease."""
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()
        watched = os.dup(self.fileno())  # Of its own: a loop takes one reader for a file, and several may wait.
        loop.add_reader(watched, lost.set)
        try:
            await lost.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)

    def close(self, *, linger: bool = False) -> None:
        """Give the lease back; closing twice is allowed.

        The last one out returns when the server is down, in about 0.1 s: whoever ends a container after this cuts
        nothing off. With `linger` it returns at once and leaves the server up for some seconds, for the next command.
        """
        with self._connection as connection:
            if linger or connection.fileno() < 0:
                return
            try:
                connection.settimeout(_STOP_SECONDS)
                connection.sendall(b"stop")
                connection.recv(1)
            except OSError:
                return  # The supervisor is gone, or takes longer than anybody should wait.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class EmbeddedServer:
    """The server of one data directory.

    Args:
        data_dir: where Commonplace keeps everything; the server uses `postgres/` and `logs/` in it.
        linger_seconds: how long a supervisor we start keeps the server up without leases.
        mode: insist on one way to run (`direct`, `namespace`, `setuid`); None chooses.
    """

    def __init__(self, data_dir: Path, *, linger_seconds: float = LINGER_SECONDS, mode: str | None = None) -> None:
        self.layout = Layout(data_dir)
        self._linger_seconds = linger_seconds
        self._mode = mode

    def acquire(self, *, database: str = DATABASE, timeout_seconds: float = 120.0) -> Lease:
        """Use the server that runs, or start one; returns when it takes connections (0.2 s; 1 s with a new cluster).

        It blocks: call it by `asyncio.to_thread` where a loop runs. The recovery after a crash is part of the wait.

        Raises:
            EmbeddedServerError: it cannot be had; the class says why and the message what to do.
        """
        end = time.monotonic() + timeout_seconds
        pause = _FIRST_PAUSE_SECONDS
        while (left := end - time.monotonic()) > 0:
            lease = self._connect(database, left)
            if lease is not None:
                return lease
            self._start_supervisor()
            lease = self._connect(database, max(end - time.monotonic(), 0.1))
            if lease is not None:
                return lease
            time.sleep(pause)  # Another supervisor is on its way in or out.
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise StartTimedOut(
            f"The database did not start within {timeout_seconds:g} s. {self.layout.log} says what it is doing; "
            "after a crash it may need longer. Start again to wait on."
        )

    def _connect(self, database: str, timeout_seconds: float) -> Lease | None:
        """A lease from a supervisor that is there; None when there is none, or it went before it answered."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(str(self.layout.supervisor_socket))
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except OSError:
            connection.close()
            return None
        answer = json.loads(line) if line.endswith(b"\n") else None
        if answer is None or "error" in answer:
            connection.close()
            if answer is None:
                return None
            raise error_named(answer["error"], answer["detail"])
        connection.settimeout(None)
        return Lease(connection, answer, database)

    def _start_supervisor(self) -> None:
        """Start a supervisor; returns when clients can connect to it, or to the one that was there before."""
        binaries = find_binaries()
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        mode = [] if self._mode is None else [self._mode]
        arguments = [str(self.layout.data_dir), str(binaries), str(self._linger_seconds), *mode]
        started = subprocess.run(  # noqa: S603 - our own program.
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(_SOURCE), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            env=kept,  # Neither our secrets nor what changes PostgreSQL.
            cwd="/",
            check=False,
        )
        if started.returncode == 0:
            return
        try:
            answer = json.loads(started.stdout)
        except ValueError:
            raise ServerFailed(
                f"The database's supervisor did not start: {started.stderr.decode(errors='replace')[-2000:]}"
            ) from None
        raise error_named(answer["error"], answer["detail"])
