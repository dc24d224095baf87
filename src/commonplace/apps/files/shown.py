"""Entries of a folder as its page shows them, and how it shows them: grid or list, in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.apps.files import page_queries
from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.type_names import type_name
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.pages.viewer import UTC, Viewer

VIEWS: Final = ("grid", "list", "details")
SORTS: Final = (
    *("-taken_at", "taken_at", "name", "-name", "-size_bytes", "size_bytes"),
    *("-updated_at", "updated_at", "media_type", "-media_type"),
)
PAGE_FILES: Final = 120  #: files that come with one page
MOST_FOLDERS: Final = 500  #: folders that are shown of one place, also in the tree
_LONGEST_FILTER: Final = 255
_Cursor: Any = tuple[str, str, UUID]
_IS_KEY: Final[dict[str, Callable[[str], Any]]] = {
    "taken_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    "size_bytes": str.isdigit,
    "name": str.isprintable,
    "media_type": str.isprintable,
}

_ICONS: Final = {"image": "file-image", "video": "file-video", "audio": "file-music", "text": "file-text"}
_DOCUMENT: Final = "file-text"
_DOCUMENTS: Final = ("pdf", "document", "rtf", "epub", "presentation", "sheet")
_ARCHIVES: Final = ("zip", "tar", "gzip", "7z", "rar", "xz", "zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a person looks at folders; a cookie remembers it."""

    view: str
    sort: str

    @classmethod
    def of(cls, remembered: str, view: str | None, sort: str | None) -> Self:
        """What is asked for, else what is remembered, else the default; anything unknown counts as not said."""
        old_view, _, old_sort = remembered.partition(".")
        return cls(
            view=next(word for word in (view, old_view, VIEWS[0]) if word in VIEWS),
            sort=next(word for word in (sort, old_sort, SORTS[0]) if word in SORTS),
        )

    def __str__(self) -> str:
        return f"{self.view}.{self.sort}"

    @property
    def is_by_day(self) -> bool:
        """Whether the entries stand under their days."""
        return self.view == "grid" and self.sort.endswith("taken_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or folder on a page."""

    id: UUID
    kind: str
    name: str
    parent_id: UUID | None
    version: int
    key: str  #: what it is sorted by
    shown_at: datetime  #: when it was taken, or came
    zone: ZoneInfo  #: in which that is told
    updated_at: datetime
    size_bytes: int = 0
    media_type: str = ""
    sha256: str = ""
    state: str = "none"  #: of processing
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    inside: tuple[int, int] = (0, 0)  #: files and folders in a folder, counted up to `MOST_CHILDREN` + 1 together
    owner_name: str = ""  #: where it is somebody else's, and that is to be told
    is_cameras_clock: bool = False  #: `shown_at` is what the camera's clock said, zone unknown; `zone` is UTC then

    @classmethod
    def of(cls, row: Row, viewer: Viewer, sort: str) -> Self:
        """The entry of a row of `page_queries`."""
        common = {name: row[name] for name in ("id", "kind", "parent_id", "version", "updated_at")}
        if row.kind == "folder":
            return cls(
                **common,
                name=row.title,
                key=row.title.lower(),
                shown_at=row.updated_at,
                zone=viewer.zone,
                inside=tuple(row.children),
            )
        is_waiting = row.state is None and row.media_type.startswith("image/")
        same = ("shown_at", "size_bytes", "media_type", "sha256", "reason", "width", "height")
        return cls(
            **common,
            **{name: row[name] for name in same},
            name=row.title,
            key=_key(row, sort),
            zone=UTC if row.is_cameras_clock else viewer.zone,
            is_cameras_clock=row.is_cameras_clock,
            state=row.state or ("pending" if is_waiting else "none"),
        )

    @property
    def day(self) -> str:
        """The day it stands under, `2026-06-14`."""
        return self.shown_at.astimezone(self.zone).date().isoformat()

    @property
    def fixed_zone(self) -> ZoneInfo | None:
        """The zone that `shown_at` is told in whoever looks; None: the viewer's."""
        return self.zone if self.is_cameras_clock else None

    @property
    def has_picture(self) -> bool:
        """Whether thumbnails of it are there."""
        return self.state == "done"

    @property
    def icon(self) -> str:
        """The icon that stands for it where there is no picture."""
        if self.kind == "folder":
            return "folder"
        first, _, second = self.media_type.partition("/")
        if any(word in second for word in _ARCHIVES):
            return "file-archive"
        if any(word in second for word in _DOCUMENTS):
            return _DOCUMENT
        return _ICONS.get(first, "file")

    @property
    def type_name(self) -> str:
        """What a person calls a file of its type."""
        return "Folder" if self.kind == "folder" else type_name(self.media_type)

    @property
    def page(self) -> str:
        """Where a click leads without scripts: into the folder, or to the bytes."""
        return f"/app/files/folder/{self.id}" if self.kind == "folder" else f"/api/files/{self.id}/content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder, or the top level, and the way to it."""

    folder_id: UUID | None
    name: str
    above: Sequence[Row]  #: the folders above it, the uppermost first: id, title
    gathered: str = ""  #: `recent` or `shared`: no folder, but entries of different ones

    @property
    def about(self) -> str:
        """A line under the title, where it is not how much lies there."""
        return {
            "recent": "Your files that were uploaded or changed last, wherever they lie",
            "shared": "What others share with you, the latest first",
        }.get(self.gathered, "")

    @property
    def path(self) -> str:
        """The address of its page."""
        if self.gathered:
            return f"/app/files/{self.gathered}"
        return "/app/files" if self.folder_id is None else f"/app/files/folder/{self.folder_id}"

    @property
    def trail(self) -> list[tuple[str, str]]:
        """What stands above the title: text and address of each folder on the way."""
        if self.folder_id is None and not self.gathered:
            return []
        return [("Files", "/app/files"), *((row.title, f"/app/files/folder/{row.id}") for row in self.above)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What is in a place, as far as one page shows it."""

    folders: Sequence[Entry]
    files: Sequence[Entry]
    next: str | None  #: cursor of the next page of files
    has_more_folders: bool = False


async def place_of(session: ReadSession, viewer: Viewer, folder_id: UUID | None) -> Place:
    """The place of this id; None is the top level.

    Raises:
        FolderNotFound: there is no such folder, or the viewer may not see it.
    """
    if folder_id is None:
        return Place(folder_id=None, name="Files", above=())
    rows = await session.all(page_queries.TRAIL, folder_id=folder_id, person_id=viewer.caller.person_id)
    if not rows:
        raise FolderNotFound
    return Place(folder_id=folder_id, name=rows[-1].title, above=rows[:-1])


async def entries_of(
    session: ReadSession, viewer: Viewer, place: Place, look: Look, *, filter_text: str = "", after: str | None = None
) -> Entries:
    """A page of what is in `place`; folders come with the first one.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    options, parameters = _narrowed(viewer, place, filter_text)
    later: dict[str, Any] = {}
    if after is not None:
        later = _place_in(after, look.sort)
    rows = await session.all(
        page_queries.files_shown(look.sort, **options, is_later_page=bool(later)),
        **parameters,
        **later,
        limit=PAGE_FILES + 1,
    )
    files = [Entry.of(row, viewer, look.sort) for row in rows[:PAGE_FILES]]
    following = write_cursor(look.sort, rows[PAGE_FILES - 1].key, files[-1].id) if len(rows) > PAGE_FILES else None
    if later:
        return Entries(folders=(), files=files, next=following)
    folders = await session.all(
        page_queries.folders_shown(**options, is_descending=look.sort == "-name"), **parameters, limit=MOST_FOLDERS + 1
    )
    return Entries(
        folders=[Entry.of(row, viewer, look.sort) for row in folders[:MOST_FOLDERS]],
        files=files,
        next=following,
        has_more_folders=len(folders) > MOST_FOLDERS,
    )


async def folders_of(session: ReadSession, viewer: Viewer, place: Place) -> Sequence[Row]:
    """The folders in `place` as the tree shows them."""
    options, parameters = _narrowed(viewer, place, "")
    query = page_queries.folders_level(in_folder=options["in_folder"])
    return await session.all(query, **parameters, limit=MOST_FOLDERS)


async def totals_of(session: ReadSession, viewer: Viewer, place: Place, filter_text: str = "") -> Row:
    """Number and size of the files in `place`; the number ends at `page_queries.MOST_COUNTED` + 1."""
    options, parameters = _narrowed(viewer, place, filter_text)
    row = await session.first(page_queries.totals(**options), **parameters)
    return cast("Row", row)  # an aggregate always has one


async def entries_by_id(session: ReadSession, viewer: Viewer, ids: Sequence[UUID], look: Look) -> list[Entry]:
    """Those of these files and folders that the viewer can see, in no order."""
    found: list[Row] = []
    for query in (page_queries.FOLDERS_BY_ID, page_queries.FILES_BY_ID):
        found.extend(await session.all(query, ids=list(ids), person_id=viewer.caller.person_id))
    return [Entry.of(row, viewer, look.sort) for row in found]


def _narrowed(viewer: Viewer, place: Place, filter_text: str) -> tuple[dict[str, bool], dict[str, Any]]:
    wanted = filter_text.strip()[:_LONGEST_FILTER].replace("\x00", "")
    parameters: dict[str, Any] = {"person_id": viewer.caller.person_id}
    if place.folder_id is not None:
        parameters["folder_id"] = place.folder_id
    if wanted:
        parameters["pattern"] = page_queries.pattern_of(wanted)
    return {"in_folder": place.folder_id is not None, "is_filtered": bool(wanted)}, parameters


def _place_in(after: str, sort: str) -> dict[str, Any]:
    """The parameters for the page behind a cursor.

    Raises:
        UnknownPage: it is none of a list in this order.
    """
    of_sort, key, entry_id = cast("tuple[str, str, UUID]", read_cursor(after, _Cursor))
    try:
        is_right = of_sort == sort and _IS_KEY[sort.removeprefix("-")](key)
    except ValueError:
        is_right = False
    if not is_right:
        raise UnknownPage
    return {"key": key, "id": entry_id}


def _key(row: Row, sort: str) -> str:
    match sort.removeprefix("-"):
        case "name":
            return str(row.title.lower())
        case "media_type":
            return f"{row.media_type} {row.title.lower()}"
        case "size_bytes":
            return str(row.size_bytes)
        case "updated_at":
            return str(row.updated_at.isoformat(timespec="microseconds"))
        case _:
            return str(row.shown_at.isoformat(timespec="microseconds"))
