"""What is counted in this process: counters, gauges and histograms, as plain dictionaries.

An observation is one dictionary look-up and an addition (0.2 µs; `prometheus_client` with files shared between
processes takes 3 µs on the same machine, and each request makes several). Only the event loop's thread may count: an
addition is not atomic between threads. `metrics.py` shares and renders what is here.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

Labels = tuple[str, ...]

#: Upper bounds of a duration histogram in seconds.
DURATION_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: A metric keeps at most so many label combinations; further ones are counted under `OTHER`.
MAX_SERIES = 2_000
OTHER = "other"


class Instrument:
    """A named metric. `on_change` is called after every observation."""

    kind = "instrument"

    def __init__(self, name: str, help_text: str, labels: Sequence[str], on_change: Callable[[], None]) -> None:
        self.name = name
        self.help = help_text
        self.labels = tuple(labels)
        self._changed = on_change

    def key(self, labels: Labels, taken: int) -> Labels:
        """The series to count `labels` under, when `taken` series exist and this is not one of them.

        Raises:
            ValueError: not one value for each label.
        """
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {len(labels)} values.")
        return labels if taken < MAX_SERIES else tuple(OTHER for _ in labels)


class Counter(Instrument):
    """A sum that only grows; over all processes, ended ones included."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Sequence[str], on_change: Callable[[], None]) -> None:
        super().__init__(name, help_text, labels, on_change)
        self.values: dict[Labels, float] = {}

    def add(self, amount: float, *labels: str) -> None:
        """Add `amount` (not negative) to the series of these label values."""
        values = self.values
        if labels not in values:
            labels = self.key(labels, len(values))
            values.setdefault(labels, 0.0)
        values[labels] += amount
        self._changed()


class Gauge(Instrument):
    """A number that rises and falls; summed over the living processes."""

    kind = "gauge"

    def __init__(self, name: str, help_text: str, labels: Sequence[str], on_change: Callable[[], None]) -> None:
        super().__init__(name, help_text, labels, on_change)
        self.values: dict[Labels, float] = {}
        self._sample: Callable[[], float] | None = None

    def set(self, value: float, *labels: str) -> None:
        """Let the series of these label values be `value`."""
        if labels not in self.values:
            labels = self.key(labels, len(self.values))
        self.values[labels] = value
        self._changed()

    def add(self, amount: float, *labels: str) -> None:
        """Raise (or lower) the series of these label values by `amount`."""
        self.set(self.values.get(labels, 0.0) + amount, *labels)

    def sample(self, read: Callable[[], float]) -> None:
        """Ask `read` whenever the counts are shared, instead of being told; for a gauge without labels."""
        self._sample = read

    def refresh(self) -> None:
        """Take the sample, if the gauge is sampled."""
        if self._sample is not None:
            self.values[()] = self._sample()


class Histogram(Instrument):
    """How often a value fell below each bound, and the sum of the values; over all processes, ended ones included."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str],
        on_change: Callable[[], None],
        bounds: Sequence[float] = DURATION_BOUNDS_SECONDS,
    ) -> None:
        super().__init__(name, help_text, labels, on_change)
        self.bounds = tuple(sorted(map(float, bounds)))
        self._size = len(self.bounds) + 2
        self.values: dict[Labels, list[float]] = {}  #: per series: counts between bounds, over the last one, the sum

    def observe(self, value: float, *labels: str) -> None:
        """Count `value` in the series of these label values."""
        cells = self.values.get(labels)
        if cells is None:
            cells = self.values.setdefault(self.key(labels, len(self.values)), [0.0] * self._size)
        cells[bisect_left(self.bounds, value)] += 1
        cells[-1] += value
        self._changed()
