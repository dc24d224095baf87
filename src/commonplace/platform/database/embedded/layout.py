"""Where the embedded server keeps its things below the data directory, and where its sockets can be.

<data_dir>/postgres/            0700
    cluster/                    PostgreSQL's data directory
    cluster.new/                a cluster being made; never taken for a whole one
    cluster.upgraded/           whole, and about to take the place of `cluster`
    cluster-17/                 what an upgrade kept of PostgreSQL 17
    password                    0600; of both roles, `commonplace` and `postgres`
    owner.lock                  held by whoever owns the server: a supervisor, a private owner, an upgrade
    cluster.lock                held by the server and every process of it: inherited, so the kernel knows the last one
    run/                        the sockets; a symbolic link to a short private directory when this path will not do
    postgresql.custom.conf      a person's own tuning, when there is any
<data_dir>/logs/postgres.log    and postgres.log.1
"""

import os
from pathlib import Path
from zlib import crc32

from commonplace.platform.database.embedded.errors import DirectoryNotOurs, DirectoryNotWritable, DiskFull

PORT = 5432  # Part of the socket's file name only: nothing listens on a network.
SOCKET_NAME = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 107  # `sun_path` holds 108 bytes on Linux, the closing NUL among them.
_AWKWARD = frozenset(',"\\\x7f').union(map(chr, range(32)))  # PostgreSQL and drivers split lists of hosts at these.


class Layout:
    """The paths of one installation. `data_dir` is made absolute, so the process may change its own later."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(os.path.realpath(data_dir))
        self.home = self.data_dir / "postgres"
        self.cluster = self.home / "cluster"
        self.unfinished = self.home / "cluster.new"
        self.upgraded = self.home / "cluster.upgraded"
        self.password = self.home / "password"
        self.owner_lock = self.home / "owner.lock"
        self.cluster_lock = self.home / "cluster.lock"
        self.custom_configuration = self.home / "postgresql.custom.conf"
        self.logs = self.data_dir / "logs"
        self.log = self.logs / "postgres.log"
        self._run = self.home / "run"

    @property
    def sockets(self) -> Path:
        """The directory of the sockets as one has to spell it to reach them."""
        try:
            return Path(os.readlink(self._run))  # noqa: PTH115 - resolved one step only: the rest is not ours.
        except OSError:
            return self._run

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor listens."""
        return self.sockets / "supervisor"

    def create_directories(self) -> None:
        """Make what is missing of the directories, readable by the owner only.

        Raises:
            DirectoryNotOurs: the directory exists and belongs to somebody else.
            DirectoryNotWritable, DiskFull: it cannot be made or written to.
        """
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in (self.home, self.logs):
                directory.mkdir(mode=0o700, exist_ok=True)
            not_ours = self._not_ours(self.home)
            if not_ours is not None:
                raise not_ours
            if self.home.stat().st_mode & 0o067:
                self.home.chmod(0o700)
            _require_writable(self.home)
        except PermissionError as error:
            raise self._not_ours(self.data_dir) or explain(error, self.home) from error
        except OSError as error:
            raise explain(error, self.home) from error

    def _not_ours(self, directory: Path) -> DirectoryNotOurs | None:
        try:
            owner = directory.stat().st_uid
        except OSError:
            return None
        return None if owner == os.geteuid() else DirectoryNotOurs(not_ours_text(directory, owner))

    def prepare_sockets(self, *, elsewhere: bool = False) -> Path:
        """Make the directory of the sockets and return it; the caller owns the server (`owner_lock`).

        It is a private directory below the system's temporary one when our own path is too long for a socket, or has
        characters that lists of hosts are split at, or when `elsewhere` says that our file system takes no sockets.
        """
        if not elsewhere and _suits_sockets(self._run):
            if self._run.is_symlink():
                self._run.unlink()
            self._run.mkdir(mode=0o700, exist_ok=True)
            self._run.chmod(0o700)
            return self._run
        if not (self._run.is_symlink() and self._is_ours(self.sockets)):
            self._link_private_directory()
        return self.sockets

    def remove_sockets(self) -> None:
        """Drop a directory outside the data directory, once nothing listens there."""
        if self._run.is_symlink() and self._is_ours(self.sockets):
            try:
                self.sockets.rmdir()
                self._run.unlink()
            except OSError:
                return  # Something is still in it; the next start looks at it again.

    def _link_private_directory(self) -> None:
        from tempfile import mkdtemp  # noqa: PLC0415 - heavy, and hardly ever needed.

        if self._run.is_dir() and not self._run.is_symlink():
            for entry in self._run.iterdir():
                entry.unlink()
            self._run.rmdir()
        self._run.unlink(missing_ok=True)
        self._run.symlink_to(mkdtemp(prefix=self._prefix()))

    def _is_ours(self, directory: Path) -> bool:
        """Whether a directory elsewhere is ours, and this installation's: a copied data directory has the link, too."""
        try:
            status = directory.lstat()
        except OSError:
            return False
        is_private = directory.is_dir() and not directory.is_symlink() and not status.st_mode & 0o067
        owners = {os.geteuid(), self.cluster.stat().st_uid if self.cluster.exists() else os.geteuid()}
        return is_private and status.st_uid in owners and directory.name.startswith(self._prefix())

    def _prefix(self) -> str:
        return f"commonplace-{crc32(os.fsencode(self.data_dir)):08x}-"


def _suits_sockets(directory: Path) -> bool:
    name = str(directory)
    return len(os.fsencode(directory / SOCKET_NAME)) <= _LONGEST_SOCKET_PATH and not _AWKWARD.intersection(name)


def _require_writable(directory: Path) -> None:
    probe = directory / f".writable-{os.getpid()}"
    probe.write_bytes(b"?" * 4096)  # A full disk still makes empty files.
    probe.unlink()


def not_ours_text(directory: Path, owner: int) -> str:
    """What to tell somebody whose data belong to another user."""
    return (
        f"{directory} belongs to {user_name(owner)}, and this is {user_name(os.geteuid())}. "
        f"Run Commonplace as {user_name(owner)}, or give it another directory by COMMONPLACE_DATA_DIR."
    )


def user_name(uid: int) -> str:
    """How to name a user to a person."""
    import pwd  # noqa: PLC0415 - not on every platform, and only for a message.

    try:
        return f"{pwd.getpwuid(uid).pw_name!r} (user id {uid})"
    except KeyError:
        return f"user id {uid}"


def explain(error: OSError, directory: Path) -> Exception:
    """The start-up error that says what this error of the operating system means for `directory`."""
    import errno  # noqa: PLC0415 - only when something went wrong.

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"The disk of {directory} is full. Free some space, at least 200 MB, and start again.")
    return DirectoryNotWritable(
        f"{directory} cannot be written to ({error.strerror}). "
        "Make it writable, or give another directory by COMMONPLACE_DATA_DIR."
    )


def synchronize(path: Path) -> None:
    """Force a file, or a directory's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
