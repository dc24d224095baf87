"""A server of one's own: what it is, where it can live, and that it ends with its owner."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from commonplace.platform.database.embedded.errors import ServerFailed, ServerInUse
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import servers_of
from commonplace.platform.database.embedded.postmaster import bound_log
from commonplace.platform.database.embedded.private import PrivateServer
from tests.platform.database.embedded.watching import ask, until


class TestNewCluster:
    def test_it_is_made_whole_and_private(self, empty_dir: Path) -> None:
        server = PrivateServer(empty_dir, durable=True)
        connection = server.start()
        try:
            locale = ask(
                connection, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'template1'"
            )
            assert locale == "bC.UTF-8"
            assert ask(connection, "SHOW data_checksums") == "on"
            assert ask(connection, "SHOW listen_addresses") == ""
            for promise in ("fsync", "synchronous_commit", "full_page_writes"):
                assert ask(connection, f"SHOW {promise}") == "on"
        finally:
            server.stop()
        assert server.pid is None
        home = empty_dir / "postgres"
        assert home.stat().st_mode & 0o777 == 0o700
        assert (home / "cluster").stat().st_mode & 0o777 == 0o700
        assert (home / "password").stat().st_mode & 0o777 == 0o600
        assert not (home / "cluster.new").exists()

    def test_what_a_killed_initdb_left_is_thrown_away(self, empty_dir: Path) -> None:
        half = empty_dir / "postgres" / "cluster.new"
        half.mkdir(parents=True, mode=0o700)
        (half / "PG_VERSION").write_text("18\n")
        server = PrivateServer(empty_dir, durable=False)
        assert ask(server.start(), "SELECT 1") == 1
        server.stop()
        assert not half.exists()

    def test_no_empty_cluster_takes_the_place_of_a_damaged_one(self, data_dir: Path) -> None:
        (data_dir / "postgres/cluster/PG_VERSION").unlink()
        with pytest.raises(ServerFailed, match="PG_VERSION is missing"):
            PrivateServer(data_dir, durable=False).start()
        assert (data_dir / "postgres/cluster/global").exists()

    def test_no_empty_cluster_hides_one_that_was_kept_beside(self, data_dir: Path) -> None:
        home = data_dir / "postgres"
        (home / "cluster").rename(home / "cluster-17")
        with pytest.raises(ServerFailed, match="cluster-17"):
            PrivateServer(data_dir, durable=False).start()


class TestRoles:
    def test_the_application_makes_databases_and_is_no_superuser(self, data_dir: Path) -> None:
        server = PrivateServer(data_dir, durable=False)
        connection = server.start()
        try:
            assert ask(connection, "SELECT rolcreatedb AND NOT rolsuper FROM pg_roles WHERE rolname = current_user")
            assert ask(server.connection(superuser=True), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            ask(connection, "CREATE DATABASE one", "SELECT 1")
            assert ask({**connection, "database": "one"}, "CREATE EXTENSION pg_trgm", "SELECT show_trgm('a') <> '{}'")
        finally:
            server.stop()

    def test_a_wrong_password_is_refused(self, data_dir: Path) -> None:
        server = PrivateServer(data_dir, durable=False)
        connection = server.start()
        try:
            with pytest.raises(asyncpg.InvalidPasswordError):
                ask({**connection, "password": "wrong"}, "SELECT 1")
        finally:
            server.stop()

    def test_a_lost_password_file_is_made_anew(self, data_dir: Path) -> None:
        server = PrivateServer(data_dir, durable=False)
        before = server.start()
        ask(before, "CREATE DATABASE kept", "SELECT 1")
        server.stop()
        (data_dir / "postgres/password").unlink()
        after = server.start()
        try:
            assert after["password"] != before["password"]
            assert ask({**after, "database": "kept"}, "SELECT 1") == 1
        finally:
            server.stop()


class TestConfiguration:
    def test_a_persons_own_lines_count_but_not_against_the_promise(self, data_dir: Path) -> None:
        custom = data_dir / "postgres/postgresql.custom.conf"
        custom.write_text("work_mem = 7MB\nfsync = off\nsynchronous_commit = off\nlisten_addresses = '*'\n")
        server = PrivateServer(data_dir, durable=True)
        connection = server.start()
        try:
            assert ask(connection, "SHOW work_mem") == "7MB"
            assert [ask(connection, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["on", "on"]
            assert ask(connection, "SHOW listen_addresses") == ""
        finally:
            server.stop()

    def test_a_line_that_is_wrong_is_shown(self, data_dir: Path) -> None:
        (data_dir / "postgres/postgresql.custom.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(ServerFailed, match="no_such_setting"):
            PrivateServer(data_dir, durable=False).start()

    def test_the_log_stays_bounded_while_it_is_written(self, tmp_path: Path) -> None:
        log = tmp_path / "postgres.log"
        with log.open("ab", buffering=0) as writer:
            writer.write(b"old line\n" * 200_000)
            bound_log(log)
            writer.write(b"new line\n")
        assert log.read_bytes() == b"new line\n"
        assert 0 < (tmp_path / "postgres.log.1").stat().st_size <= 1_000_000
        bound_log(log)
        assert log.read_bytes() == b"new line\n"


class TestPlaces:
    @pytest.mark.parametrize("name", ["x" * 150, "a,b 'c' \"d\" %e\\f é\n☃", "ends with space "])
    def test_any_path_will_do(self, place: Path, made_once: Path, name: str) -> None:
        directory = place / name
        shutil.copytree(made_once, directory, symlinks=True)
        server = PrivateServer(directory, durable=False)
        connection = server.start()
        sockets = Path(connection["host"])
        try:
            assert ask(connection, "SELECT 1") == 1
            assert sockets.stat().st_mode & 0o777 == 0o700
        finally:
            server.stop()
        assert sockets.is_relative_to(directory.resolve()) or not sockets.exists()

    def test_a_copy_of_a_directory_has_sockets_of_its_own(self, place: Path, made_once: Path) -> None:
        first, second = place / ("y" * 150), place / ("z" * 150)
        shutil.copytree(made_once, first, symlinks=True)
        one = PrivateServer(first, durable=False)
        here = one.start()
        (second / "postgres").mkdir(parents=True)
        shutil.copytree(made_once / "postgres/cluster", second / "postgres/cluster")
        shutil.copy(made_once / "postgres/password", second / "postgres/password")
        (second / "postgres/run").symlink_to(here["host"])
        other = PrivateServer(second, durable=False)
        try:
            there = other.start()
            assert there["host"] != here["host"]
            assert servers_of(one.layout.cluster)
            assert servers_of(other.layout.cluster)
        finally:
            other.stop()
            one.stop()

    def test_sockets_come_back_when_the_path_is_short_again(self, data_dir: Path) -> None:
        layout = Layout(data_dir)
        away = layout.prepare_sockets(elsewhere=True)
        assert layout.prepare_sockets(elsewhere=True) == away == layout.sockets
        assert layout.prepare_sockets() == data_dir.resolve() / "postgres/run" == layout.sockets
        (layout.sockets / "stale").touch()
        again = layout.prepare_sockets(elsewhere=True)
        assert again.parent != data_dir
        layout.remove_sockets()
        assert not again.exists()


class TestOwner:
    def test_two_servers_never_share_a_directory(self, data_dir: Path) -> None:
        server = PrivateServer(data_dir, durable=False)
        server.start()
        with pytest.raises(ServerInUse, match="Stop it first"):
            PrivateServer(data_dir, durable=False).start()
        server.stop()
        server.stop()

    def test_a_server_ends_with_a_killed_owner(self, data_dir: Path, environment: dict[str, str]) -> None:
        program = (
            "import sys; from pathlib import Path\n"
            "from commonplace.platform.database.embedded.private import PrivateServer\n"
            "PrivateServer(Path(sys.argv[1]), durable=False).start(); print('up', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        ) as starter:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"up\n"
            cluster = Layout(data_dir).cluster
            assert servers_of(cluster)
            os.kill(starter.pid, signal.SIGKILL)
        until(lambda: not servers_of(cluster), "the server to end")
        assert "database system is shut down" in (data_dir / "logs/postgres.log").read_text()
