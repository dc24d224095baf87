"""The real thing: `commonplace serve` as a process of its own, with the embedded database, on a free port."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.visitor import PASSWORD

COMMAND = Path(sys.executable).parent / "commonplace"


class Served:
    """An installation that a test starts, kills and starts again."""

    def __init__(self, directory: Path, **environ: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "serve.log"
        self.scheme = "https" if "TLS__KEY" in environ else "http"
        self.verify: ssl.SSLContext | bool = True  #: what a test trusts the server's certificate by
        self.environ = {
            # Coverage is measured in the tests' own processes: here it would double each start and each command.
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMMONPLACE", "COVERAGE"))},
            "COMMONPLACE_DATA_DIR": str(directory / "data"),
            "PORT": str(self.port),
            "FILE_STORAGE__MINIMUM_FREE_BYTES": "0",
            **environ,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx.Client] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text()

    def start(self, *options: str) -> "Served":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", *options],
                cwd=self.directory,
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.wait(lambda: httpx.get(f"{self.url}/health", verify=self.verify).status_code == 200, seconds=90)
        return self

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    def wait(self, condition: Callable[[], bool], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.output[-5000:]}")
            time.sleep(0.02)
        raise AssertionError(f"Not within {seconds} s:\n{self.output[-5000:]}")

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def kill(self) -> None:
        """`kill -9` of the parent; everything else has to end by itself."""
        self.stop(signal.SIGKILL)

    def tree(self) -> list[int]:
        """The process ids of the installation, the database's among them."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                text = b"".join(_read(entry / name) for name in ("cmdline", "environ"))
                if str(self.directory).encode() in text:
                    found.append(int(entry.name))
        return found

    def children(self) -> list[int]:
        """The process ids of what the parent started: the web server and the worker."""
        assert self.process is not None
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            if _read(entry / "stat").rpartition(b")")[2].split()[1:2] == [str(self.process.pid).encode()]
        ]

    def wait_until_gone(self, *, seconds: float = 30) -> None:
        """Wait until no process of the installation is left."""
        self.wait(lambda: not self.tree(), seconds=seconds)

    def join(self, name: str) -> httpx.Client:
        """A client signed in as a new person."""
        client = httpx.Client(base_url=self.url, timeout=60, verify=self.verify)
        self._clients.append(client)
        email = f"{name}@example.org"
        answer = client.post("/auth/register", json={"email": email, "password": PASSWORD, "name": name})
        assert answer.status_code in (201, 409), answer.text
        answer = client.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    def close_clients(self) -> None:
        """Close what `join` opened."""
        for client in self._clients:
            client.close()

    @property
    def first_run_link(self) -> str:
        match = re.search(r"(http://\S+/app/welcome\?token=\S+)", self.output)
        assert match, self.output
        return match[1]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile, or is somebody else's
        return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
