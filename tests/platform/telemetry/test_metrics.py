"""What is counted, in one process and in several."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from commonplace.platform.telemetry import instruments, metrics, run_directory, shared_counts
from commonplace.platform.telemetry.metrics import Metrics
from commonplace.platform.telemetry.shared_counts import ProcessFile, Snapshot
from tests.platform.telemetry.conftest import LogLines

pytestmark = pytest.mark.anyio

Samples = dict[str, float]


async def scraped(source: Metrics) -> Samples:
    """The samples by name and labels, as Prometheus's own parser reads them."""
    text, _ = await source.exposition()
    return {
        sample.name + "".join(f"|{label}" for _, label in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def count_and_die(directory: Path) -> None:
    """Another process counts 41 jobs and is killed."""
    program = """
import os, sys
from pathlib import Path
from commonplace.platform.telemetry.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.counter("commonplace_jobs", "Jobs.").add(41)
metrics._share()
os.kill(os.getpid(), 9)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(directory)], check=False, timeout=30)
    assert ended.returncode == -9


class TestOneProcess:
    async def test_counters_grow(self):
        source = Metrics()
        jobs = source.counter("commonplace_jobs", "Jobs done.", ("queue",))
        jobs.add(1, "processing")
        jobs.add(2, "processing")
        jobs.add(1, "notifications")
        samples = await scraped(source)
        assert samples["commonplace_jobs_total|processing"] == 3
        assert samples["commonplace_jobs_total|notifications"] == 1

    async def test_gauges_rise_and_fall(self):
        source = Metrics()
        gauge = source.gauge("commonplace_open", "Open things.")
        gauge.set(5)
        gauge.add(-2)
        assert (await scraped(source))["commonplace_open"] == 3

    async def test_gauges_may_be_sampled(self):
        source, size = Metrics(), [7]
        source.gauge("commonplace_size", "A size.").sample(lambda: size[0])
        assert (await scraped(source))["commonplace_size"] == 7
        size[0] = 8
        assert (await scraped(source))["commonplace_size"] == 8

    async def test_histograms_count_below_bounds(self):
        source = Metrics()
        histogram = source.histogram("commonplace_wait_seconds", "Waiting.", ("queue",), bounds=(0.1, 1))
        for value in (0.05, 0.1, 0.5, 3):
            histogram.observe(value, "q")
        samples = await scraped(source)
        assert samples["commonplace_wait_seconds_bucket|0.1|q"] == 2
        assert samples["commonplace_wait_seconds_bucket|1.0|q"] == 3
        assert samples["commonplace_wait_seconds_bucket|+Inf|q"] == 4
        assert samples["commonplace_wait_seconds_count|q"] == 4
        assert samples["commonplace_wait_seconds_sum|q"] == pytest.approx(3.65)

    async def test_some_are_asked_for_when_read(self):
        source = Metrics()

        async def depth() -> dict[tuple[str, ...], float]:
            return {("processing",): 12, ("analytics",): 0}

        source.on_scrape("commonplace_deliveries_waiting", "Waiting deliveries.", ("queue",), depth)
        samples = await scraped(source)
        assert samples["commonplace_deliveries_waiting|processing"] == 12
        assert samples["commonplace_deliveries_waiting|analytics"] == 0

    async def test_one_that_cannot_be_read_hides_no_other(self, monkeypatch, log_lines: LogLines):
        monkeypatch.setattr(metrics, "SCRAPE_READ_SECONDS", 0.02)
        source = Metrics()

        async def fails() -> Any:
            raise OSError("the database is away")

        async def hangs() -> Any:
            await asyncio.Event().wait()

        source.on_scrape("commonplace_failing", "Fails.", (), fails)
        source.on_scrape("commonplace_hanging", "Hangs.", (), hangs)
        source.counter("commonplace_jobs", "Jobs done.").add(1)
        samples = await scraped(source)
        assert samples["commonplace_jobs_total"] == 1
        assert "commonplace_failing" not in samples
        assert {line["metric"] for line in log_lines()} == {"commonplace_failing", "commonplace_hanging"}

    def test_the_same_name_is_the_same_instrument(self):
        source = Metrics()
        assert source.counter("commonplace_jobs", "Jobs.") is source.counter("commonplace_jobs", "Jobs.")
        with pytest.raises(ValueError, match="commonplace_jobs exists as a counter"):
            source.gauge("commonplace_jobs", "Jobs.")

    def test_labels_are_all_given(self):
        counter = Metrics().counter("commonplace_jobs", "Jobs.", ("queue",))
        with pytest.raises(ValueError, match="has the labels"):
            counter.add(1)

    async def test_series_do_not_grow_without_end(self, monkeypatch):
        monkeypatch.setattr(instruments, "MAX_SERIES", 3)
        source = Metrics()
        counter = source.counter("commonplace_jobs", "Jobs.", ("path",))
        histogram = source.histogram("commonplace_wait_seconds", "Waiting.", ("path",))
        for number in range(10):
            counter.add(1, str(number))
            histogram.observe(1, str(number))
        samples = await scraped(source)
        assert samples["commonplace_jobs_total|other"] == 7
        assert samples["commonplace_wait_seconds_count|other"] == 7

    async def test_odd_label_values_are_escaped(self):
        source = Metrics()
        source.counter("commonplace_jobs", "Jobs.", ("name",)).add(1, 'a "quoted"\nline')
        assert (await scraped(source))['commonplace_jobs_total|a "quoted"\nline'] == 1


class TestSeveralProcesses:
    async def test_are_read_as_one(self, directory):
        first, second = Metrics(directory), Metrics(directory)
        for source, amount in ((first, 2), (second, 5)):
            source.counter("commonplace_jobs", "Jobs.", ("queue",)).add(amount, "processing")
            source.gauge("commonplace_open", "Open things.").set(amount)
            source.histogram("commonplace_wait_seconds", "Waiting.").observe(amount)
            await source.exposition()
        for source in (first, second):
            samples = await scraped(source)
            assert samples["commonplace_jobs_total|processing"] == 7
            assert samples["commonplace_open"] == 7
            assert samples["commonplace_wait_seconds_count"] == 2
            assert samples["commonplace_wait_seconds_sum"] == 7
            assert samples["commonplace_processes"] == 2

    async def test_share_without_being_asked(self, directory, monkeypatch):
        monkeypatch.setattr(metrics, "SHARE_EVERY_SECONDS", 0.01)
        first, second = Metrics(directory), Metrics(directory)
        first.counter("commonplace_jobs", "Jobs.").add(1)
        second.counter("commonplace_jobs", "Jobs.")
        while "commonplace_jobs_total" not in await scraped(second):
            await asyncio.sleep(0)
        assert (await scraped(second))["commonplace_jobs_total"] == 1

    async def test_that_ended_still_count_but_are_not_open(self, directory):
        first, second = Metrics(directory), Metrics(directory)
        second.counter("commonplace_jobs", "Jobs.").add(1)
        second.gauge("commonplace_open", "Open things.").set(1)
        first.counter("commonplace_jobs", "Jobs.").add(2)
        first.gauge("commonplace_open", "Open things.").set(2)
        first.close()
        for _ in range(2):  # the second time its file is folded away
            samples = await scraped(second)
            assert samples["commonplace_jobs_total"] == 3
            assert samples["commonplace_open"] == 1
            assert samples["commonplace_processes"] == 1
        assert len(list(directory.glob("metrics-*"))) == 1

    async def test_that_are_killed_lose_a_second_at_most(self, directory):
        count_and_die(directory)
        source = Metrics(directory)
        source.counter("commonplace_jobs", "Jobs.").add(1)
        assert (await scraped(source))["commonplace_jobs_total"] == 42

    async def test_that_are_forked_count_for_themselves(self, directory):
        source = Metrics(directory)
        source.counter("commonplace_jobs", "Jobs.").add(5)
        await source.exposition()
        child = os.fork()
        if child == 0:
            source.counter("commonplace_jobs", "Jobs.").add(1)
            source.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222 - nothing else runs here
        assert (await scraped(source))["commonplace_jobs_total"] == 6

    async def test_of_another_release_may_have_other_bounds(self, directory):
        source = Metrics(directory)
        source.histogram("commonplace_wait_seconds", "Waiting.", bounds=(1,)).observe(0.5)
        old = Metrics(directory)
        old.histogram("commonplace_wait_seconds", "Waiting.", bounds=(1, 2, 3)).observe(0.5)
        old.counter("commonplace_gone", "No longer counted.").add(1)
        old.close()
        text, _ = await source.exposition()
        assert b"commonplace_gone" not in text

    async def test_without_a_disk_go_on(self, directory, log_lines: LogLines):
        source = Metrics(directory)
        source.counter("commonplace_jobs", "Jobs.").add(1)
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()
        source._share()
        assert log_lines()[0]["event"] == "metrics.not_shared"


class TestProcessFile:
    def test_is_read_back(self, directory):
        file = ProcessFile(directory)
        for value in (1.0, 2.0):
            file.write(Snapshot(counters={"jobs": {"processing": value}}))
        assert file.path is not None
        assert shared_counts.read(file.path) == Snapshot(counters={"jobs": {"processing": 2.0}})

    @pytest.mark.parametrize("damage", [b"", b"abc", b"\0\0\0\x04\0\0\0\0abcd", b"\xff" * 20])
    def test_that_is_damaged_is_nothing(self, directory, damage):
        file = directory / "metrics-1-a.process"
        file.write_bytes(damage)
        assert shared_counts.read(file) is None

    def test_that_is_gone_is_nothing(self, directory):
        assert shared_counts.read(directory / "metrics-1-a.process") is None


class TestRunDirectory:
    def test_is_private(self, tmp_path: Path):
        directory = run_directory.prepare(tmp_path / "data")
        assert directory == run_directory.path(tmp_path / "data")
        assert directory.stat().st_mode & 0o777 == 0o700

    async def test_is_emptied_when_nobody_lives(self, tmp_path: Path):
        source = Metrics(run_directory.prepare(tmp_path))
        source.counter("commonplace_jobs", "Jobs.").add(1)
        source.close()
        directory = run_directory.prepare(tmp_path)
        assert [file.name for file in directory.iterdir()] == ["directory.lock"]

    async def test_is_left_as_it_is_while_somebody_lives(self, tmp_path: Path):
        living = Metrics(run_directory.prepare(tmp_path))
        living.counter("commonplace_jobs", "Jobs.").add(1)
        await living.exposition()
        run_directory.prepare(tmp_path)
        other = Metrics(run_directory.path(tmp_path))
        other.counter("commonplace_jobs", "Jobs.")
        assert (await scraped(other))["commonplace_jobs_total"] == 1

    def test_files_are_held_by_one(self, directory):
        file = directory / "lane.process"
        descriptor = run_directory.try_hold(file)
        assert descriptor is not None
        assert run_directory.is_held(file)
        assert run_directory.try_hold(file) is None
        os.close(descriptor)
        assert not run_directory.is_held(file)
        assert not run_directory.is_held(directory / "never-was.process")
