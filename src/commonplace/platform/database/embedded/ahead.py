"""Starting the server ahead of time: it comes up while the caller imports what is heavy."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from commonplace.platform.database.embedded.errors import EmbeddedServerError
from commonplace.platform.database.embedded.server import EmbeddedServer


def start_ahead(data_dir: Path) -> Callable[[], None]:
    """Begin to start the server in a child process; call what comes back once the lease was acquired.

    Whatever goes wrong goes wrong again, and is told, when the caller acquires its lease. The server stays up without
    one for its supervisor's linger time.
    """
    child = os.fork()
    if child == 0:
        with contextlib.suppress(EmbeddedServerError, OSError):
            EmbeddedServer(data_dir).acquire().close(linger=True)
        os._exit(0)

    def reap() -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)

    return reap
