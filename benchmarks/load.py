"""Load: wrk where a server is to be pressed, and a plain client where bytes are counted."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 5


@dataclass(frozen=True)
class Load:
    """What a server did under load."""

    per_second: float
    p95_ms: float
    errors: int


def press(
    url: str,
    *,
    connections: int = 32,
    seconds: int = SECONDS,
    headers: Mapping[str, str] | None = None,
    script: str = "",
) -> Load:
    """Requests to `url` from as many connections as said; `script` is Lua that wrk understands.

    The program wrk has to be installed (Debian's package `wrk`).
    """
    if shutil.which("wrk") is None:
        sys.exit("The benchmarks need wrk: apt-get install wrk, or your system's way.")
    report = """
        done = function(summary, latency, requests)
            local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
            io.write(string.format("RESULT %f %f %d\\n",
                summary.requests / (summary.duration / 1e6), latency:percentile(95) / 1000, bad))
        end
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
        file.write(script + report)
    try:
        arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10s", "-s", file.name]
        for name, value in (headers or {}).items():
            arguments += ["-H", f"{name}: {value}"]
        answer = subprocess.run([*arguments, url], capture_output=True, text=True, check=True).stdout
    finally:
        Path(file.name).unlink()
    match = re.search(r"RESULT ([\d.]+) ([\d.]+) (\d+)", answer)
    assert match, answer
    return Load(float(match[1]), float(match[2]), int(match[3]))
