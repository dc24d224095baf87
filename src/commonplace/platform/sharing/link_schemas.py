"""What links take and answer over HTTP: to those who make them, and to those who hold them."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commonplace.platform.sharing.links import LinkAccess
from commonplace.platform.sharing.visits.ledger import What

_MOST: Final = 1_000_000
_MOST_BYTES: Final = 2**50
_LINE = r"^[^\x00-\x1f\x7f]*$"

AccessField = Annotated[
    LinkAccess,
    Field(
        description="`view`: see what there is, and previews, but never the files themselves; `download`: those too;"
        " `upload`: put files into a folder, and see nothing of what is there."
    ),
]
Label = Annotated[str, Field(max_length=200, pattern=_LINE, description="For whom it is; visitors do not see it.")]
Password = Annotated[
    str, Field(min_length=8, max_length=256, description="Asked of each visitor. Only its Argon2id hash is kept.")
]
Expiry = Annotated[datetime | None, Field(description="Null: it is good until it is revoked.")]
AsksName = Annotated[bool, Field(description="Whether visitors are asked for their name, which the ledger keeps.")]
MostDownloads = Annotated[
    int | None,
    Field(ge=1, le=_MOST, description="So many downloads can be finished; null: any number. Previews do not count."),
]
MostFiles = Annotated[int | None, Field(ge=1, le=_MOST, description="So many files can be put in; null: any number.")]
MostBytes = Annotated[int | None, Field(ge=1, le=_MOST_BYTES, description="So many bytes can be put in, together.")]
TellsVisits = Annotated[bool, Field(description="Whether its maker is told that somebody came.")]
TellsUploads = Annotated[bool, Field(description="Whether its maker is told that files came.")]


class _LinkSettings(BaseModel):
    """What can be set of a link, when it is made and later."""

    model_config = ConfigDict(extra="forbid")

    access: AccessField = "view"
    label: Label = ""
    password: Password | None = None
    expires_at: Expiry = None
    asks_name: AsksName = False
    most_downloads: MostDownloads = None
    most_files: MostFiles = None
    most_bytes: MostBytes = None
    tells_visits: TellsVisits = False
    tells_uploads: TellsUploads = True


class LinkCreate(_LinkSettings):
    """A link to be made, for whoever holds it: to an item and all that lies in it."""

    item_id: UUID


class LinkChange(_LinkSettings):
    """What is to be different about a link. What is left out stays; null takes a limit, the end, the password away."""


class LinkRead(BaseModel):
    """A link, without what opens it: that is told once."""

    id: UUID
    item_id: UUID
    access: LinkAccess
    label: str
    created_at: datetime
    created_by: UUID
    expires_at: datetime | None
    revoked_at: datetime | None
    has_password: bool
    asks_name: bool
    most_downloads: int | None
    downloads: Annotated[int, Field(description="Downloads that were finished.")]
    most_files: int | None
    most_bytes: int | None
    files_taken: Annotated[int, Field(description="Files that came by it.")]
    bytes_taken: int
    tells_visits: bool
    tells_uploads: bool


class LinkMade(LinkRead):
    """A link and its token, new. Nobody can ask for the token again: only its digest is kept."""

    token: str
    url: Annotated[str, Field(description="Of the page for visitors. The API for them is at `/api/links/{token}`.")]
    qr: Annotated[str, Field(description="The `url` as a QR code: a `data:` URL of an SVG picture.")]


class LinkPage(BaseModel):
    """A page of links, the oldest first."""

    items: list[LinkRead]
    next: str | None
    accesses: Annotated[list[LinkAccess], Field(description="What a link to this item can be for.")]


class LinkVisit(BaseModel):
    """A line of a link's ledger."""

    id: UUID
    at: datetime
    what: What
    visitor_name: Annotated[str | None, Field(description="What they said; null: they were not asked.")]
    address_class: Annotated[
        str, Field(description="`this machine`, `local network`, or the network (/24, /48) of a public address.")
    ]
    item_id: UUID | None
    item_name: str | None
    size_bytes: int | None


class LinkVisitPage(BaseModel):
    """A page of a ledger, the latest first."""

    items: list[LinkVisit]
    next: str | None


class SharedItem(BaseModel):
    """An item as the holder of a link sees it."""

    id: UUID
    kind: str
    name: str
    parent_id: Annotated[UUID | None, Field(description="The container it lies in; null: the link leads to it.")]
    version: int
    updated_at: datetime
    details: Annotated[dict[str, Any], Field(description="What else there is to know, by its kind: a file's size.")]


class SharedItemPage(BaseModel):
    """A page of what lies in a container, by kind and name."""

    items: list[SharedItem]
    next: str | None


class LinkOpened(BaseModel):
    """What a link leads to."""

    item: SharedItem
    expires_at: datetime | None
    access: LinkAccess
    downloads_left: Annotated[int | None, Field(description="Null: any number.")]
    files_left: Annotated[int | None, Field(description="How many files it still takes; null: any number.")]
    bytes_left: Annotated[int | None, Field(description="How many bytes it still takes; null: any number.")]
    children: Annotated[
        SharedItemPage, Field(description="The first page of what lies in it; nothing where files can only be put in.")
    ]


class PassAsked(BaseModel):
    """What somebody shows at a link."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str | None, Field(max_length=1024)] = None
    name: Annotated[
        str | None, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    ] = None


class PassGiven(BaseModel):
    """A pass: sent as the header `Link-Pass`, it opens this link."""

    link_pass: str
    expires_at: datetime


class UploadedFile(BaseModel):
    """A file that came by a link."""

    name: Annotated[str, Field(description="As it is kept: with a number where the name was taken.")]
    size_bytes: int


class Uploaded(BaseModel):
    """What came by a link, in the order in which it was sent."""

    items: list[UploadedFile]
