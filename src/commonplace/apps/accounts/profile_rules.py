"""What a name, a time zone and a language may be."""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from commonplace.apps.accounts.errors import ProfileNotAllowed

LONGEST_NAME: Final = 200  #: characters
NAME_PATTERN: Final = r"^[^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$"
LINE_PATTERN: Final = r"^[^\u0000-\u001f\u007f]*$"  #: one line of text, or none
LANGUAGE_PATTERN: Final = (
    r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,2}$"
)
_NAME: Final = re.compile(NAME_PATTERN)
_LINE: Final = re.compile(LINE_PATTERN)
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*")
_LANGUAGE: Final = re.compile(LANGUAGE_PATTERN)
_SCRIPT_LETTERS: Final = 4
_REGION_LETTERS: Final = 2


def clean_name(text: str) -> str:
    """A person's name, without space around it, in NFC.

    Raises:
        ProfileNotAllowed: there is nothing to see in it, it is too long, or has control characters.
    """
    if not _NAME.fullmatch(text):
        raise ProfileNotAllowed("name", "A name is missing, or has characters that cannot be shown. Write one.")
    if len(text) > LONGEST_NAME:
        raise ProfileNotAllowed("name", f"The name is too long: it may have {LONGEST_NAME} characters at most.")
    return unicodedata.normalize("NFC", text.strip())


def is_line(text: str) -> bool:
    """Whether `text` is one line without control characters."""
    return bool(_LINE.fullmatch(text))


def clean_job_title(text: str | None) -> str | None:
    """A job title; an empty one is none.

    Raises:
        ProfileNotAllowed: it is too long or has control characters.
    """
    text = unicodedata.normalize("NFC", (text or "").strip())
    if len(text) > LONGEST_NAME or not _LINE.fullmatch(text):
        raise ProfileNotAllowed(
            "job_title", f"The job title has control characters, or more than {LONGEST_NAME} characters."
        )
    return text or None


def clean_time_zone(text: str) -> str:
    """The name of a time zone.

    Raises:
        ProfileNotAllowed: there is none of this name.
    """
    if not _is_zone(text):
        raise ProfileNotAllowed(
            "time_zone", "There is no such time zone. Use a name of the IANA database, such as Europe/Vienna or UTC."
        )
    return text


@lru_cache(maxsize=1024)
def _is_zone(text: str) -> bool:
    if len(text) > LONGEST_NAME or not _ZONE.fullmatch(text):
        return False
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return False
    return True


def clean_language(text: str) -> str:
    """A language tag, its parts in their usual case: `de-AT`, `zh-Hant-TW`.

    Raises:
        ProfileNotAllowed: it is not formed like one.
    """
    if not _LANGUAGE.fullmatch(text):
        raise ProfileNotAllowed("language", "This is no language tag. Use one such as en, de-AT or zh-Hant.")
    first, *rest = text.split("-")
    return "-".join([first.lower(), *map(_in_usual_case, rest)])


def time_zones() -> list[str]:
    """The names of all time zones; slow (it walks the disk), for documentation."""
    return sorted(filter(_is_zone, available_timezones()))


def _in_usual_case(subtag: str) -> str:
    if len(subtag) == _SCRIPT_LETTERS and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == _REGION_LETTERS else subtag.lower()
