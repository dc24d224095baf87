"""Which keys the files of a directory are encrypted with, noted beside them: not the keys, what tells them apart."""

from pathlib import Path
from typing import Final

from commonplace.platform.storage.encryption import KeyRing

FINGERPRINTS: Final = ".encryption-key"  #: the file; one fingerprint a line
_SHOWN: Final = 8  # digits, which are enough to tell two keys apart
_LONGEST: Final = 65_536


def known(root: Path) -> frozenset[bytes]:
    """The fingerprints of the keys that files of this directory may be encrypted with.

    Raises:
        OSError: they cannot be read.
    """
    try:
        with (root / FINGERPRINTS).open("rb") as file:
            return frozenset(file.read(_LONGEST).split())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def fault(root: Path, known: frozenset[bytes], keys: KeyRing) -> str | None:
    """Why the files of a directory cannot be read with these keys, and what to do; None: they can."""
    missing = known - keys.fingerprints
    if not missing:
        return None
    names = ", ".join(sorted(fingerprint[:_SHOWN].decode("ascii", "replace") for fingerprint in missing))
    given = ", ".join(sorted(fingerprint[:_SHOWN].decode() for fingerprint in keys.fingerprints))
    return (
        f"Objects in {root} are encrypted with another key (it begins with the fingerprint {names}) than "
        + (f"those given ({given}). " if given else "none, and FILE_STORAGE__ENCRYPTION_KEY is not set. ")
        + "Give the key they were written with as FILE_STORAGE__ENCRYPTION_KEY; or, to go over to another one, among "
        "FILE_STORAGE__PREVIOUS_ENCRYPTION_KEYS. Without it they cannot be read: if it is lost, restore a backup."
    )
