"""The supervisor: a small process of its own that owns the server and ends it when nobody needs it any longer.

Every process of an installation that uses the server holds a *lease*: a connection to the supervisor's socket. The
kernel closes it however its holder ends, so nothing has to be counted or cleaned up. What goes over it:

    supervisor → client   one line of JSON when the server is ready: {"host": …, "port": …, "password": …}
                          or when it cannot be started: {"error": class name, "detail": message}
    client → supervisor   "stop": I leave; if I am the last, do not linger, and close my connection when all is down

Whichever process needs the server first starts a supervisor; a file lock decides between several. It survives its
starter, ends after a short linger without leases, and starts the server again whenever that ends by itself. When the
supervisor is killed, the kernel interrupts the server (see `launch.py`), and holders of leases see theirs end.

This runs as `python -I -S` and imports nothing heavy: it takes about 8 MB, of which 5 are shared with other Pythons.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

from commonplace.platform.database.embedded.errors import EmbeddedServerError, ServerInUse, ServerKilled
from commonplace.platform.database.embedded.layout import Layout, explain
from commonplace.platform.database.embedded.leftovers import owner, sign, take_ownership
from commonplace.platform.database.embedded.postmaster import Postmaster, open_log

LINGER_SECONDS = 3.0  # A command after a command finds the server still there; a start takes 0.1 s.
_GRACE_SECONDS = 20.0  # After SIGTERM, which systemd sends to all of us at once, the application finishes first.
_LOG_CHECK_SECONDS = 10.0
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.2, 10.0
_STEADY_SECONDS = 30.0  # A server that ran for this long is started again at once.
_FIRST_ATTEMPTS = 3
_BACKLOG = 64


class Supervisor:
    """Serves leases of one server until the last is given back.

    Args:
        postmaster: the server, not yet started.
        listener: the listening socket clients connect to; closed at the end, and its file removed.
        linger_seconds: how long the server stays up after the last client went without a word.
    """

    def __init__(self, postmaster: Postmaster, listener: socket.socket, *, linger_seconds: float) -> None:
        self._postmaster = postmaster
        self._listener = listener
        self._linger_seconds = linger_seconds
        self._clients: dict[int, socket.socket] = {}
        self._waker, self._wake = os.pipe()
        self._poll = select.poll()
        self._stop_by: float | None = None
        self._linger_until: float | None = None
        self._started_at = 0.0
        self._delay = 0.0
        self._retry_at: float | None = None
        self._watched: int | None = None
        self._untold: list[socket.socket] = []  # Clients that wait for the server to be ready.
        self._leaving: list[socket.socket] = []  # Clients that wait for the server to be down.

    def request_stop(self, *_signal: object) -> None:
        """Stop when the last lease ends, or after 20 s; asked twice: at once. May be called by a signal handler."""
        self._stop_by = time.monotonic() + (_GRACE_SECONDS if self._stop_by is None else 0)
        os.write(self._wake, b"!")

    def serve(self) -> None:
        """Start the server and serve; returns when it is down, and the socket is gone."""
        self._listener.settimeout(0)
        for descriptor in (self._listener.fileno(), self._waker):
            self._poll.register(descriptor, select.POLLIN)
        try:
            self._start_first()
            self._count()
            while not self._is_over():
                self._wait()
                self._look_after_server()
                self._count()
        except EmbeddedServerError as error:
            self._refuse(error)
        finally:
            self._end()

    # Clients.

    def _wait(self) -> None:
        """Sleep until something happens, and deal with the clients it happens to."""
        for descriptor, _ in self._poll.poll(self._patience() * 1000):
            if descriptor == self._listener.fileno():
                self._accept()
            elif descriptor == self._waker:
                os.read(self._waker, 64)
            elif descriptor in self._clients:
                self._hear(descriptor)

    def _count(self) -> None:
        """Decide by who is there how long the server stays."""
        self._accept()  # One that came in the meantime keeps the server, whoever leaves.
        if self._clients:
            self._linger_until = None
            _close(self._leaving)
        elif self._leaving:
            self._linger_until = 0.0
        elif self._linger_until is None:
            self._linger_until = time.monotonic() + self._linger_seconds

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            client.settimeout(0)
            self._clients[client.fileno()] = client
            self._poll.register(client.fileno(), select.POLLIN)
            self._untold.append(client)
        if self._postmaster.pid is not None:
            self._tell(self._postmaster.connection())

    def _hear(self, descriptor: int) -> None:
        """A client spoke or left: it has nothing to say but that it leaves."""
        client = self._clients.pop(descriptor)
        self._poll.unregister(descriptor)
        if client in self._untold:
            self._untold.remove(client)
        try:
            asked = client.recv(64)
        except OSError:
            asked = b""
        if asked:
            self._leaving.append(client)  # Closed when the server is down, or somebody else needs it: the answer.
        else:
            client.close()

    def _tell(self, answer: dict[str, object]) -> None:
        """Answer everybody who waits. Who was answered hears nothing more: a lease is quiet until it is lost."""
        for client in self._untold:
            try:
                client.send(json.dumps(answer).encode() + b"\n")
            except OSError:
                continue  # It left; the poll tells the same.
        self._untold.clear()

    def _refuse(self, error: EmbeddedServerError) -> None:
        """Hand a start that failed to everybody who waits for it."""
        if self._stop_by is not None:
            return  # It was stopped by somebody's will; clients try again with another supervisor.
        _note(f"the server cannot be started: {error.detail}")
        self._accept()
        self._tell({"error": type(error).__name__, "detail": error.detail})

    # The server.

    def _start_first(self) -> None:
        for attempt in range(_FIRST_ATTEMPTS):
            try:
                self._postmaster.start(self._must_stop)
            except ServerKilled:
                if attempt + 1 == _FIRST_ATTEMPTS:
                    raise
                _note("the server was killed while it started; it is started again")
            else:
                break
        self._started()

    def _look_after_server(self) -> None:
        code = self._postmaster.poll() if self._retry_at is None else None
        if code is not None:
            self._unwatch()
            if time.monotonic() - self._started_at > _STEADY_SECONDS:
                self._delay = 0.0
            _note(f"the server ended with code {code}; it is started again in {self._delay:g} s")
            self._retry_later()
        if self._retry_at is not None and time.monotonic() >= self._retry_at and not self._must_stop():
            try:
                self._postmaster.start(self._must_stop, again=True)
            except EmbeddedServerError as error:
                _note(f"the server did not start: {error.detail}")
                self._retry_later()
            else:
                self._started()
        self._postmaster.bound_log()

    def _retry_later(self) -> None:
        self._retry_at = time.monotonic() + self._delay
        self._delay = min(max(self._delay * 2, _FIRST_DELAY_SECONDS), _LONGEST_DELAY_SECONDS)

    def _started(self) -> None:
        self._started_at = time.monotonic()
        self._retry_at = None
        self._tell(self._postmaster.connection())
        if hasattr(os, "pidfd_open") and self._postmaster.pid is not None:
            self._watched = os.pidfd_open(self._postmaster.pid)
            self._poll.register(self._watched, select.POLLIN)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._poll.unregister(self._watched)
            os.close(self._watched)
            self._watched = None

    # Time.

    def _patience(self) -> float:
        """Seconds until something has to be done unasked."""
        times = [at for at in (self._stop_by, self._linger_until, self._retry_at) if at is not None]
        left = min(times, default=float("inf")) - time.monotonic()
        return max(0.0, min(left, _LOG_CHECK_SECONDS if self._watched is not None else 0.5))

    def _must_stop(self) -> bool:
        return self._stop_by is not None and (not self._clients or time.monotonic() >= self._stop_by)

    def _is_over(self) -> bool:
        return self._must_stop() or (self._linger_until is not None and time.monotonic() >= self._linger_until)

    def _end(self) -> None:
        """No client after this: the socket's file goes first, so that the next one starts a supervisor of its own."""
        self._postmaster.layout.supervisor_socket.unlink(missing_ok=True)
        self._listener.close()
        self._unwatch()
        self._postmaster.stop()
        _close([*self._clients.values(), *self._leaving])
        os.close(self._waker)
        os.close(self._wake)
        self._postmaster.layout.remove_sockets()


def take_supervision(layout: Layout) -> tuple[int, socket.socket] | None:
    """Become the supervisor: the open lock file, and the socket to serve. None: somebody else is.

    Raises:
        ServerInUse: the owner shares its server with nobody.
        EmbeddedServerError: the data directory cannot be used.
    """
    layout.create_directories()
    try:
        ownership = take_ownership(layout, "supervisor")
        if ownership is not None:
            return ownership, _listen(layout)
    except OSError as error:
        raise explain(error, layout.home) from error
    role, pid = owner(layout) or ("supervisor", 0)
    if role == "supervisor":
        return None
    raise ServerInUse(f"{layout.data_dir} is in use: {role}, process {pid}. Wait until it ends, then start again.")


def _listen(layout: Layout) -> socket.socket:
    """Listen where clients look, replacing what a dead supervisor left there."""
    for elsewhere in (False, True):
        listener = socket.socket(socket.AF_UNIX)
        layout.prepare_sockets(elsewhere=elsewhere)
        layout.supervisor_socket.unlink(missing_ok=True)
        try:
            listener.bind(str(layout.supervisor_socket))
        except OSError:  # Not every file system takes sockets: some of those that containers share with their host.
            listener.close()
            if elsewhere:
                raise
            continue
        break
    listener.listen(_BACKLOG)
    return listener


def _note(text: str) -> None:
    """A line for the log, which is where our standard error leads."""
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC [supervisor] {text}\n"
    try:
        os.write(2, line.encode(errors="replace"))
    except OSError:
        return  # A full disk takes no log, and that is no reason to end.


def _close(clients: list[socket.socket]) -> None:
    for client in clients:
        client.close()
    clients.clear()


def _detach(output: int) -> None:
    """Live on without the process that started us: no parent, no terminal, no open file of its."""
    if os.fork():
        os._exit(0)
    os.chdir("/")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device.
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def main(arguments: list[str]) -> None:
    """Supervise: DATA_DIR BINARIES LINGER_SECONDS [MODE].

    Returns to its starter as soon as clients can connect; what keeps it from that goes to the standard output as the
    JSON of an error, with exit code 1. Exit code 0 also when another supervisor is there already.
    """
    data_dir, binaries, linger_seconds, *mode = arguments
    os.umask(0o077)
    layout = Layout(Path(data_dir))
    try:
        taken = take_supervision(layout)
        output = open_log(layout)
    except EmbeddedServerError as error:
        print(json.dumps({"error": type(error).__name__, "detail": error.detail}))  # noqa: T201 - read by our starter.
        sys.exit(1)
    if taken is None:
        return
    _detach(output)
    sign(taken[0], "supervisor")  # The process has another number now.
    postmaster = Postmaster(layout, Path(binaries), durable=True, mode=mode[0] if mode else None)
    supervisor = Supervisor(postmaster, taken[1], linger_seconds=float(linger_seconds))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, supervisor.request_stop)
    supervisor.serve()
