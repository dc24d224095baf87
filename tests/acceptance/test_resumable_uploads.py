"""A large file by tus to a real server, over a line that breaks and through kills: whole, in little memory, no orphan.

`TUS_TEST_BYTES` says how large it is: 300 MB unless told otherwise.
"""

import contextlib
import hashlib
import http.client
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.served import Served
from tests.seaweedfs import S3Server

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

SIZE = int(os.environ.get("TUS_TEST_BYTES", "300000000"))
CUTS, KILLS = 20, 2
CHUNK = 1024 * 1024
PATH = "/api/files/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
MOST_GROWTH = 150 * 1024 * 1024  #: bytes that a server process may take more for a file of any size
_NOISE = random.Random(4).randbytes(CHUNK)


def content(start: int, end: int) -> Iterator[bytes]:
    """The bytes of the file from `start` to before `end`; no two of its megabytes are alike."""
    while start < end:
        number, within = divmod(start, CHUNK)
        turn = number * 97 % CHUNK
        whole = _NOISE[turn:] + _NOISE[:turn]
        piece = whole[within : within + end - start]
        yield piece
        start += len(piece)


class Line:
    """A client that knows nothing but the upload's address, and whose connections break."""

    def __init__(self, served: Served, client: httpx.Client, path: str) -> None:
        self._served = served
        self._path = path
        self._headers = {**TUS, "Authorization": client.headers["Authorization"]}

    def offset(self) -> int:
        answer = httpx.head(self._served.url + self._path, headers=self._headers, timeout=60)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def send(self, start: int, *, stop_at: int | None = None) -> int | None:
        """Send from `start` on; break off at `stop_at`. The status of the answer, if it came to one."""
        connection = http.client.HTTPConnection("127.0.0.1", self._served.port, timeout=600)
        with contextlib.closing(connection):
            connection.putrequest("PATCH", self._path)
            type_ = {"Content-Type": "application/offset+octet-stream"}
            length = {"Upload-Offset": start, "Content-Length": SIZE - start}
            for name, value in {**self._headers, **type_, **length}.items():
                connection.putheader(name, str(value))
            connection.endheaders()
            for piece in content(start, SIZE if stop_at is None else stop_at):
                connection.send(piece)
            return None if stop_at is not None else connection.getresponse().status

    def settled(self, at_least: int) -> int:
        """The offset once the server has noticed that the line broke, and counts at least so much."""
        found = [-1]
        self._served.wait(lambda: found.append(self.offset()) or found[-1] >= at_least, seconds=60)  # type: ignore[func-returns-value]
        return found[-1]


def peak_bytes(served: Served) -> dict[int, int]:
    """The most memory that each process of ours has had."""
    peaks = {}
    for pid in [*served.children(), *served.tree()]:
        with contextlib.suppress(OSError, IndexError, ValueError):
            if b"commonplace" in Path(f"/proc/{pid}/cmdline").read_bytes():
                status = Path(f"/proc/{pid}/status").read_text()
                peaks[pid] = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return peaks


def begin(client: httpx.Client) -> str:
    answer = client.post(PATH, headers={**TUS, "Upload-Length": str(SIZE)})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def sweep(served: Served) -> dict[str, Any]:
    done = served.run("storage", "sweep", "--json", "--min-age-minutes", "0")
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, report
    return report


@pytest.mark.parametrize("storage", ["local", "encrypted", "s3"])
def test_a_large_file_comes_whole_over_a_line_that_breaks(
    tmp_path: Path, storage: str, request: pytest.FixtureRequest
) -> None:
    environ = {"ACCOUNTS__BCRYPT_COST": "4"}
    if storage == "encrypted":
        environ["FILE_STORAGE__ENCRYPTION_KEY"] = "ab" * 32
    if storage == "s3":
        server: S3Server = request.getfixturevalue("s3_server").with_new_bucket()
        environ |= server.environ()
    served = Served(tmp_path, **environ).start()
    try:
        client = served.join("ana")
        path = begin(client)
        line, chance = Line(served, client, path), random.Random(1)
        before, peaks = max(peak_bytes(served).values()), []
        kills = {CUTS // 3, 2 * CUTS // 3}
        sent = 0  # what a line before brought may be counted while this one is refused
        for number in range(CUTS):
            start = line.offset()
            until = min(SIZE - 1, start + chance.randrange(1, SIZE // CUTS * 2 - SIZE // CUTS // 4))
            sent = max(sent, until)
            # While the line before is not known to be dead, the server refuses, and hangs up.
            with contextlib.suppress(ConnectionError):
                line.send(start, stop_at=until)
            if number in kills:
                peaks.append(max(peak_bytes(served).values()))
                served.kill()
                served.wait_until_gone()
                served.start()
                assert start <= line.offset() <= sent
            else:
                line.settled(start)
        assert sweep(served)["without_row"]["number"] == 0
        for _ in range(100):
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                if line.send(line.offset()) == 204:
                    break
            time.sleep(0.2)
        else:
            raise AssertionError("It never came whole.")
        peaks.append(max(peak_bytes(served).values()))
        digest = hashlib.sha256()
        for piece in content(0, SIZE):
            digest.update(piece)
        (made,) = client.get("/api/files").json()["items"]
        assert (made["size_bytes"], made["sha256"]) == (SIZE, digest.hexdigest())
        read = hashlib.sha256()
        with client.stream("GET", f"/api/files/{made['id']}/content") as download:
            for piece in download.iter_bytes():
                read.update(piece)
        assert read.hexdigest() == digest.hexdigest()
        assert max(peaks) - before < MOST_GROWTH
        report = sweep(served)
        assert (report["objects"], report["without_row"]["number"], report["not_needed"]["number"]) == (1, 0, 0)
    finally:
        served.close_clients()
        served.kill()
        served.wait_until_gone()
