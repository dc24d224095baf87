"""The names of objects: how they are made, and which are accepted.

A key is the same on local disk and on S3: `category/yyyy/mm/dd/<timestamp>-<uuid>.<extension>`, in UTC, or
`ml-models/v<version>/<name>` for trained models. What a person calls a file stands in the database, never in a key.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from uuid import uuid4

from commonplace.platform.storage.errors import InvalidKey

KEY_LIMIT = 512  # characters; S3 takes 1,024 bytes, local paths 4,096, and ours need about 90
SEGMENT_LIMIT = 200  # characters; file systems take 255 bytes
EXTENSION_LIMIT = 16  # characters; what is longer is not an extension

#: A folder of receipts that no row names and no backup copies: see `leaving/ledger.py`.
ERASED = "backups/erased"

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_EXTENSION = re.compile(r"[a-z0-9]+", re.ASCII)


class Category(StrEnum):
    """The first segment of every key: what the bytes are for."""

    FILES = "files"
    THUMBNAILS = "thumbnails"
    PRODUCT_PHOTOS = "product-photos"
    SALE_PHOTOS = "sale-photos"
    ML_MODELS = "ml-models"
    EXPORTS = "exports"
    BACKUPS = "backups"


def new_key(category: Category, extension: str = "", *, now: datetime | None = None) -> str:
    """A key that nothing has yet, and that cannot be guessed.

    Args:
        category: What the bytes are for.
        extension: With or without its dot. One that is not 1 to 16 ASCII letters and digits is left out.
        now: An aware time; the present by default.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    stamp = f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"
    suffix = extension.removeprefix(".").lower()
    if len(suffix) > EXTENSION_LIMIT or not _EXTENSION.fullmatch(suffix):
        suffix = ""
    return f"{category}/{moment:%Y/%m/%d}/{stamp}-{uuid4()}{'.' if suffix else ''}{suffix}"


def model_key(version: str, name: str) -> str:
    """The key of one file of a trained model: `ml-models/v<version>/<name>`.

    Raises:
        InvalidKey: the version or the name has other characters than ASCII letters, digits, `.`, `_` and `-`.
    """
    if "/" in version or "/" in name:
        raise InvalidKey("The version and the file's name of a model must not contain a slash.")
    return validate_key(f"{Category.ML_MODELS}/v{version}/{name}")


def validate_key(key: str) -> str:
    """Give `key` back when every storage would take it for the same object.

    Segments between single slashes hold ASCII letters, digits, `.`, `_` and `-`, and start with none of `.` and `-`:
    so there is no `..`, no empty segment, no absolute path, no backslash, no NUL and no hidden file.

    Raises:
        InvalidKey: with the reason.
    """
    if len(key) > KEY_LIMIT:
        raise InvalidKey(f"A key has at most {KEY_LIMIT} characters; this one has {len(key)}.")
    for segment in key.split("/"):
        if len(segment) > SEGMENT_LIMIT:
            raise InvalidKey(f"A segment of a key has at most {SEGMENT_LIMIT} characters; one here has {len(segment)}.")
        if not _SEGMENT.fullmatch(segment):
            raise InvalidKey(
                f"The key {key!r} is refused: its segments consist of ASCII letters, digits, '.', '_' and '-', "
                "and start with a letter, a digit or '_'."
            )
    return key
