"""What a newcomer does first: `make run` where nothing for developers is installed, until /health answers; then Ctrl-C.

It has to come before `make check`: what only the tests need would hide what is missing for everybody else.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from http import HTTPStatus

SECONDS = 300


def main() -> int:
    """Zero when the product started, answered, and stopped when it was told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        environ = {**os.environ, "PORT": str(port), "COMMONPLACE_DATA_DIR": data}
        process = subprocess.Popen(["make", "run"], env=environ, start_new_session=True)
        try:
            deadline = time.monotonic() + SECONDS
            while not answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.stderr.write("`make run` did not come to answer /health.\n")
                    return 1
                time.sleep(0.2)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(timeout=60)
    return 0


def answers(port: int) -> bool:
    """Whether /health says 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == HTTPStatus.OK
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
