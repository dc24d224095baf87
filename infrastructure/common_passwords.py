"""Writes the list of passwords that nobody may choose: `python -m infrastructure.common_passwords passwords.txt`.

The input has one password a line, with whatever follows a space ignored: `data/passwords.txt` of zxcvbn (Dropbox, MIT
licence, commit 67c4ece9), 47,023 passwords out of leaks, each used by many people. Those that are too short to be
chosen anyway are left out. Of the others only five bytes of a digest are kept: enough to know one again (of those that
are none, one in seventy million is taken for one), and the project shows nobody a list of passwords.
"""

import sys
from pathlib import Path

from commonplace.apps.accounts.common_passwords import FILE, digest, folded
from commonplace.apps.accounts.password_rules import FEWEST_CHARACTERS


def packed(lines: list[str]) -> bytes:
    """The digests of every password that is long enough, sorted, without gaps."""
    words = {folded(line.split(" ", 1)[0]) for line in lines}
    return b"".join(sorted({digest(word) for word in words if len(word) >= FEWEST_CHARACTERS}))


if __name__ == "__main__":
    FILE.write_bytes(packed(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
    sys.stdout.write(f"Wrote {FILE}.\n")
