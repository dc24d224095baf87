"""Sound: what its tags tell, by tinytag, and the picture that comes with it."""

from typing import Any, Final

from tinytag import TinyTag, TinyTagException

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Collected, Read, Source, Unreadable

_MOST_COVER_BYTES: Final = 20_000_000
_MOST_WORDS: Final = 100_000  #: characters of the words of a song
_TEXTS: Final = ("title", "artist", "album", "albumartist", "composer", "genre", "year", "comment")


def read(source: Source) -> Read:
    """Title, artist, album and so on, the length and the kind of the sound; the words of a song are its text."""
    try:
        tag = TinyTag.get(source.path, image=True)
    except TinyTagException as error:
        raise Unreadable("unreadable", f"Its tags cannot be read ({error}).") from error
    collected = Collected()
    for name in _TEXTS:
        if value := getattr(tag, name, None):
            collected.add(f"{value}\n")
    for words in _others(tag, "lyrics"):
        collected.add(words[:_MOST_WORDS] + "\n")
    text, is_cut = collected.found()
    found = Found(text=text, is_cut=is_cut, facts=facts_of(**_facts(tag)))
    image = tag.images.any
    if image is None or not 0 < len(image.data) <= _MOST_COVER_BYTES:
        return Read(found)
    cover = source.folder / "cover"
    cover.write_bytes(image.data)
    return Read(found, cover)


def _facts(tag: Any) -> dict[str, Any]:
    return {
        "title": tag.title,
        "artist": tag.artist,
        "album": tag.album,
        "album_artist": tag.albumartist,
        "composer": tag.composer,
        "genre": tag.genre,
        "year": tag.year,
        "track": tag.track,
        "disc": tag.disc,
        "duration_seconds": _number(tag.duration, 3),
        "bitrate_kbps": _number(tag.bitrate, 0),
        "sample_rate_hz": tag.samplerate,
        "channels": tag.channels,
    }


def _number(value: float | None, digits: int) -> float | int | None:
    """A number that JSON can hold and that is no nonsense."""
    if value is None or not 0 <= value < 1e9:  # noqa: PLR2004 - thirty years, and what is no number
        return None
    return round(value, digits) if digits else int(value)


def _others(tag: Any, name: str) -> list[str]:
    values = (tag.other or {}).get(name, [])
    return [str(value) for value in values]
