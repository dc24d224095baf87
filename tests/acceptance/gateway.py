"""nginx as the project configures it, before processes on loopback."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from tests.acceptance.served import free_port

CONFIGURATION = Path(__file__).parents[2] / "infrastructure" / "gateway"


class Gateway:
    """The configuration of `infrastructure/gateway`, with the addresses of a test's processes."""

    def __init__(self, directory: Path, upstreams: Mapping[str, Sequence[int]], *, listen: str = "") -> None:
        """`upstreams`: service to ports on loopback. `listen`: more lines for its `listen.conf`."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        shutil.copytree(CONFIGURATION, directory / "configuration")
        lines = []
        for name, ports in upstreams.items():
            servers = "".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s; " for port in ports)
            lines.append(f"upstream {name} {{ zone {name} 64k; {servers}keepalive 32; }}")
        (directory / "configuration" / "upstreams.conf").write_text("\n".join(lines) + "\n")
        (directory / "configuration" / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n{listen}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it.

        Where nginx is not installed the test is skipped; in CI it fails.
        """
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            reason = "nginx is not installed (Debian's package is `nginx-light`)."
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        configuration = self._directory / "configuration" / "nginx.conf"
        with (self._directory / "nginx.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "-p", str(self._directory), "-c", str(configuration)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/internal/", timeout=5)
            except httpx.TransportError:
                assert self._process.poll() is None, self.log
                time.sleep(0.02)
            else:
                return
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        """What nginx said."""
        return (self._directory / "nginx.log").read_text()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None
