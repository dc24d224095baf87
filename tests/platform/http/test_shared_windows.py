"""Processes of one machine count requests together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commonplace.platform.http import shared_windows
from commonplace.platform.http.limits import RequestLimits
from commonplace.platform.http.settings import LimitsSettings
from commonplace.platform.http.shared_windows import LANES, SharedWindows
from commonplace.platform.telemetry import run_directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return run_directory.prepare(tmp_path)


def now() -> float:
    return 5_000.25


def count(windows: SharedWindows, address: str, times: int = 1) -> None:
    for _ in range(times):
        windows.address(address, 300).count()


def counted(windows: SharedWindows, address: str) -> int:
    return windows.address(address, 300).current


def test_each_sees_what_the_others_counted(directory):
    processes = [SharedWindows(directory, clock=now) for _ in range(3)]
    for number, process in enumerate(processes, 1):
        count(process, "203.0.113.7", number)
        process.total(1).count()
    assert [counted(process, "203.0.113.7") for process in processes] == [6, 6, 6]
    assert [process.total(1).current for process in processes] == [3, 3, 3]
    assert counted(processes[0], "203.0.113.8") == 0


def test_what_an_ended_process_counted_still_counts(directory):
    first = SharedWindows(directory, clock=now)
    count(first, "203.0.113.7", 5)
    first.close()
    second = SharedWindows(directory, clock=now)
    count(second, "203.0.113.7")
    assert counted(second, "203.0.113.7") == 6


def test_a_process_more_than_there_are_lanes_counts_alone(directory):
    crowd = [SharedWindows(directory, clock=now) for _ in range(LANES)]
    for process in crowd:
        count(process, "203.0.113.7")
    alone = SharedWindows(directory, clock=now)
    count(alone, "203.0.113.7")
    assert counted(alone, "203.0.113.7") == 1
    assert counted(crowd[0], "203.0.113.7") == LANES


def test_more_addresses_than_rows_forgive_the_longest_unused(directory, monkeypatch):
    moment = [300.0 * 100]
    monkeypatch.setattr(shared_windows, "PROBES", 2)
    monkeypatch.setattr(shared_windows, "ROWS", 2)
    windows = SharedWindows(directory, clock=lambda: moment[0])
    count(windows, "203.0.113.1")
    moment[0] += 300
    count(windows, "203.0.113.2", 3)
    count(windows, "203.0.113.3", 4)
    assert counted(windows, "203.0.113.2") == 3
    assert counted(windows, "203.0.113.3") == 4
    assert windows.address("203.0.113.1", 300).previous == 0


def test_a_fork_counts_in_a_lane_of_its_own(directory):
    windows = SharedWindows(directory)
    count(windows, "203.0.113.7", 2)
    child = os.fork()
    if child == 0:
        count(windows, "203.0.113.7", 3)
        os._exit(0 if counted(windows, "203.0.113.7") == 5 else 1)
    assert os.waitpid(child, 0)[1] == 0
    count(windows, "203.0.113.7")
    assert counted(windows, "203.0.113.7") == 6


def test_a_table_of_another_shape_is_begun_anew(directory):
    (directory / "requests.shared").write_bytes(b"another release")
    windows = SharedWindows(directory, clock=now)
    count(windows, "203.0.113.7")
    assert counted(windows, "203.0.113.7") == 1


_CROWD = """
import sys
from pathlib import Path
from commonplace.platform.http.limits import RequestLimits
from commonplace.platform.http.settings import LimitsSettings
limits = RequestLimits(LimitsSettings(requests_per_address=2000, requests_per_second=0),
                       exempt_loopback=True, directory=Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(limits.refusal("203.0.113.7") is None for _ in range(1500)), flush=True)
sys.stdin.readline()
"""


def test_processes_that_race_hold_the_limit_together(directory):
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _CROWD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    crowd = [start() for _ in range(2)]
    try:
        for process in crowd:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        let_in = sum(int(process.stdout.readline()) for process in crowd if process.stdout)
    finally:
        for process in crowd:
            process.communicate("end\n", timeout=20)
    assert 2000 <= let_in <= 2000 + len(crowd) - 1
    after = RequestLimits(LimitsSettings(requests_per_address=2000), exempt_loopback=True, directory=directory)
    assert after.refusal("203.0.113.7") is not None
