"""The processes of `commonplace serve`: a parent that owns nothing but its children.

    commonplace serve          starts the database, migrates, watches; restarts what dies
    ├── web                    the server's main process (granian)
    │   ├── web worker 1 … n   the ASGI application
    └── worker                 deliveries: thumbnails and the like
        └── media              renders pictures, only while there are some

The parent imports the application before it forks, so the children share that memory. It runs no event loop and no
thread of its own; whatever needs one at start (migrating, the first-run link) happens in a child that ends.
"""

import multiprocessing
import os
import resource
import select
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final, Literal, cast

import structlog

from commonplace import application, startup
from commonplace.platform.database.embedded.server import EmbeddedServer, Lease
from commonplace.platform.http.certificate import Certificate
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.lifeline import die_with_parent
from commonplace.platform.telemetry import run_directory
from commonplace.settings import Settings

Server = Literal["granian", "uvicorn"]

STOP_SECONDS: Final = 30.0  #: how long children may take to finish what they began
_RESTART_SECONDS: Final = 1.0
_READY_SECONDS: Final = 60.0
_BACKLOG: Final = 1024
_OPEN_FILES: Final = 65_536
_WORKER_NICENESS: Final = 5  # on a machine that both share, somebody waits for a request and nobody for a delivery
_log = structlog.get_logger(__name__)
_fork = multiprocessing.get_context("fork")  # see docs/decisions/0003: the children share what the parent imported


class CannotStart(Exception):
    """Something outside is in the way; the message says what to do."""


def web_workers(settings: Settings) -> int:
    """How many web processes, unless it is set: one a processor, between two and four.

    Two at least, since one that is busy must not stop the other; four at most, since the database's connections and
    the memory grow with each.
    """
    return settings.web_workers or min(max(os.cpu_count() or 1, 2), 4)


class Supervisor:
    """Starts the children of one `serve`, restarts those that die, and stops them in order."""

    def __init__(self, settings: Settings, *, apps: tuple[str, ...], with_worker: bool, server: Server) -> None:
        self._settings = settings
        self._apps = apps
        self._server = server
        self._port = settings.port
        self._lease: Lease | None = None
        self._certificate = settings.tls.pair
        self._children: dict[str, Any] = {}
        self._listener: socket.socket | None = None
        names = ["web"] if server == "granian" else [f"web-{number + 1}" for number in range(web_workers(settings))]
        self._programs: dict[str, Callable[[], None]] = dict.fromkeys(names, self._serve_web)
        if with_worker:
            self._programs["worker"] = self._run_worker
        self._wake_reader, self._wake_writer = os.pipe()
        self._stop_asked = False

    def run(self, *, when_leased: Callable[[], None] | None = None) -> int:
        """Serve until a signal says stop; the exit code. `when_leased` is called once the database is held."""
        _allow_many_connections()
        self._listener = _listener(self._settings.host, self._settings.port)
        self._port = int(self._listener.getsockname()[1])
        if self._server == "granian":  # it binds by itself; the address was free, which is what we wanted to know
            self._listener.close()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        self._take_lease()
        try:
            if when_leased is not None:
                when_leased()
            self._prepare()
            if self._is_stopping():
                return 0
            for name in self._programs:
                self._start(name)
            self._announce()
            self._watch()
        finally:
            self._stop()
            if self._lease is not None:
                self._lease.close()
        return 0

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        return str(
            PublicUrl.of(self._settings.public_url, self._settings.host, self._port, scheme=self._settings.scheme)
        )

    def _take_lease(self) -> None:
        if self._settings.database_url is None:
            self._say("Starting the database …")
            self._lease = EmbeddedServer(self._settings.data_dir).acquire()

    def _prepare(self) -> None:
        run_directory.prepare(self._settings.data_dir)
        application.secret_key(self._settings)
        link = in_a_child(lambda: startup.prepare(self._settings, self._apps, self.url))
        self._link: str | None = link

    def _announce(self) -> None:
        if not self._wait_until_ready():
            return
        self._say(f"Commonplace is at {self.url}")
        if self._link is not None:
            self._say(f"Make the first account, the administrator's, once, here:\n  {self._link}")
        self._say("Stop it with Ctrl-C.")

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._settings.host, self._settings.host)  # noqa: S104
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        while not self._is_stopping() and time.monotonic() < deadline:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(  # noqa: S310 - our own address
                    f"{self._settings.scheme}://{host}:{self._port}/health/live", timeout=1, context=_ourselves()
                )
                return True
            if not all(child.is_alive() for child in self._children.values()):
                raise CannotStart("A process ended while it started; the lines above say why.")
            self._pause(0.02)
        return False

    def _watch(self) -> None:
        """Sleep until a signal, a child's end or the loss of the database's supervisor; put right what can be."""
        while not self._is_stopping():
            sentinels = [child.sentinel for child in self._children.values()]
            lost = [self._lease] if self._lease is not None else []
            seconds = None if self._certificate is None else self._settings.tls.reload_seconds
            ready, _, _ = select.select([self._wake_reader, *sentinels, *lost], [], [], seconds)
            if self._wake_reader in ready:
                os.read(self._wake_reader, 512)
            if self._is_stopping():  # set by the signal's handler
                return
            if self._certificate is not None and self._certificate.was_renewed():
                self._show_renewed_certificate()
            if lost and lost[0] in ready:
                self._recover_lease()
            for name, child in list(self._children.items()):
                if not child.is_alive():
                    _log.error("process.died", process=name, exit_code=child.exitcode)
                    self._pause(_RESTART_SECONDS)
                    if not self._is_stopping():
                        self._start(name)

    def _show_renewed_certificate(self) -> None:
        """Have the web servers take the new files: granian by new workers beside the old, uvicorn in place."""
        _log.info("certificate.renewed")
        for name, child in self._children.items():
            if name.startswith("web") and child.pid is not None and child.is_alive():
                os.kill(child.pid, signal.SIGHUP)

    def _recover_lease(self) -> None:
        _log.error("database.supervisor_lost")
        if self._lease is not None:
            self._lease.close()
        while not self._is_stopping():
            try:
                self._lease = EmbeddedServer(self._settings.data_dir).acquire()
            except Exception:  # noqa: BLE001 - whatever is in the way, the next try may find it gone; it is logged
                _log.exception("database.not_started")
                self._pause(_RESTART_SECONDS)
            else:
                return

    def _start(self, name: str) -> None:
        child = _fork.Process(target=_child, args=(self._programs[name], os.getpid()), name=name)
        child.start()
        self._children[name] = child

    def _stop(self) -> None:
        """Ask all children at once, wait, and end those that do not come to an end."""
        self._stop_asked = True
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, child in self._children.items():
            child.join(timeout=max(0.0, deadline - time.monotonic()))
            if child.is_alive():
                _log.warning("process.killed", process=name)
                child.kill()
                child.join()

    def _is_stopping(self) -> bool:
        return self._stop_asked

    def _ask_to_stop(self, _number: int, _frame: object) -> None:
        self._stop_asked = True

    def _pause(self, seconds: float) -> None:
        select.select([self._wake_reader], [], [], seconds)

    def _say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _serve_web(self) -> None:
        os.environ["COMMONPLACE_SERVED_APPS"] = ",".join(self._apps)
        if self._server == "granian":
            _serve_with_granian(self._settings, self._port)
        elif self._listener is not None:
            _serve_with_uvicorn(self._listener, self._certificate)

    def _run_worker(self) -> None:
        os.nice(_WORKER_NICENESS)
        # Links in mails name the port that was found free.
        startup.run_worker(self._settings.model_copy(update={"port": self._port}), self._apps)


def _serve_with_granian(settings: Settings, port: int) -> None:
    from granian.constants import Interfaces, Loops, SSLProtocols  # noqa: PLC0415 - only the process that serves needs it
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server import Server as Granian  # noqa: PLC0415

    certificate = settings.tls.pair
    server = Granian(
        "commonplace.application:web",
        address=settings.host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=web_workers(settings),
        loop=Loops.uvloop,
        backlog=_BACKLOG,
        websockets=True,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=int(STOP_SECONDS) - 5,
        ssl_cert=None if certificate is None else certificate.certificate,
        ssl_key=None if certificate is None else certificate.key,
        ssl_protocol_min=SSLProtocols.tls13,
    )
    if certificate is not None:
        # The paths are looked up anew: they may be links that a renewal put on other files.
        files = certificate.certificate, certificate.key
        server.on_reload(
            lambda: server.build_ssl_context(*files, None, SSLProtocols.tls13, None, [], client_verify=False)
        )
    server.serve()


def _serve_with_uvicorn(listener: socket.socket, certificate: Certificate | None) -> None:
    """One process of uvicorn on the socket that all of them share."""
    import uvicorn  # noqa: PLC0415 - only the process that serves needs it

    config = uvicorn.Config(
        "commonplace.application:web",
        factory=True,
        loop="uvloop",
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        ws_per_message_deflate=False,  # its state costs each WebSocket 300 kB, and an event is a few hundred bytes
        ws_max_size=65_536,
        timeout_graceful_shutdown=int(STOP_SECONDS) - 5,
        ssl_certfile=None if certificate is None else certificate.certificate,
        ssl_keyfile=None if certificate is None else certificate.key,
    )
    if certificate is not None:
        config.load()
        context, pair = cast("ssl.SSLContext", config.ssl), certificate
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        signal.signal(signal.SIGHUP, lambda *_: context.load_cert_chain(pair.certificate, pair.key))
    uvicorn.Server(config).run(sockets=[listener])


def _allow_many_connections() -> None:
    """Let this process and its children hold as many open files as they may: 1024, a common default, are few."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _ourselves() -> ssl.SSLContext:
    """For asking our own server on this machine whether it is ready: whoever signed its certificate, it is us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _child(program: Callable[[], None], parent: int) -> None:
    """A child of its own session: Ctrl-C in the terminal reaches the parent, who stops the children in order."""
    os.setsid()
    die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    program()


def in_a_child(work: Callable[[], Any]) -> Any:
    """What `work` returns, run in a child process that ends: its threads and loops do not stay.

    Raises:
        CannotStart: it failed; the message is its error's.
    """
    receiver, sender = _fork.Pipe(duplex=False)
    child = _fork.Process(target=_report, args=(work, sender, os.getpid()))
    child.start()
    sender.close()
    try:
        succeeded, result = receiver.recv()
    except EOFError:
        raise CannotStart("Starting failed; the lines above say why.") from None
    finally:
        child.join()
    if not succeeded:
        raise CannotStart(result)
    return result


def _report(work: Callable[[], Any], sender: Connection, parent: int) -> None:
    die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    try:
        sender.send((True, work()))
    except Exception as error:  # noqa: BLE001 - it travels to the parent, whatever it is
        _log.debug("startup.failed", exc_info=True)
        sender.send((False, f"{error}"))


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens on `port`, or on any free one for 0.

    Raises:
        CannotStart: somebody listens there, or the address is not one of this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"Cannot listen on {host}:{port}: {error.strerror}. Stop what uses it, or set PORT to another number."
        ) from error
    return listener
