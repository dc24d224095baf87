"""What a person calls a kind of file: “JPEG picture”, “PDF document”, “Python source”."""

from typing import Final

_NAMED: Final = {
    "application/epub+zip": "E-book",
    "application/gzip": "Gzip archive",
    "application/json": "JSON data",
    "application/msword": "Word document",
    "application/octet-stream": "File",
    "application/pdf": "PDF document",
    "application/rtf": "RTF document",
    "application/vnd.ms-excel": "Excel table",
    "application/vnd.ms-powerpoint": "PowerPoint slides",
    "application/vnd.oasis.opendocument.presentation": "OpenDocument slides",
    "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument table",
    "application/vnd.oasis.opendocument.text": "OpenDocument text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint slides",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel table",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word document",
    "application/vnd.sqlite3": "SQLite database",
    "application/x-empty": "Empty file",
    "application/x-tar": "Tar archive",
    "application/xml": "XML data",
    "application/zip": "Zip archive",
    "audio/mpeg": "MP3 sound",
    "audio/mp4": "AAC sound",
    "image/svg+xml": "SVG drawing",
    "message/rfc822": "Mail",
    "text/calendar": "Calendar",
    "text/csv": "CSV table",
    "text/html": "Web page",
    "text/markdown": "Markdown text",
    "text/plain": "Text",
    "text/tab-separated-values": "Table",
    "text/vcard": "Contacts",
    "video/quicktime": "QuickTime film",
}
_NOUNS: Final = {"image": "picture", "audio": "sound", "video": "film", "font": "font", "model": "model"}
_SOURCES: Final = {
    "c": "C", "c++": "C++", "css": "CSS", "go": "Go", "java": "Java", "javascript": "JavaScript", "php": "PHP",
    "python": "Python", "ruby": "Ruby", "rust": "Rust", "shellscript": "Shell", "sql": "SQL", "tex": "TeX",
    "toml": "TOML", "typescript": "TypeScript", "yaml": "YAML",
}  # fmt: skip


def type_name(media_type: str) -> str:
    """What a file of this media type is called; never empty."""
    if named := _NAMED.get(media_type):
        return named
    first, _, second = media_type.partition("/")
    plain = second.removeprefix("x-").removeprefix("vnd.")
    if first in _NOUNS:
        return f"{plain.upper()} {_NOUNS[first]}" if len(plain) <= 5 else _NOUNS[first].capitalize()  # noqa: PLR2004
    if first == "text" and plain in _SOURCES:
        return f"{_SOURCES[plain]} source"
    if first == "text":
        return "Text"
    if any(word in plain for word in ("zip", "tar", "compress", "rar", "7z", "xz", "zstd")):
        return "Archive"
    return "File"
