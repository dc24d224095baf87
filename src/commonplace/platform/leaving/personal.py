"""What of a database is about a person: what goes into their archive, and what goes when they are erased.

An app says so by its manifest. Items, their versions and objects, what is shared and the log are the platform's, and of
every app alike; an app names its other tables (`PersonalTable`), and does by functions what rows cannot say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from commonplace.platform.app import App, load
from commonplace.platform.history.kind import Kind


@dataclass(frozen=True, kw_only=True)
class PersonalTable:
    """A table whose rows are about a person, other than the tables of items."""

    table: str  #: with its schema
    person: str = "person_id"  #: the column with the person's id
    member: str | None = None  #: the file of the archive, without its ending; None: nothing of it is handed out
    columns: Sequence[str] = ()  #: what is handed out: never a credential
    order: str = "1"  #: of the rows in the archive, as SQL
    on_erasure: Literal["delete", "clear", "apart"] = "delete"  #: rows go; only the id in them; by code of its own


@dataclass(frozen=True)
class PersonalData:
    """A part: what all installed apps say of personal data, in the order of the manifests."""

    apps: Sequence[App] = field(default_factory=tuple)

    def tables(self) -> Iterable[tuple[App, PersonalTable]]:
        """Every table that an app names."""
        for app in self.apps:
            if app.personal_data is not None:
                for table in load(app.personal_data):
                    yield app, table

    def kinds(self) -> Iterable[tuple[App, Kind]]:
        """Every kind of item, whether this process serves its app or not."""
        for app in self.apps:
            for reference in app.kinds:
                yield app, load(reference)

    def hooks(self, name: Literal["export", "erase", "bring"]) -> Iterable[tuple[App, Any]]:
        """The functions of the apps that have one."""
        for app in self.apps:
            reference = getattr(app, name)
            if reference is not None:
                yield app, load(reference)

    def arrivals(self) -> Mapping[str, Any]:
        """How each kind of item is read in, for those that can be: see `arriving.Arrival`."""
        found: dict[str, Any] = {}
        for app in self.apps:
            if app.read_in is not None:
                found.update(load(app.read_in))
        return found
