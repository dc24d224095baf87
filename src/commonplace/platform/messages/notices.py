"""Notices: what an app has people told when something happened, by its manifest's `NoticeKind`s.

An app gives notices without knowing who shows or mails them; where the app notifications is left out, nobody does.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing for one person to know. What repeats the same event, kind and person is told once."""

    person_id: UUID
    title: str  #: one line, what happened: "Ana shared “Dorset” with you"
    text: str = ""  #: more, where there is more to say; plain text
    path: str | None = None  #: where it leads, within this installation: `/app/files?file=…`
    item_id: UUID | None = None  #: the item that it is about
