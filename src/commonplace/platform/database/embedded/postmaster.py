"""One server of PostgreSQL as a child of this process: prepare its cluster, start it, see it ready, stop it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from commonplace.platform.database.embedded.cluster import (
    ensure_cluster,
    finish_upgrade,
    read_password,
    require_version,
)
from commonplace.platform.database.embedded.configuration import command_line, write_configuration
from commonplace.platform.database.embedded.errors import DirectoryNotOurs, ServerFailed, ServerKilled
from commonplace.platform.database.embedded.layout import PORT, Layout, explain, not_ours_text
from commonplace.platform.database.embedded.leftovers import lock_cluster
from commonplace.platform.database.embedded.process import (
    Identity,
    choose_identity,
    exit_code,
    failure,
    last_lines,
    send,
    spawn,
    wait_for_exit,
)
from commonplace.platform.database.embedded.reach import reachable_binaries

_STEP_SECONDS = 0.005
_LOG_BYTES = 1_000_000  # Twice that at most: one file being written and one full one.
_PATIENCE = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # fast, immediate, none


class Postmaster:
    """The server of one installation. Whoever owns one keeps it in the thread that started it.

    Args:
        layout: the installation.
        binaries: the directory of PostgreSQL's programs.
        durable: False gives up surviving a crash of the machine; for tests only.
        mode: insist on one way to run, as `choose_identity` has it.
    """

    def __init__(self, layout: Layout, binaries: Path, *, durable: bool, mode: str | None = None) -> None:
        self.layout = layout
        self.pid: int | None = None
        self._binaries = binaries
        self._durable = durable
        self._mode = mode
        self._log_start = 0
        self._password: str | None = None

    def start(self, is_cancelled: Callable[[], bool] = lambda: False, *, again: bool = False) -> None:
        """Start the server and return when it takes connections; recovery after a crash may take seconds.

        The caller owns the server (`take_ownership`) and has prepared the directories and sockets of the layout.
        `again` says that it ran before: then its cluster has to be there, and no other is made in its place.

        Raises:
            EmbeddedServerError: one of the tree in `errors.py`; nothing is left running.
        """
        if again and not self.layout.cluster.exists():
            raise ServerFailed(f"{self.layout.cluster} is gone. Put it back, or stop Commonplace and start anew.")
        try:
            lock = lock_cluster(self.layout)
            try:
                self._spawn(lock)
            finally:
                os.close(lock)  # The server holds it now; or nobody, after an error.
            self._password = read_password(self.layout)
            self._wait_until_ready(is_cancelled)
        except OSError as error:
            self.stop()
            raise explain(error, self.layout.home) from error

    def poll(self) -> int | None:
        """The exit code of a server that ended by itself, told once; None while it runs or when there is none."""
        code = None if self.pid is None else exit_code(self.pid)
        if code is not None:
            self.pid = None  # The number may soon be somebody else's.
        return code

    def stop(self) -> None:
        """End the server: connections are cut, what was committed is on the disk. Returns when it is gone."""
        if self.pid is None:
            return
        for number, seconds in _PATIENCE:
            send(self.pid, number)
            if wait_for_exit(self.pid, seconds) is not None:
                break
        self.pid = None

    def connection(self) -> dict[str, object]:
        """What `asyncpg.connect` takes to reach the server, but for the database."""
        return {"host": str(self.layout.sockets), "port": PORT, "password": self._password}

    def bound_log(self) -> None:
        """Keep the log small: past its limit it becomes `postgres.log.1`, in place of the one before."""
        bound_log(self.layout.log)

    def _spawn(self, lock: int) -> None:
        finish_upgrade(self.layout)
        identity, binaries = self._choose()
        identity.give(self.layout.sockets)
        ensure_cluster(self.layout, binaries, identity, lock=lock, durable=self._durable)
        write_configuration(self.layout, self.layout.cluster)
        bound_log(self.layout.log)
        output = open_log(self.layout)
        try:
            self._log_start = os.fstat(output).st_size
            command = command_line(binaries / "postgres", self.layout, self.layout.cluster, durable=self._durable)
            self.pid = spawn(identity, command, output=output, lock=lock)
        finally:
            os.close(output)

    def _choose(self) -> tuple[Identity, Path]:
        """As whom to run, and where that user finds the programs; refuses a cluster that is not ours or not of them."""
        try:
            owner = self.layout.cluster.stat().st_uid
        except FileNotFoundError:
            owner = None
        identity, major = choose_identity(self._binaries / "postgres", owner, self._mode)
        if owner is not None and owner not in (os.geteuid(), identity.owner):
            raise DirectoryNotOurs(not_ours_text(self.layout.cluster, owner))
        require_version(self.layout, major)
        return identity, reachable_binaries(self.layout, self._binaries, identity)

    def _wait_until_ready(self, is_cancelled: Callable[[], bool]) -> None:
        while self.pid is not None and not is_ready(self.layout.cluster, self.pid):
            code = self.poll()
            if code is not None or is_cancelled():
                self.stop()
                raise self._failure(code)
            time.sleep(_STEP_SECONDS)

    def _failure(self, code: int | None) -> Exception:
        """The error that the end of the log speaks of."""
        if code == -signal.SIGKILL:
            return ServerKilled(
                "The database was killed while it started. Is the machine short of memory? Start again."
            )
        with self.layout.log.open("rb") as stream:
            stream.seek(self._log_start)
            written = stream.read()[-4000:].decode(errors="replace")
        return failure(
            written,
            f"PostgreSQL ended with code {code} while it started. The end of {self.layout.log}:\n{last_lines(written)}",
        )


def is_ready(cluster: Path, pid: int) -> bool:
    """Whether the server says that it takes connections, in its own `postmaster.pid`: where `pg_ctl` looks, too."""
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return False
    return lines[0] == str(pid) and "ready" in (line.strip() for line in lines[-2:])


def open_log(layout: Layout) -> int:
    """The open log, for appending; raises DirectoryNotWritable or DiskFull."""
    try:
        return os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise explain(error, layout.logs) from error


def bound_log(log: Path) -> None:
    """Copy a log that is too long to `….1` and empty it. Its writers append, so they go on at the new end.

    What is written between the copy and the cut is lost: a few lines of a log, about once in a million bytes.
    """
    try:
        if log.stat().st_size <= _LOG_BYTES:
            return
        with log.open("rb+") as stream:
            stream.seek(-_LOG_BYTES, os.SEEK_END)
            kept = stream.read(_LOG_BYTES)
            stream.truncate(0)
        log.with_name(log.name + ".1").write_bytes(kept)
    except OSError:
        return  # No log yet; or the disk is full, and the server is worth more than its log.
