"""Plain texts: decoded by the server itself, for a codec is no parser and cannot be led astray.

What has to be parsed for its text (HTML, office documents, PDF) is read in the child process: see `reading`.
"""

import os
import re
from pathlib import Path
from typing import Final

from commonplace.platform.media.encodings import decoded_text
from commonplace.platform.media.found import MOST_TEXT_BYTES, Found, cut_text, facts_of

_MOST_BYTES: Final = 4 * MOST_TEXT_BYTES  #: UTF-32 has four for each character
_TEXTS: Final = re.compile(
    r"text/(?!html$).*|application/(?:json|xml|javascript|x-subrip|x-ndjson|toml|yaml|sql)", re.IGNORECASE
)
_HEADING: Final = re.compile(r"\A(?:\s*---\n.*?\n---\n)?\s*#\s+(\S[^\n]*)", re.DOTALL)


def is_plain(media_type: str) -> bool:
    """Whether such a file is its own text."""
    return _TEXTS.fullmatch(media_type) is not None


def read_plain(source: Path, media_type: str) -> Found:
    """The text of a file that is one, with its encoding and, of Markdown, its first heading.

    Raises:
        OSError: the file cannot be read.
    """
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(_MOST_BYTES)
    decoded, encoding = decoded_text(data, is_whole=size <= _MOST_BYTES)
    text, is_cut = cut_text(decoded)
    title = None
    if media_type == "text/markdown" and (heading := _HEADING.match(text[:20_000])):
        title = heading[1]
    return Found(
        text=text,
        is_cut=is_cut or size > _MOST_BYTES,
        facts=facts_of(encoding=encoding, title=title, lines=None if size > _MOST_BYTES else text.count("\n") + 1),
    )
