"""What can go wrong with a backup, and the exit code that says it to whoever runs one from a script.

BackupError
├── NoSuchBackup      66  there is no such file
├── NotABackup        65  the file is something else
├── DamagedBackup     65  it is one, and not whole any more
├── DamagedStorage    65  objects are missing from the installation, or not what they were
├── PlaceTaken        73  there is something already, where the backup or what it holds should go
├── DiskTrouble       74  the disk is full, or fails
├── InTheWay          75  something runs that must not; try again when it does not
├── MadeByAnother     76  a newer release made it, or one with other apps
└── ProgramFailed     70  PostgreSQL's own program failed; the message is its last words
"""

from typing import ClassVar


class BackupError(Exception):
    """A backup was not made, or not restored. The message says why and what to do; nothing half is left behind."""

    exit_code: ClassVar[int] = 1


class NoSuchBackup(BackupError):
    """There is no such file, or it cannot be read."""

    exit_code = 66


class NotABackup(BackupError):
    """The file is no backup of Commonplace."""

    exit_code = 65


class DamagedBackup(BackupError):
    """Bytes of the file are missing, or not those that were written."""

    exit_code = 65


class DamagedStorage(BackupError):
    """The storage lacks objects that the database names, or has other bytes under their names."""

    exit_code = 65


class PlaceTaken(BackupError):
    """There is something already where nothing should be."""

    exit_code = 73


class DiskTrouble(BackupError):
    """The disk is full, or fails."""

    exit_code = 74


class InTheWay(BackupError):
    """A process runs that must not run meanwhile."""

    exit_code = 75


class MadeByAnother(BackupError):
    """This release cannot read the backup, or does not know all that is in it."""

    exit_code = 76


class ProgramFailed(BackupError):
    """`pg_dump`, `pg_restore` or `psql` failed."""

    exit_code = 70
