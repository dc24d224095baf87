"""A server of one's own: a direct child without supervisor or leases, for tests and for single steps."""

import os
from pathlib import Path
from typing import Any

from commonplace.platform.database.embedded.binaries import find_binaries
from commonplace.platform.database.embedded.cluster import ROLE, SUPERUSER
from commonplace.platform.database.embedded.errors import ServerInUse
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.leftovers import take_ownership
from commonplace.platform.database.embedded.postmaster import Postmaster


class PrivateServer:
    """A server that lives at most as long as the thread that started it. Start it from the main thread.

    Args:
        directory: the data directory; what is in it already is used.
        durable: False gives up surviving a crash of the machine for speed. Tests only: there is no setting for it.
        mode: insist on one way to run (`direct`, `namespace`, `setuid`); None chooses.
    """

    def __init__(self, directory: Path, *, durable: bool, mode: str | None = None) -> None:
        self.layout = Layout(directory)
        self._postmaster = Postmaster(self.layout, find_binaries(), durable=durable, mode=mode)
        self._ownership: int | None = None

    @property
    def pid(self) -> int | None:
        """The server's process; None when it does not run."""
        return self._postmaster.pid

    def start(self) -> dict[str, Any]:
        """Start it, making the cluster if there is none; returns what `asyncpg.connect` takes.

        The role may make databases and is no superuser; the database is `postgres`, for making others.

        Raises:
            ServerInUse: Commonplace runs on this directory, or another private server.
            EmbeddedServerError: it cannot be started.
        """
        self._own()
        try:
            self.layout.prepare_sockets()
            self._postmaster.start()
        except BaseException:
            self.stop()
            raise
        return self.connection()

    def connection(self, *, superuser: bool = False) -> dict[str, Any]:
        """The same again; with `superuser` as the role that may do everything."""
        return {
            **self._postmaster.connection(),
            "user": SUPERUSER if superuser else ROLE,
            "database": "postgres",
        }

    def stop(self) -> None:
        """Stop it, if it runs; returns when it is gone."""
        if self._ownership is None:
            return
        self._postmaster.stop()
        self.layout.remove_sockets()
        os.close(self._ownership)
        self._ownership = None

    def _own(self) -> None:
        self.layout.create_directories()
        ownership = take_ownership(self.layout, "server")
        if ownership is None:
            raise ServerInUse(f"Commonplace is running on {self.layout.data_dir}. Stop it first, then try again.")
        self._ownership = ownership
