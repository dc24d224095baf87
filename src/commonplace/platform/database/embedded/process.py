"""Start a program of PostgreSQL and wait for it, with nothing but the system's own calls.

Children are spawned, never forked, through `launch.py`: safe in a process with threads, and no file but those named
reaches them. The supervisor lives by this module, so it imports little.
"""

import os
import signal
import sys
import time
from pathlib import Path

from commonplace.platform.database.embedded.errors import DiskFull, NoUsableIdentity, ServerFailed
from commonplace.platform.database.embedded.launch import FAILED

_LAUNCHER = str(Path(__file__).with_name("launch.py"))
_LOCK_DESCRIPTOR = 3
# Nothing of ours: neither secrets, nor PG… variables that change what PostgreSQL does.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_TAKEN_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD, signal.SIGPIPE)
_STEP_SECONDS = 0.005


class Identity:
    """As whom PostgreSQL runs; `mode`, `uid` and `gid` as `launch.py` explains them."""

    def __init__(self, mode: str, uid: int, gid: int) -> None:
        self.mode, self.uid, self.gid = mode, uid, gid

    @property
    def owner(self) -> int:
        """To whom its files belong on the disk."""
        return self.uid if self.mode == "setuid" else os.geteuid()

    def give(self, path: Path) -> None:
        """Hand a file or directory over, where PostgreSQL runs as another user than we do."""
        if self.mode == "setuid":
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def __repr__(self) -> str:
        return f"Identity({self.mode!r}, uid={self.uid}, gid={self.gid})"


def spawn(
    identity: Identity,
    command: list[str],
    *,
    output: int,
    stdin: int | None = None,
    errors: int | None = None,
    lock: int | None = None,
    directory: Path = Path("/"),
    environment: dict[str, str] | None = None,
) -> int:
    """Start a program and return its process id; the caller has to wait for it.

    Args:
        identity: as whom.
        command: the program's whole path and its arguments.
        output: an open file for what it writes.
        stdin: an open file it reads; None for an empty one.
        errors: an open file for what it writes to its standard error; None for `output`.
        lock: an open file the program, and all it starts, keep open: a lock on it lasts as long as the last of them.
        directory: where it runs.
        environment: variables beside the few it gets anyway.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        actions: list[tuple[int, int, int]] = [
            (os.POSIX_SPAWN_DUP2, nothing if stdin is None else stdin, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output if errors is None else errors, 2),
        ]
        if lock is not None:
            actions.append((os.POSIX_SPAWN_DUP2, lock, _LOCK_DESCRIPTOR))
        arguments = [str(os.getpid()), identity.mode, str(identity.uid), str(identity.gid), str(directory)]
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", _LAUNCHER, *arguments, *command],
            _ENVIRONMENT | (environment or {}),
            file_actions=actions,
            setsigmask=(),
            setsigdef=_TAKEN_BACK,
        )
    finally:
        os.close(nothing)


def exit_code(pid: int) -> int | None:
    """The exit code of a child that ended (negative: the signal); None while it runs."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return -signal.SIGKILL  # Somebody else collected it: it is gone, and how is not known.
    return os.waitstatus_to_exitcode(status) if ended else None


def wait_for_exit(pid: int, timeout_seconds: float) -> int | None:
    """Like `exit_code`, after waiting for at most that long."""
    end = time.monotonic() + timeout_seconds
    while (code := exit_code(pid)) is None and time.monotonic() < end:
        time.sleep(_STEP_SECONDS)
    return code


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def run(identity: Identity, command: list[str], **options: object) -> tuple[int, str]:
    """Run a program to its end; returns its exit code and what it wrote, cut to 64 kB. Options as of `spawn`."""
    reading, writing = os.pipe()
    try:
        pid = spawn(identity, command, output=writing, **options)  # type: ignore[arg-type]
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        written = b""
        while piece := stream.read1(65536):
            written = (written + piece)[-65536:]
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), written.decode(errors="replace").strip()


def require(identity: Identity, command: list[str], **options: object) -> str:
    """Run a program that has to succeed; returns what it wrote.

    Raises:
        DiskFull: for want of space.
        ServerFailed: it did not for another reason; the message holds its last lines.
    """
    code, written = run(identity, command, **options)
    if code:
        raise failure(written, f"PostgreSQL's {Path(command[0]).name} ended with code {code}:\n{last_lines(written)}")
    return written


def failure(written: str, message: str) -> DiskFull | ServerFailed:
    """The error that a program's last words speak of: a full disk, or else one with `message`."""
    if "No space left on device" in written or "Disk quota exceeded" in written:
        return DiskFull("The disk of the database is full. Free some space, at least 200 MB; nothing is lost.")
    return ServerFailed(message)


def last_lines(text: str, count: int = 8) -> str:
    """The end of a program's output, for a message."""
    return "\n".join(text.strip().splitlines()[-count:]) or "it wrote nothing"


def choose_identity(postgres: Path, owner: int | None, mode: str | None = None) -> tuple[Identity, int]:
    """As whom the server can run here, and the major version it has.

    Args:
        postgres: the program.
        owner: to whom an existing cluster belongs; None when there is none. Its server goes on as it was.
        mode: insist on one mode; None to try them in the order direct or namespace, then setuid.

    Raises:
        NoUsableIdentity: we are root or nameless, and neither namespaces nor another user can be had.
        ServerFailed: the program does not run on this machine.
    """
    refusals = []
    for identity in _candidates(owner, mode):
        # Another user may not reach the program where it is: `reach.py` sees to that. Root may ask for its version.
        asker = Identity("direct", 0, 0) if identity.mode == "setuid" else identity
        code, written = run(asker, [str(postgres), "--version"])
        if code == 0:
            return identity, _major(written)
        if code != FAILED:
            raise ServerFailed(f"PostgreSQL does not run on this machine: {last_lines(written)}")
        refusals.append(last_lines(written))
    raise NoUsableIdentity(
        "PostgreSQL runs neither as root nor as a user without a name in /etc/passwd, and no other way is open here. "
        "Run Commonplace as an ordinary user who owns the data directory, or set DATABASE_URL to a server of your own. "
        f"Tried: {'; '.join(refusals) or 'nothing'}."
    )


def _candidates(owner: int | None, mode: str | None) -> list[Identity]:
    """The identities to try, best first."""
    import pwd  # noqa: PLC0415 - not on every platform.

    me = os.geteuid()
    found = []
    try:
        if me != 0 and pwd.getpwuid(me):  # `initdb` asks for the name of the user it sees.
            found.append(Identity("direct", me, os.getegid()))
    except KeyError:
        pass  # A container started with any number as its user.
    other = _ordinary_user()
    if other is not None and sys.platform == "linux":
        found.append(Identity("namespace", *other))
    if other is not None and me == 0:
        found.append(Identity("setuid", *other))
    if owner is not None:
        found.sort(key=lambda identity: identity.owner != owner)
    return [identity for identity in found if mode in (None, identity.mode)]


def _ordinary_user() -> tuple[int, int] | None:
    """The user and group ids of somebody with a name who is not root: `nobody`, almost always."""
    import pwd  # noqa: PLC0415 - not on every platform.

    try:
        entries = [pwd.getpwnam("nobody")]
    except KeyError:
        entries = [entry for entry in pwd.getpwall() if entry.pw_uid]
    return (entries[0].pw_uid, entries[0].pw_gid) if entries else None


def _major(version: str) -> int:
    """18 of `postgres (PostgreSQL) 18.6`."""
    return int(version.rsplit(maxsplit=1)[-1].partition(".")[0])
