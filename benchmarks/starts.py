"""Starting: a warm start beside a bare FastAPI on the same server plus the database's own start; and idle memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Result
from benchmarks.servers import Commonplace, PocketBase, Program, free_port, memory_mb
from commonplace.platform.database.embedded.server import EmbeddedServer

BARE = """
import sys
from fastapi import FastAPI
app = FastAPI()
@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}
if __name__ == "__main__":
    from granian.constants import Interfaces
    from granian.server import Server
    Server("bare:app", port=int(sys.argv[1]), interface=Interfaces.ASGI, workers=2, log_enabled=False).serve()
"""
SETTLE_SECONDS = 5


def starts(directory: Path) -> Iterator[Result]:
    """Seconds to the first 200, and memory when nothing happens."""
    Commonplace(directory / "ours").stop()
    (directory / "bare.py").write_text(BARE)
    ours, bare, database = [], [], []
    memory = 0.0
    for _ in range(3):
        began = time.monotonic()
        with EmbeddedServer(directory / "ours").acquire():
            database.append(time.monotonic() - began)
        port = free_port()
        program = Program(
            [sys.executable, directory / "bare.py", port],
            port=port,
            ready="/health",
            environ={"PYTHONPATH": str(directory)},
        )
        bare.append(program.seconds_to_first_answer)
        program.stop()
        program = Commonplace(directory / "ours")
        ours.append(program.seconds_to_first_answer)
        time.sleep(SETTLE_SECONDS)
        memory = memory_mb(directory / "ours")
        program.stop()
    peer = PocketBase(directory / "pocketbase")
    time.sleep(SETTLE_SECONDS)
    peer_memory = memory_mb(directory / "pocketbase")
    peer.stop()
    yield Result(
        "first 200, warm",
        min(ours),
        min(bare) + min(database),
        "bare FastAPI and the database",
        "s",
        1.6,
        less_is_better=True,
    )
    yield Result("first 200, warm, at most 3 s", min(ours), 3.0, "s", "s", 1.0, less_is_better=True)
    yield Result("idle memory of all, database too", memory, 350.0, "MB", "MB", 1.0, less_is_better=True)
    sys.stderr.write(f"PocketBase idles at {peer_memory:.0f} MB in this run.\n")
    subprocess.run(["sync"], check=False)
