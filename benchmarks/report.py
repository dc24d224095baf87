"""What a measurement says, and the table of all."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One figure of ours beside that of a reference, measured in the same run."""

    what: str
    ours: float
    reference: float
    against: str
    unit: str
    target: float
    less_is_better: bool = False  #: then the ratio may be at most `target`, otherwise it must be at least that

    @property
    def ratio(self) -> float:
        """Ours in parts of the reference."""
        return self.ours / self.reference if self.reference else float("inf")

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio <= self.target if self.less_is_better else self.ratio >= self.target


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""
    lines = ["| what | ours | reference | ratio | target | |", "|---|---|---|---|---|---|"]
    for result in results:
        sign = "≤" if result.less_is_better else "≥"
        lines.append(
            f"| {result.what} | {_number(result.ours)} {result.unit} | {_number(result.reference)} {result.against} |"
            f" {result.ratio:.2f} | {sign} {result.target:g} | {'met' if result.is_met else '**short**'} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """The machine in a line."""
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),  # noqa: SIM115, PTH123
        platform.machine(),
    )
    return f"{os.cpu_count()} processors ({model}), Python {platform.python_version()}, {platform.platform()}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
