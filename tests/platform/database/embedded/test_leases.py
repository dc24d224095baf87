"""Several processes share one server, whatever kills whichever of them."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from commonplace.platform.database.address import parse_address
from commonplace.platform.database.embedded.binaries import find_binaries
from commonplace.platform.database.embedded.databases import ensure_database
from commonplace.platform.database.embedded.errors import OtherMajorVersion, ServerFailed, ServerInUse, StartTimedOut
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import lives, named_server, owner, servers_of, take_ownership
from commonplace.platform.database.embedded.postmaster import Postmaster
from commonplace.platform.database.embedded.server import EmbeddedServer, Lease
from commonplace.platform.database.embedded.supervisor import Supervisor, take_supervision
from commonplace.platform.database.embedded.supervisor import main as supervise
from tests.platform.database.embedded.watching import answers, ask, memory_kilobytes, until

# Acquires a lease, says which supervisor and which server it has, and holds the lease until its input ends.
HOLDER = """
import sys, os
from pathlib import Path
from commonplace.platform.database.embedded.leftovers import named_server, owner
from commonplace.platform.database.embedded.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), linger_seconds=0.2)
lease = server.acquire(timeout_seconds=60)
print(owner(server.layout)[1], named_server(server.layout.cluster), flush=True)
sys.stdin.read()
lease.close()
"""


@contextmanager
def holder(data_dir: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds a lease; it gives it back at the end, if it lives."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        yield process


def told(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def supervisor_of(data_dir: Path) -> int:
    signed = owner(Layout(data_dir))
    assert signed is not None
    assert signed[0] == "supervisor"
    return signed[1]


def postmaster_of(data_dir: Path) -> int:
    pid = named_server(Layout(data_dir).cluster)
    assert pid is not None
    return pid


def is_down(data_dir: Path) -> bool:
    return not servers_of(Layout(data_dir).cluster)


@pytest.fixture
def server(data_dir: Path) -> EmbeddedServer:
    return EmbeddedServer(data_dir, linger_seconds=0.2)


class TestLease:
    def test_it_says_how_to_connect_in_each_form(self, server: EmbeddedServer) -> None:
        with server.acquire() as lease:
            assert asyncio.run(ensure_database(lease, "commonplace"))
            assert not asyncio.run(ensure_database(lease, "commonplace"))
            assert ask(lease.dsn, "SELECT current_user || ' ' || current_database()") == "commonplace commonplace"
            assert parse_address(lease.url()).driver_arguments() == lease.dsn
            assert ask(lease.connection_to("postgres", superuser=True), "SHOW is_superuser") == "on"

    def test_a_database_made_by_several_at_once_is_made_once(self, server: EmbeddedServer) -> None:
        async def race(lease: Lease) -> list[bool]:
            return await asyncio.gather(*(ensure_database(lease, 'odd "name"') for _ in range(4)))

        with server.acquire() as lease:
            assert sorted(asyncio.run(race(lease))) == [False, False, False, True]

    def test_the_last_one_out_ends_the_server_before_close_returns(
        self, server: EmbeddedServer, data_dir: Path
    ) -> None:
        first, second = server.acquire(), server.acquire()
        supervisor = supervisor_of(data_dir)
        first.close()
        assert answers(second.connection_to("postgres"))
        second.close()
        second.close()
        assert is_down(data_dir)
        until(lambda: not lives(supervisor), "the supervisor to end")
        assert "database system is shut down" in (data_dir / "logs/postgres.log").read_text()

    def test_with_linger_the_next_one_finds_it_up(self, data_dir: Path) -> None:
        server = EmbeddedServer(data_dir, linger_seconds=30)
        server.acquire().close(linger=True)
        before = postmaster_of(data_dir)
        with server.acquire():
            assert postmaster_of(data_dir) == before

    def test_after_the_linger_nothing_is_left(self, server: EmbeddedServer, data_dir: Path) -> None:
        server.acquire().close(linger=True)
        until(lambda: is_down(data_dir), "the server to end")
        until(lambda: not server.layout.supervisor_socket.exists(), "the socket to go")

    def test_the_idle_server_is_small(self, server: EmbeddedServer, data_dir: Path) -> None:
        with server.acquire():
            processes = [supervisor_of(data_dir), *servers_of(Layout(data_dir).cluster)]
            sizes = {pid: memory_kilobytes(pid) for pid in processes}
        assert sizes[processes[0]] < 12_000  # 7 MB beside another Python; more when it is the only one.
        assert sum(sizes.values()) < 45_000  # 21 MB measured.


@pytest.mark.long
class TestDeaths:
    def test_a_killed_holder_counts_as_gone(
        self, data_dir: Path, environment: dict[str, str], server: EmbeddedServer
    ) -> None:
        with holder(data_dir, environment) as one:
            assert told(one)
            lease = server.acquire()
            one.kill()
        assert answers(lease.connection_to("postgres"))
        assert not lease.is_lost()
        os.kill(supervisor_of(data_dir), 0)
        lease.close(linger=True)
        until(lambda: is_down(data_dir), "the server to end")

    def test_the_starter_may_die_and_the_others_stay(
        self, data_dir: Path, environment: dict[str, str], server: EmbeddedServer
    ) -> None:
        with holder(data_dir, environment) as starter:
            pids = told(starter)
            lease = server.acquire()
            starter.kill()
        assert pids == f"{supervisor_of(data_dir)} {postmaster_of(data_dir)}"
        assert answers(lease.connection_to("postgres"))
        lease.close()
        assert is_down(data_dir)

    def test_a_killed_supervisor_takes_the_server_along_and_the_lease_tells(
        self, server: EmbeddedServer, data_dir: Path
    ) -> None:
        lease = server.acquire()
        before = lease.connection_to("postgres")
        ask(before, "CREATE DATABASE kept", "SELECT 1")
        assert not lease.is_lost()
        os.kill(supervisor_of(data_dir), signal.SIGKILL)
        assert lease.is_lost(timeout_seconds=10)
        lease.close()
        with server.acquire() as again:
            assert again.connection_to("postgres") == before
            assert ask(again.connection_to("kept"), "SELECT 1") == 1

    @pytest.mark.anyio
    async def test_a_loop_can_wait_for_the_loss(self, server: EmbeddedServer, data_dir: Path) -> None:
        lease = await asyncio.to_thread(server.acquire)
        waiting = [asyncio.ensure_future(lease.wait_until_lost()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        os.kill(supervisor_of(data_dir), signal.SIGKILL)
        async with asyncio.timeout(10):
            await asyncio.gather(*waiting)
        lease.close()

    def test_a_killed_server_is_started_again_and_again(self, server: EmbeddedServer, data_dir: Path) -> None:
        with server.acquire() as lease:
            asyncio.run(ensure_database(lease, "commonplace"))
            connection = lease.dsn
            ask(connection, "CREATE TABLE kept (id int)", "SELECT 1")
            for number in range(3):
                before = postmaster_of(data_dir)
                ask(connection, f"INSERT INTO kept VALUES ({number})", "SELECT 1")
                os.kill(before, signal.SIGKILL)
                until(lambda old=before: named_server(server.layout.cluster) not in (None, old), "a new server")
                until(lambda: answers(connection), "the server to answer")
                assert ask(connection, "SELECT count(*) FROM kept") == number + 1
            assert not lease.is_lost()

    def test_one_killed_before_anybody_answered_is_replaced(self, empty_dir: Path, environment: dict[str, str]) -> None:
        layout = Layout(empty_dir)
        with holder(empty_dir, environment) as one:
            until(lambda: layout.unfinished.exists() and any(layout.unfinished.iterdir()), "initdb to begin")
            os.kill(supervisor_of(empty_dir), signal.SIGKILL)
            assert told(one)
            assert not layout.unfinished.exists()

    def test_four_starters_share_one_server(self, empty_dir: Path, environment: dict[str, str]) -> None:
        with (
            holder(empty_dir, environment) as one,
            holder(empty_dir, environment) as two,
            holder(empty_dir, environment) as three,
            holder(empty_dir, environment) as four,
        ):
            said = {told(process) for process in (one, two, three, four)}
        assert len(said) == 1
        assert is_down(empty_dir)
        assert (empty_dir / "logs/postgres.log").read_text().count("starting PostgreSQL") == 1

    def test_two_installations_run_side_by_side(self, server: EmbeddedServer, place: Path) -> None:
        other = EmbeddedServer(place / "other", linger_seconds=0.2)
        with server.acquire() as here, other.acquire() as there:
            assert here.dsn["host"] != there.dsn["host"]
            assert answers(here.connection_to("postgres"))
            assert answers(there.connection_to("postgres"))

    def test_sigterm_lets_the_holders_finish(self, server: EmbeddedServer, data_dir: Path) -> None:
        lease = server.acquire()
        supervisor = supervisor_of(data_dir)
        os.kill(supervisor, signal.SIGTERM)
        assert answers(lease.connection_to("postgres"))
        lease.close(linger=True)
        until(lambda: not lives(supervisor), "the supervisor to end")
        assert is_down(data_dir)

    def test_sigterm_twice_ends_it_at_once(self, server: EmbeddedServer, data_dir: Path) -> None:
        with server.acquire() as lease:
            supervisor = supervisor_of(data_dir)
            os.kill(supervisor, signal.SIGTERM)
            while not lease.is_lost(timeout_seconds=0.05):
                os.kill(supervisor, signal.SIGTERM)
            until(lambda: is_down(data_dir), "the server to end")


class TestStarts:
    def test_errors_of_a_start_reach_whoever_asked(self, server: EmbeddedServer, data_dir: Path) -> None:
        (data_dir / "postgres/cluster/PG_VERSION").write_text("17\n")
        with pytest.raises(OtherMajorVersion, match="commonplace database upgrade"):
            server.acquire()
        until(lambda: not server.layout.supervisor_socket.exists(), "the supervisor to end")

    def test_who_holds_the_directory_for_itself_is_named(self, server: EmbeddedServer) -> None:
        server.layout.create_directories()
        ownership = take_ownership(server.layout, "upgrade")
        assert ownership is not None
        try:
            with pytest.raises(ServerInUse, match=f"upgrade, process {os.getpid()}"):
                server.acquire()
        finally:
            os.close(ownership)

    def test_no_answer_is_an_error_after_a_while(self, server: EmbeddedServer) -> None:
        server.layout.create_directories()
        taken = take_supervision(server.layout)
        assert taken is not None
        try:
            with pytest.raises(StartTimedOut, match=r"0\.3 s"):
                server.acquire(timeout_seconds=0.3)
        finally:
            taken[1].close()
            os.close(taken[0])

    def test_a_supervisor_that_cannot_run_says_why(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("commonplace.platform.database.embedded.server._SOURCE", Path("/nowhere"))
        with pytest.raises(ServerFailed, match="ModuleNotFoundError"):
            server.acquire()

    def test_a_stale_socket_is_replaced(self, server: EmbeddedServer) -> None:
        server.layout.create_directories()
        taken = take_supervision(server.layout)
        assert taken is not None
        taken[1].close()  # As a killed supervisor leaves it: the file is there, and nobody listens.
        os.close(taken[0])
        assert server.layout.supervisor_socket.exists()
        with server.acquire() as lease:
            assert answers(lease.connection_to("postgres"))


class TestSupervisorInThisProcess:
    """The same object without a process around it, so that its every turn can be watched."""

    @pytest.fixture
    def running(self, data_dir: Path) -> Iterator[tuple[Supervisor, Postmaster]]:
        layout = Layout(data_dir)
        taken = take_supervision(layout)
        assert taken is not None
        postmaster = Postmaster(layout, find_binaries(), durable=True)
        supervisor = Supervisor(postmaster, taken[1], linger_seconds=30)
        thread = Thread(target=supervisor.serve)
        thread.start()
        yield supervisor, postmaster
        if thread.is_alive():
            supervisor.request_stop()
        thread.join(20)
        os.close(taken[0])
        assert not thread.is_alive()

    def test_it_serves_restarts_and_ends(
        self, running: tuple[Supervisor, Postmaster], server: EmbeddedServer, data_dir: Path
    ) -> None:
        with ThreadPoolExecutor(4) as pool:
            first, second, *more = [future.result() for future in [pool.submit(server.acquire) for _ in range(4)]]
        before = running[1].pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda: running[1].pid not in (None, before), "another server")
        until(lambda: answers(first.connection_to("postgres")), "the server to answer")
        for lease in (second, *more):
            assert not lease.is_lost()
            lease.close()
        first.close()
        assert is_down(data_dir)

    def test_a_start_that_fails_is_told_and_ends_it(self, data_dir: Path, server: EmbeddedServer) -> None:
        (data_dir / "postgres/cluster/PG_VERSION").write_text("99\n")
        taken = take_supervision(server.layout)
        assert taken is not None
        supervisor = Supervisor(Postmaster(server.layout, find_binaries(), durable=True), taken[1], linger_seconds=30)
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(server.acquire)
            until(lambda: select.select([taken[1]], [], [], 0)[0], "the client to connect")
            supervisor.serve()
            with pytest.raises(OtherMajorVersion):
                asked.result()
        os.close(taken[0])

    def test_its_whole_life_without_anybody(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("commonplace.platform.database.embedded.supervisor._detach", os.close)
        before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)]
        try:
            supervise([str(data_dir), str(find_binaries()), "0.05"])
        finally:
            for number, handler in before:
                signal.signal(number, handler)
        log = (data_dir / "logs/postgres.log").read_text()
        assert "ready to accept connections" in log
        assert "database system is shut down" in log
        assert not Layout(data_dir).supervisor_socket.exists()

    def test_a_cluster_that_vanished_is_not_made_anew(
        self, running: tuple[Supervisor, Postmaster], server: EmbeddedServer, place: Path
    ) -> None:
        lease = server.acquire()
        layout = running[1].layout
        layout.cluster.rename(place / "away")
        assert running[1].pid is not None
        os.kill(running[1].pid, signal.SIGKILL)
        until(lambda: running[1].pid is None, "the end to be noticed")
        assert not layout.cluster.exists()
        (place / "away").rename(layout.cluster)
        until(lambda: answers(lease.connection_to("postgres")), "the server to come back with its cluster")
        lease.close()
