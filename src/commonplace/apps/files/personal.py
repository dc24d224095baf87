"""The tables of files that are about a person, beside those of items."""

from typing import Final

from commonplace.apps.files.past import personal as past
from commonplace.platform.leaving.personal import PersonalTable

TABLES: Final = (
    *past.TABLES,
    # Not handed out: an unfinished upload is no file yet. `leaving.erase` removes it, for its bytes have to go, too.
    PersonalTable(table="files.upload", on_erasure="apart"),
)
