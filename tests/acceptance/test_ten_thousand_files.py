"""A directory of 10,000 files goes up from the command line, through a kill of the server, and comes back identical."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.served import COMMAND, Served
from tests.visitor import PASSWORD

pytestmark = [pytest.mark.long, pytest.mark.timeout(170)]

FILES = 10_000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, LIMITS__REQUESTS_PER_SECOND="100000")
    served.start()
    try:
        yield served
    finally:
        served.close_clients()
        served.stop()


def test_it_comes_back_identical(served: Served, tmp_path: Path) -> None:
    served.environ |= {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "COMMONPLACE_SERVER": served.url,
    }
    served.join("ana")
    told = served.run("sign-in", "--email", "ana@example.org", "--password-stdin", input=f"{PASSWORD}\n")
    assert told.returncode == 0, told.stderr
    top = tmp_path / "archive"
    _fill(top)
    putting = subprocess.Popen(
        [COMMAND, "files", "put", "archive", "--json"],
        cwd=tmp_path,
        env=served.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert putting.stdout is not None
    for _ in range(FILES // 3):
        putting.stdout.readline()
    served.kill()
    output, _ = putting.communicate(timeout=60)
    assert putting.returncode == 1, output[-1000:]
    served.start()
    again = _run(served, "put", "archive", "--json")
    assert again.returncode == 0, again.stderr[-2000:]
    done = [json.loads(line)["done"] for line in again.stdout.splitlines()]
    assert len(done) == FILES
    assert done.count("there") >= FILES // 3
    got = _run(served, "get", "archive", "--output", "back")
    assert got.returncode == 0, got.stderr[-2000:]
    compared = subprocess.run(["diff", "-r", top, tmp_path / "back"], capture_output=True, text=True, check=False)
    assert compared.stdout == ""


def _run(served: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "files", *arguments],
        cwd=served.directory,
        env=served.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def _fill(top: Path) -> None:
    """Files of 0 to 2,000 bytes and a few larger ones, in a hundred folders, some of them deep."""
    chance = random.Random(20261121)
    for number in range(100):
        folder = top / f"{number % 10}" / f"folder {number}" / ("deep/" * (number % 4))
        folder.mkdir(parents=True)
        for index in range(FILES // 100):
            size = 300_000 if index == 0 and number % 20 == 0 else chance.randrange(2_000)
            (folder / f"IMG_{index:04}.jpg").write_bytes(os.urandom(size))
