"""What can be measured of an installation, in Prometheus's form, over all its processes.

Each part that counts makes its instruments once, from the `Metrics` it is handed, and keeps them. Names follow
Prometheus: `commonplace_` first, the unit last, `_total` for counters (given without it, added on output). Label
values must come from a small known set: route templates, never paths; never a person.
"""

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from commonplace.platform.telemetry import shared_counts
from commonplace.platform.telemetry.instruments import (
    DURATION_BOUNDS_SECONDS,
    Counter,
    Gauge,
    Histogram,
    Instrument,
    Labels,
)
from commonplace.platform.telemetry.shared_counts import ProcessFile, Snapshot, joined, parted

SHARE_EVERY_SECONDS = 1.0
SCRAPE_READ_SECONDS = 1.0  #: how long one `on_scrape` reader may take before its metric is left out

log = structlog.get_logger()

AnyInstrument = TypeVar("AnyInstrument", bound=Instrument)
ReadAtScrape = Callable[[], Awaitable[Mapping[Labels, float]]]


class Metrics:
    """The installation's metrics as seen from this process.

    With a `directory` (see `run_directory`) counts are shared with the other processes: what another process counted
    is at most `SHARE_EVERY_SECONDS` old. Without one, they are of this process alone.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._instruments: dict[str, Instrument] = {}
        self._readers: dict[str, tuple[str, tuple[str, ...], ReadAtScrape]] = {}
        self._file = ProcessFile(directory) if directory else None
        self._timer_loop: asyncio.AbstractEventLoop | None = None
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_anew(reference))

    def counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        """The counter `name`; the same one when it exists."""
        return self._instrument(Counter, Counter(name, help_text, labels, self._changed))

    def gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        """The gauge `name`; the same one when it exists."""
        return self._instrument(Gauge, Gauge(name, help_text, labels, self._changed))

    def histogram(
        self, name: str, help_text: str, labels: Sequence[str] = (), bounds: Sequence[float] = DURATION_BOUNDS_SECONDS
    ) -> Histogram:
        """The histogram `name`; the same one when it exists."""
        return self._instrument(Histogram, Histogram(name, help_text, labels, self._changed, bounds))

    def on_scrape(self, name: str, help_text: str, labels: Sequence[str], read: ReadAtScrape) -> None:
        """A gauge of the whole installation that `read` answers when metrics are asked for, such as a queue's depth."""
        self._readers[name] = (help_text, tuple(labels), read)

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics as text, and its media type: OpenMetrics if `accept` asks for it, else Prometheus's own form."""
        total = self._own_snapshot()
        if self._file is not None:
            self._share()
            others = await asyncio.to_thread(shared_counts.gather, self._file.directory, own=self._file.path)
            total.add(others, is_living=True)
        scraped = await self._scraped()
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - needed only when somebody scrapes.

        encode, media_type = choose_encoder(accept)
        return encode(_Collected(self._families(total, scraped))), media_type

    def close(self) -> None:
        """Share the last counts and let go of the file; what was counted stays part of the installation's sums."""
        if self._file is not None:
            self._share()
            self._file.close()

    def _instrument(self, kind: type[AnyInstrument], new: AnyInstrument) -> AnyInstrument:
        known = self._instruments.setdefault(new.name, new)
        if not isinstance(known, kind) or known.labels != new.labels:
            raise ValueError(f"The metric {new.name} exists as a {known.kind} with the labels {known.labels}.")
        return known

    def _changed(self) -> None:
        """Something was counted: share it soon, when there is somebody to share with and a loop to do it on."""
        if self._file is None:
            return
        loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises; this runs at every observation.
        if loop is not None and self._timer_loop is not loop:
            self._timer_loop = loop
            loop.call_later(SHARE_EVERY_SECONDS, self._share)

    def _share(self) -> None:
        self._timer_loop = None
        if self._file is None:
            return
        try:
            self._file.write(self._own_snapshot())
        except OSError as error:
            log.warning("metrics.not_shared", reason=str(error))

    def _own_snapshot(self) -> Snapshot:
        snapshot = Snapshot()
        for instrument in self._instruments.values():
            if isinstance(instrument, Histogram):
                snapshot.histograms[instrument.name] = {joined(k): list(v) for k, v in instrument.values.items()}
                continue
            if isinstance(instrument, Gauge):
                instrument.refresh()
                target = snapshot.gauges
            else:
                target = snapshot.counters
            target[instrument.name] = {joined(key): value for key, value in _numbers(instrument).items()}
        return snapshot

    async def _scraped(self) -> dict[str, Mapping[Labels, float]]:
        async def ask(name: str) -> Mapping[Labels, float] | None:
            try:
                async with asyncio.timeout(SCRAPE_READ_SECONDS):
                    return await self._readers[name][2]()
            except Exception as error:  # noqa: BLE001 - one metric that cannot be read must not hide the others.
                log.warning("metrics.not_read", metric=name, reason=repr(error))
                return None

        names = list(self._readers)
        answers = await asyncio.gather(*(ask(name) for name in names))
        return {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}

    def _families(self, total: Snapshot, scraped: Mapping[str, Mapping[Labels, float]]) -> Iterable[Any]:
        from prometheus_client import core  # noqa: PLC0415 - needed only when somebody scrapes.

        for instrument in self._instruments.values():
            name, text, labels = instrument.name, instrument.help, instrument.labels
            if isinstance(instrument, Histogram):
                histogram = core.HistogramMetricFamily(name, text, labels=labels)
                for key, cells in total.histograms.get(name, {}).items():
                    if len(cells) == len(instrument.bounds) + 2:
                        histogram.add_metric(parted(key, len(labels)), _buckets(instrument.bounds, cells), cells[-1])
                yield histogram
                continue
            is_gauge = isinstance(instrument, Gauge)
            family = (core.GaugeMetricFamily if is_gauge else core.CounterMetricFamily)(name, text, labels=labels)
            for key, value in (total.gauges if is_gauge else total.counters).get(name, {}).items():
                family.add_metric(parted(key, len(labels)), value)
            yield family
        for name, series in scraped.items():
            text, labels, _ = self._readers[name]
            family = core.GaugeMetricFamily(name, text, labels=labels)
            for values, value in series.items():
                family.add_metric(values, value)
            yield family
        yield core.GaugeMetricFamily("commonplace_processes", "Processes that count.", value=total.processes)


class _Collected:
    """Finished families in the shape of a registry."""

    def __init__(self, families: Iterable[Any]) -> None:
        self._families = families

    def collect(self) -> Iterable[Any]:
        return self._families


def _numbers(instrument: Instrument) -> dict[Labels, float]:
    return instrument.values if isinstance(instrument, Counter | Gauge) else {}


def _buckets(bounds: Sequence[float], cells: Sequence[float]) -> list[tuple[str, float]]:
    """Cumulative counts by upper bound, as Prometheus wants them."""
    buckets: list[tuple[str, float]] = []
    running = 0.0
    for bound, count in zip((*map(str, bounds), "+Inf"), cells, strict=False):
        running += count
        buckets.append((bound, running))
    return buckets


def _start_anew(reference: "weakref.ref[Metrics]") -> None:
    """In the child of a fork: what the parent counted is the parent's to tell."""
    metrics = reference()
    if metrics is None:
        return
    metrics._timer_loop = None  # noqa: SLF001 - same module
    if metrics._file is not None:  # noqa: SLF001
        metrics._file.forget()  # noqa: SLF001
    for instrument in metrics._instruments.values():  # noqa: SLF001
        if isinstance(instrument, Counter | Gauge | Histogram):
            instrument.values.clear()
