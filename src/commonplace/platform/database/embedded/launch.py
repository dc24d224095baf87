"""Become a program of PostgreSQL: the few steps between the fork and the `exec`, in a process of their own.

    python -I -S launch.py PARENT MODE UID GID DIRECTORY PROGRAM [ARGUMENT…]

PostgreSQL refuses to run as root, and has to end with the process that owns it. Doing this after a `fork` inside a
program with threads can hang it; a fresh interpreter costs 12 ms and cannot. The process id stays the same throughout.

- MODE `direct`: as the user we are.
- MODE `namespace`: in a user namespace of one user; PostgreSQL sees UID while the kernel sees us, so nothing has to
  change hands: a virtual environment and data inside a closed /root both work.
- MODE `setuid`: as the user UID with the group GID, for containers that refuse namespaces to root.

This is a script: it imports nothing of Commonplace. Only its constants are for others.
"""

import os
import signal
import sys

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
FAILED = 125  # The exit code of a launch that did not come to the `exec`.


def main(arguments: list[str]) -> None:
    """Take the steps and become the program; returns only by an error."""
    import ctypes  # noqa: PLC0415 - before the user changes, who may not be able to read it; and not for importers.

    libc = ctypes.CDLL(None, use_errno=True)
    parent, mode, uid, gid, directory, *command = arguments
    os.setsid()  # Ctrl-C in the terminal is for the application, which ends the server in its own time.
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and an ignored signal survives the exec.
    if mode == "namespace":
        outside = (os.geteuid(), os.getegid())
        if libc.unshare(_CLONE_NEWUSER):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        for name, line in (
            ("setgroups", "deny"),  # The kernel asks for this before it takes a map of groups.
            ("uid_map", f"{uid} {outside[0]} 1"),
            ("gid_map", f"{gid} {outside[1]} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, line.encode())
            os.close(descriptor)
    elif mode == "setuid":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    os.chdir(directory)
    if sys.platform == "linux":  # After a change of user, which makes the kernel forget it.
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != int(parent):  # It ended before we asked.
            sys.exit(FAILED)
    os.execv(command[0], command)  # noqa: S606 - no shell is meant.


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as problem:
        sys.stderr.write(f"cannot launch {sys.argv[6:7]} ({sys.argv[2]}): {problem}\n")
        sys.exit(FAILED)
