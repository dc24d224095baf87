"""Deal with what an earlier server left behind: processes that still run, and files that say they do.

A process is ours to stop only when it really is a server of this cluster: its command line names the cluster, or it
works in it. A number in a file alone says nothing after a restart of the machine or inside another container.
"""

import fcntl
import os
import signal
import time
from pathlib import Path

from commonplace.platform.database.embedded.errors import ServerInUse
from commonplace.platform.database.embedded.layout import SOCKET_NAME, Layout
from commonplace.platform.database.embedded.process import exit_code, send

_SHUTDOWN_SECONDS, _NOTICE_SECONDS, _QUIT_SECONDS = 30.0, 2.0, 10.0
_UNSEEN_SECONDS = (
    10.0  # How long a holder of the lock may take that is no server: `initdb`, or one just being launched.
)
_STEP_SECONDS = 0.01
_HAS_PROC = Path("/proc/self/stat").exists()


def take_ownership(layout: Layout, role: str) -> int | None:
    """Become the one who may start a server here, for as long as the returned file is open; None: somebody is.

    `role` says what we are to whoever comes next: "supervisor", or what is not shared, like "upgrade".
    """
    descriptor = os.open(layout.owner_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _try_lock(descriptor):
        sign(descriptor, role)
        return descriptor
    os.close(descriptor)
    return None


def sign(ownership: int, role: str) -> None:
    """Write into the lock who holds it: the lock itself tells that only to the kernel."""
    os.ftruncate(ownership, 0)
    os.pwrite(ownership, f"{role} {os.getpid()}\n".encode(), 0)


def owner(layout: Layout) -> tuple[str, int] | None:
    """What the owner is and its process id, as it signed; None without one. Means something while the lock is held."""
    try:
        role, pid = layout.owner_lock.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return role, int(pid)


def lock_cluster(layout: Layout) -> int:
    """Take the lock of the cluster, stopping an orphan that holds it, and clear what it left. For its owner only.

    The lock belongs to the open file this returns; a server started with that file keeps it held until its last
    process is gone, which no process id can tell so surely.

    Raises:
        ServerInUse: who holds it cannot be seen from here, as with another container on the same directory.
    """
    descriptor = os.open(layout.cluster_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, layout)
        remove_traces(layout)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _take(descriptor: int, layout: Layout) -> None:
    clusters = (layout.cluster, layout.unfinished, layout.upgraded)  # An upgrade runs servers on the copy, too.
    for stage in (_ask, _insist, _kill):
        found = servers_of(*clusters)
        if not found and _wait_for_lock(descriptor, _UNSEEN_SECONDS):
            return
        if not found:
            raise ServerInUse(
                f"The database in {layout.cluster} is in use by a server that cannot be seen from here, perhaps in "
                "another container. Stop it, or give this Commonplace a data directory of its own."
            )
        stage(found, [pid for pid in found if _is_head(pid, clusters)])
    if servers_of(*clusters) or not _wait_for_lock(descriptor, _UNSEEN_SECONDS):
        raise ServerInUse(f"The server of {layout.cluster} does not end. Stop it by hand, then start again.")


def _ask(found: list[int], heads: list[int]) -> None:
    """Ask for a fast shutdown. Processes without their head notice by themselves, and need only a moment.

    SIGINT is for the head alone. To the checkpointer the same signal means to close the log, and what other processes
    still commit after that is acknowledged and never read again.
    """
    _signal(heads, signal.SIGINT)
    _wait_for_end(found, _SHUTDOWN_SECONDS if heads else _NOTICE_SECONDS)


def _insist(found: list[int], heads: list[int]) -> None:
    """End at once, without a checkpoint: the next start replays the log."""
    _signal(heads or found, signal.SIGQUIT)
    _wait_for_end(found, _QUIT_SECONDS)


def _kill(found: list[int], _heads: list[int]) -> None:
    _signal(found, signal.SIGKILL)
    _wait_for_end(found, _QUIT_SECONDS)


def remove_traces(layout: Layout) -> None:
    """Remove the files by which a dead server claims to live. Only while holding the cluster's lock."""
    for path in (
        layout.cluster / "postmaster.pid",
        layout.sockets / SOCKET_NAME,
        layout.sockets / f"{SOCKET_NAME}.lock",
    ):
        path.unlink(missing_ok=True)


def servers_of(*clusters: Path) -> list[int]:
    """The processes of servers on these clusters: all where the system tells (Linux), else those they name."""
    if _HAS_PROC:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - a plain list is enough.
        return [pid for pid in numbers if pid != os.getpid() and _works_in(pid, clusters)]
    return [pid for pid in map(named_server, clusters) if pid is not None]


def named_server(cluster: Path) -> int | None:
    """The process that `postmaster.pid` names, if its command line holds the cluster; None otherwise."""
    try:
        pid = int((cluster / "postmaster.pid").read_text(errors="replace").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid > 0 and _is_head(pid, (cluster,)) else None


def _is_head(pid: int, clusters: tuple[Path, ...]) -> bool:
    """Whether a process is the one that the others of its server are children of: only it keeps its command line."""
    words = _command_line(pid)
    return any(os.fsencode(cluster) in (words.split(b"\0") if _HAS_PROC else words) for cluster in clusters)


def _works_in(pid: int, clusters: tuple[Path, ...]) -> bool:
    """Whether a process is PostgreSQL and works in one of the clusters, as every process of a server does."""
    try:
        program = Path(os.readlink(f"/proc/{pid}/exe")).name  # noqa: PTH115 - may end in " (deleted)".
        if not program.startswith("postgres"):
            return False
        works_in = os.stat(f"/proc/{pid}/cwd")  # noqa: PTH116 - follows the link to the directory itself.
    except OSError:
        return False
    return any(cluster.exists() and os.path.samestat(works_in, cluster.stat()) for cluster in clusters)


def _command_line(pid: int) -> bytes:
    if _HAS_PROC:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    import subprocess  # noqa: PLC0415 - only where there is no /proc.

    asked = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603
    return asked.stdout


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        send(pid, number)


def _wait_for_end(pids: list[int], seconds: float) -> None:
    end = time.monotonic() + seconds
    while any(lives(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(_STEP_SECONDS)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    exit_code(pid)  # Collects it, if it is a child of ours.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not _HAS_PROC:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for_lock(descriptor: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not _try_lock(descriptor):
        if time.monotonic() > end:
            return False
        time.sleep(_STEP_SECONDS)
    return True
