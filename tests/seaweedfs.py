"""SeaweedFS, the S3 of the tests: a server of a test's own, which can be killed and started again."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.s3_client import S3Client
from commonplace.platform.storage.settings import StorageSettings
from commonplace.platform.storage.sigv4 import Credentials, Signer

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "test-key", "test-secret"
BUCKET = "commonplace-test"
GRPC_OFFSET = 10_000  # SeaweedFS opens this port beside each of its HTTP ports
_PORTS = ("s3", "master", "volume", "filer", "admin")


@dataclass(frozen=True)
class S3Server:
    """Where a server is, and how to talk to it."""

    endpoint_url: str
    bucket: str = BUCKET

    def settings(self, **changes: Any) -> StorageSettings:
        return StorageSettings(
            **{
                "type": "s3",
                "bucket": self.bucket,
                "endpoint_url": self.endpoint_url,
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": SECRET_ACCESS_KEY,
                "request_timeout_seconds": 20,
                **changes,
            }
        )

    def environ(self) -> dict[str, str]:
        """The same as settings of the application."""
        return {
            "FILE_STORAGE__TYPE": "s3",
            "FILE_STORAGE__BUCKET": self.bucket,
            "FILE_STORAGE__ENDPOINT_URL": self.endpoint_url,
            "FILE_STORAGE__ACCESS_KEY_ID": ACCESS_KEY_ID,
            "FILE_STORAGE__SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        }

    def with_new_bucket(self) -> "S3Server":
        """The same server with an empty bucket of a test's own."""
        made = replace(self, bucket=f"test-{uuid4().hex}")
        made.ask("PUT").raise_for_status()
        return made

    def ask(self, method: str) -> httpx.Response:
        """What the server answers about the bucket itself."""
        url = f"{self.endpoint_url}/{self.bucket}"
        signer = Signer(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "us-east-1")
        now = datetime.now(UTC)
        headers = signer.headers(method, url, query={}, headers={}, payload_sha256=sha256().hexdigest(), now=now)
        return httpx.request(method, url, headers=headers, timeout=5)

    def client(self) -> S3Client:
        """Signed requests for looking at what a storage did."""
        return S3Client(
            bucket_url=f"{self.endpoint_url}/{self.bucket}",
            public_url=f"{self.endpoint_url}/{self.bucket}",
            region="us-east-1",
            credentials=CredentialSource(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), {}),
            timeout_seconds=10,
            max_attempts=1,
        )


class SeaweedFS:
    """The server, over a folder that keeps its data from one start to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.server = S3Server(f"http://127.0.0.1:{self._ports['s3']}")
        (folder / "data").mkdir()
        identity = {
            "name": "test",
            "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))

    def start(self) -> None:
        """Return when the bucket can be used."""
        command = [
            str(Path(sys.executable).with_name("weed")),
            "mini",
            f"-dir={self._folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-admin.ui=false",
            "-webdav=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            f"-s3.config={self._folder / 'identities.json'}",
            f"-bucket={BUCKET}",
            *(f"-{name}.port={port}" for name, port in self._ports.items()),
        ]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=self._folder)
        self._wait_for_bucket(self._process)

    def kill(self) -> None:
        """It takes seconds to end politely."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait_for_bucket(self, process: "subprocess.Popen[bytes]") -> None:
        """SeaweedFS answers first and makes the bucket a little later."""
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.TransportError):
                if self.server.ask("HEAD").is_success:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.02)


def free_ports(number: int) -> list[int]:
    """Ports that are free, and whose neighbours at `GRPC_OFFSET` are free too."""
    found: list[int] = []
    held = []
    while len(found) < number:
        here, there = socket.socket(), socket.socket()
        held += [here, there]
        here.bind(("127.0.0.1", 0))
        port = here.getsockname()[1]
        try:
            there.bind(("127.0.0.1", port + GRPC_OFFSET))
        except (OSError, OverflowError):
            continue
        found.append(port)
    for one in held:
        one.close()
    return found
