"""What search answers, as JSON."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

Sort = Literal["relevance", "newest", "oldest", "largest", "smallest", "name"]


class MarkedText(BaseModel):
    """A text and where in it the words stand that were asked for."""

    text: str
    marks: list[tuple[int, int]] = Field(
        description="Pairs of where a match begins and where it ends, in characters (Unicode code points)."
    )


class FoundItem(BaseModel):
    """Something that was found."""

    id: UUID
    kind: str = Field(description="`file`, `folder`, `task`, `task_list`, …")
    title: MarkedText
    snippet: MarkedText | None = Field(description="The piece of its text with most of the words; or its beginning.")
    path: str | None = Field(description="The page on which a person sees it.")
    icon: str
    trail: list[str] = Field(
        description="Names of what it lies in, outermost first, as far as the caller may see them."
    )
    parent_id: UUID | None = Field(description="What it lies in, when the caller may see that.")
    owner_id: UUID
    is_mine: bool
    version: int
    media_type: str | None
    size_bytes: int | None
    tags: list[str]
    at: datetime = Field(description="When it was taken or is due; otherwise when it was last changed.")
    updated_at: datetime
    thumbnail: str | None = Field(description="Path of a small picture of it.")


class SearchPage(BaseModel):
    """What was found, the best first."""

    items: list[FoundItem]
    next: str | None = Field(description="Send it as `after` for the next page; null: this is the last.")
    number: int = Field(description="How many matches can be paged through: the best 500 at most.")
    is_more: bool = Field(description="Whether there are more matches than that. Ask for something closer.")
    by_kind: dict[str, int] = Field(description="How many of these matches there are of each kind.")
    by_type: dict[str, int] = Field(description="How many of them there are of each media type.")
    corrections: dict[str, list[str]] = Field(
        description="Words that were found hardly or not at all, and what was looked for besides."
    )
    hints: list[str] = Field(description="What of the query was not understood, and how it is written.")
