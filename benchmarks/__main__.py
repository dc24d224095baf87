"""`make bench`: Commonplace beside bare references and peers, in one run, as ratios. `python -m benchmarks reads files` runs some."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import connections, deliveries, drive, past, requests, search, starts, tasks, thumbnails, transfers
from benchmarks.report import Result, machine, table

SECTIONS: dict[str, Callable[[Path], Iterator[Result]]] = {
    "reads": requests.reads,
    "creates": requests.creates,
    "sign-in": requests.sign_in,
    "tasks": tasks.tasks,
    "files": transfers.files,
    "drive": drive.drive,
    "search": search.search,
    "thumbnails": thumbnails.thumbnails,
    "starts": starts.starts,
    "deliveries": deliveries.deliveries,
    "past": past.past,
    "connections": connections.connections,
}


def main() -> None:
    """Run the sections that were asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all by default")
    sections = parser.parse_args().sections or list(SECTIONS)
    results: list[Result] = []
    for name in sections:
        directory = Path(tempfile.mkdtemp(prefix="commonplace-bench-"))
        try:
            for result in SECTIONS[name](directory):
                results.append(result)
                sys.stderr.write(f"{name}: {table([result]).splitlines()[-1]}\n")
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{machine()}\n\n{table(results)}\n")
    print(f"{sum(result.is_met for result in results)} of {len(results)} targets met.")


if __name__ == "__main__":
    main()
