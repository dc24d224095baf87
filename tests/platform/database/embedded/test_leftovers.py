"""What an earlier server left behind: stopped when it is ours, let alone when it is not."""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from commonplace.platform.database.embedded import leftovers
from commonplace.platform.database.embedded.errors import ServerInUse
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import lock_cluster, named_server, servers_of
from commonplace.platform.database.embedded.private import PrivateServer
from tests.platform.database.embedded.watching import ask, until


@pytest.fixture
def orphan(data_dir: Path) -> PrivateServer:
    """A server that runs while nobody owns it any more."""
    server = PrivateServer(data_dir, durable=False)
    server.start()
    assert server._ownership is not None
    os.close(server._ownership)
    return server


def postmaster_pid_of(data_dir: Path, pid: int) -> None:
    """Write what a server leaves when the power fails."""
    cluster = Layout(data_dir).cluster
    (cluster / "postmaster.pid").write_text(f"{pid}\n{cluster}\n1700000000\n5432\n/tmp\n\n  1234567  42\nready   \n")


def test_an_orphan_is_stopped_and_its_data_are_there(
    orphan: PrivateServer, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(leftovers, "send", lambda pid, number: (sent.append((pid, number)), os.kill(pid, number)))
    ask(orphan.connection(), "CREATE DATABASE kept", "SELECT 1")
    before = orphan.pid
    server = PrivateServer(data_dir, durable=False)
    connection = server.start()
    try:
        assert sent == [(before, signal.SIGINT)]  # Its checkpointer would take this for the end of all commits.
        assert before not in servers_of(Layout(data_dir).cluster)
        assert ask({**connection, "database": "kept"}, "SELECT 1") == 1
    finally:
        server.stop()


def test_what_remains_of_a_killed_server_is_stopped_too(
    orphan: PrivateServer, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Layout(data_dir).cluster
    assert orphan.pid is not None
    children = [pid for pid in servers_of(cluster) if pid != orphan.pid]
    stopped = children[0]
    os.kill(stopped, signal.SIGSTOP)  # It cannot notice that its server is gone, and holds the cluster's memory.
    os.kill(orphan.pid, signal.SIGKILL)
    until(lambda: servers_of(cluster) == [stopped], "the others to end")
    server = PrivateServer(data_dir, durable=False)
    monkeypatch.setattr(leftovers, "_NOTICE_SECONDS", 0.1)
    monkeypatch.setattr(leftovers, "_QUIT_SECONDS", 0.3)
    try:
        assert ask(server.start(), "SELECT 1") == 1
        assert stopped not in servers_of(cluster)
    finally:
        server.stop()


def test_a_number_that_is_somebody_elses_now_is_let_alone(data_dir: Path) -> None:
    cluster = Layout(data_dir).cluster
    with subprocess.Popen(["sleep", "100"]) as stranger:
        postmaster_pid_of(data_dir, stranger.pid)
        assert named_server(cluster) is None
        server = PrivateServer(data_dir, durable=False)
        assert ask(server.start(), "SELECT 1") == 1
        server.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_program_that_reads_in_the_cluster_is_no_server(data_dir: Path) -> None:
    cluster = Layout(data_dir).cluster
    with subprocess.Popen(["sleep", "100"], cwd=cluster) as reader:
        assert servers_of(cluster) == []
        server = PrivateServer(data_dir, durable=False)
        server.start()
        server.stop()
        assert reader.poll() is None
        reader.kill()


def test_files_of_a_dead_server_do_not_stop_a_new_one(data_dir: Path) -> None:
    layout = Layout(data_dir)
    sockets = layout.prepare_sockets()
    postmaster_pid_of(data_dir, os.getpid())  # A number that lives, as after a restart of the machine.
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{layout.cluster}\n1700000000\n5432\n{sockets}\n")
    (sockets / ".s.PGSQL.5432").touch()
    server = PrivateServer(data_dir, durable=False)
    assert ask(server.start(), "SELECT 1") == 1
    server.stop()


def test_a_holder_that_cannot_be_seen_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_UNSEEN_SECONDS", 0.05)
    layout = Layout(data_dir)
    with layout.cluster_lock.open("w") as elsewhere:  # As the server of another container on the same directory.
        fcntl.flock(elsewhere, fcntl.LOCK_EX)
        with pytest.raises(ServerInUse, match="another container"):
            lock_cluster(layout)


def test_without_proc_the_named_server_is_found_by_its_command_line(
    orphan: PrivateServer, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_HAS_PROC", False)
    assert orphan.pid is not None
    cluster = Layout(data_dir).cluster
    assert servers_of(cluster) == [orphan.pid]
    os.close(lock_cluster(Layout(data_dir)))
    assert servers_of(cluster) == []
