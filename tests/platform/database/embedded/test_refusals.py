"""Starts that cannot be: each says why and names the way out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commonplace.platform.database.embedded import binaries, process
from commonplace.platform.database.embedded.errors import (
    BinariesMissing,
    DirectoryNotOurs,
    NoUsableIdentity,
    OtherMajorVersion,
    ServerFailed,
    error_named,
)
from commonplace.platform.database.embedded.private import PrivateServer

# Starts a server on argv[1] and says what came of it. Run inside namespaces of its own.
TRIAL = """
import sys
from pathlib import Path
from commonplace.platform.database.embedded.errors import EmbeddedServerError
from commonplace.platform.database.embedded.private import PrivateServer
server = PrivateServer(Path(sys.argv[1]), durable=False)
try:
    server.start()
except EmbeddedServerError as error:
    print(type(error).__name__, error.detail)
else:
    print("up")
    server.stop()
"""


def start(directory: Path) -> None:
    PrivateServer(directory, durable=False).start()


@pytest.mark.parametrize(
    ("version", "way_out"), [("17", "commonplace database upgrade"), ("19", "a newer one"), ("9", "upgrade")]
)
def test_a_cluster_of_another_major_version(data_dir: Path, version: str, way_out: str) -> None:
    (data_dir / "postgres/cluster/PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(OtherMajorVersion, match=way_out) as refusal:
        start(data_dir)
    assert f"PostgreSQL {version}" in refusal.value.detail


def test_a_damaged_version(data_dir: Path) -> None:
    (data_dir / "postgres/cluster/PG_VERSION").write_text("?")
    with pytest.raises(ServerFailed, match="backup"):
        start(data_dir)


def test_a_damaged_password(data_dir: Path) -> None:
    (data_dir / "postgres/cluster").rename(data_dir / "postgres/elsewhere")
    (data_dir / "postgres/password").write_text("'; DROP TABLE students --")
    with pytest.raises(ServerFailed, match="damaged"):
        start(data_dir)


def test_somebody_elses_data(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(DirectoryNotOurs, match="COMMONPLACE_DATA_DIR"):
        start(data_dir)


def test_a_path_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="cannot be written to") as refusal:
        start(tmp_path / "file")
    assert type(refusal.value).__name__ == "DirectoryNotWritable"


def test_no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(BinariesMissing, match="DATABASE_URL"):
        binaries.find_binaries()


def test_programs_that_do_not_run_here(tmp_path: Path) -> None:
    broken = tmp_path / "postgres"
    broken.write_text("#!/bin/sh\necho wrong machine; exit 3\n")
    broken.chmod(0o755)
    with pytest.raises(ServerFailed, match="wrong machine"):
        process.choose_identity(broken, None)


def test_nobody_to_run_as(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_candidates", lambda *_: [])
    with pytest.raises(NoUsableIdentity, match="ordinary user"):
        process.choose_identity(Path("/bin/true"), None)


def test_an_error_unknown_here_is_still_an_error() -> None:
    assert isinstance(error_named("FromTheFuture", "Something."), ServerFailed)


def in_namespaces(commands: str, directory: Path, environment: dict[str, str]) -> str:
    """Run TRIAL after shell commands that may mount things, seen by nobody else."""
    allowed = subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True)
    if allowed.returncode:
        pytest.skip("user namespaces are refused here")
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-ec", f'{commands}\nexec "$0" -c "$2" "$1"', sys.executable, str(directory), TRIAL],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_disk_too_small(tmp_path: Path, environment: dict[str, str]) -> None:
    said = in_namespaces('mount -t tmpfs -o size=20m none "$1"', tmp_path, environment)
    assert said.startswith("DiskFull"), said
    assert "200 MB" in said


def test_a_disk_that_is_full(data_dir: Path, environment: dict[str, str]) -> None:
    fill = 'mount -t tmpfs -o size=60m none /mnt; cp -a "$1/postgres" /mnt; mount --bind /mnt "$1"; '
    said = in_namespaces(fill + "cat /dev/zero > /mnt/fill 2>/dev/null || true", data_dir, environment)
    assert said.startswith("DiskFull"), said


def test_a_disk_that_is_read_only(data_dir: Path, environment: dict[str, str]) -> None:
    said = in_namespaces('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', data_dir, environment)
    assert said.startswith("DirectoryNotWritable"), said
    assert "Read-only" in said
