"""Film: length, size and codecs, and a frame to stand for it where `ffmpeg` is installed.

What MP4 and Matroska tell of themselves is read here, from their outermost structure; so there are facts without
`ffmpeg` too. With it, one frame is taken, in a process of its own: bounded in time and memory, told which container it
is, and allowed to open this one file and nothing else, no address and no playlist.
"""

import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.source import Read, Source

_MOST_BOXES: Final = 10_000
_MOST_MOVIE_BYTES: Final = 64_000_000
_SET_PARENT_DEATH_SIGNAL: Final = 1  # prctl(2)
_LEAST_SECONDS: Final = 1.0
_POSTER_PIXELS: Final = 2048
#: What ffmpeg calls the containers: it shall not guess, for a playlist could name other files.
_CONTAINERS: Final = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/3gpp": "mov",
    "video/x-matroska": "matroska",
    "video/webm": "matroska",
    "video/vnd.avi": "avi",
    "video/ogg": "ogg",
    "video/mpeg": "mpeg",
    "video/mp2t": "mpegts",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "asf",
}
_ISO: Final = frozenset({"video/mp4", "video/quicktime", "video/3gpp"})
_MATROSKA: Final = frozenset({"video/x-matroska", "video/webm"})
_CONTAINER_BOXES: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta"})


def read(source: Source) -> Read:
    """Length, size, codecs; and a frame from its first tenth, where there is a program to take it."""
    facts: dict[str, Any] = {}
    with source.path.open("rb") as file:
        if source.media_type in _ISO:
            facts = _iso(file)
        elif source.media_type in _MATROSKA:
            facts = _matroska(file)
        elif source.media_type == "video/vnd.avi":
            facts = _avi(file)
    if "duration_seconds" not in facts:
        facts = {**_probed(source), **facts}
    found = Found(facts=facts_of(**facts))
    return Read(found, poster(source, facts.get("duration_seconds")))


def poster(source: Source, duration_seconds: float | None) -> Path | None:
    """A frame of the film as a PNG; None where `ffmpeg` is not installed, or finds none."""
    program = shutil.which("ffmpeg")
    container = _CONTAINERS.get(source.media_type)
    if program is None or container is None:
        return None
    cover = source.folder / "cover.png"
    for second in (min((duration_seconds or 0.0) / 10, 30.0), 0.0):
        left = source.ends_at - time.monotonic()
        if left < _LEAST_SECONDS:
            return None
        if _take_frame(program, container, source.path, cover, second, left):
            return cover
    return None


def _probed(source: Source) -> dict[str, Any]:
    """What `ffprobe` tells of a film whose container is not read here; nothing where it is not installed."""
    program, container = shutil.which("ffprobe"), _CONTAINERS.get(source.media_type)
    if program is None or container is None:
        return {}
    command = [
        *(program, "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file", "-f", container),
        *("-show_entries", "format=duration:stream=codec_name,width,height", "-of", "json", f"file:{source.path}"),
    ]
    told = _run(command, source.ends_at - time.monotonic())
    try:
        answer = json.loads(told or b"{}")
        streams = answer.get("streams", [])
        return {
            "duration_seconds": round(float(answer["format"]["duration"]), 3),
            "width": next((stream["width"] for stream in streams if stream.get("width")), None),
            "height": next((stream["height"] for stream in streams if stream.get("height")), None),
            "codecs": list(dict.fromkeys(stream["codec_name"] for stream in streams if "codec_name" in stream)),
        }
    except (ValueError, KeyError, TypeError):
        return {}


def _take_frame(program: str, container: str, film: Path, cover: Path, second: float, seconds: float) -> bool:
    command = [
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1"),
        *("-protocol_whitelist", "file", "-f", container, "-ss", f"{second:.3f}", "-i", f"file:{film}"),
        *("-map", "0:v:0", "-frames:v", "1", "-an", "-sn", "-dn", "-threads", "1"),
        *("-vf", f"scale='min({_POSTER_PIXELS},iw)':-2", "-c:v", "png", "-f", "image2", f"file:{cover}"),
    ]
    return _run(command, seconds) is not None and cover.exists() and cover.stat().st_size > 0


def _run(command: list[str], seconds: float) -> bytes | None:
    """What a program printed; None when it failed, or did not end in time. The limits of this process hold for it."""
    try:
        ended = subprocess.run(  # noqa: S603 - the program of the machine, with arguments of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env={"PATH": os.environ.get("PATH", "")},
            preexec_fn=_end_with_parent,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return ended.stdout if ended.returncode == 0 else None


def _end_with_parent() -> None:
    """The limits of this process hold for its children; that it may be killed at any moment must, too."""
    try:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    except (OSError, AttributeError):
        return


def _iso(file: BinaryIO) -> dict[str, Any]:
    """What the box `moov` of an MP4 tells (ISO/IEC 14496-12)."""
    size = file.seek(0, os.SEEK_END)
    for kind, start, end in _boxes_of_file(file, size):
        if kind == b"moov" and end - start <= _MOST_MOVIE_BYTES:
            file.seek(start)
            return _movie(file.read(end - start))
    return {}


def _boxes_of_file(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    position = 0
    for _ in range(_MOST_BOXES):
        if position + 8 > size:
            return
        file.seek(position)
        header = file.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        head = 8
        if length == 1 and len(header) == 16:  # noqa: PLR2004 - the length follows, with eight bytes
            (length,), head = struct.unpack(">Q", header[8:]), 16
        end = size if length == 0 else position + length
        if length and length < head:
            return
        yield kind, position + head, min(end, size)
        position = end


def _movie(data: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    codecs: list[str] = []
    for kind, start, end in _boxes(data, 0, len(data), 0):
        body = data[start:end]
        try:
            if kind == b"mvhd":
                facts["duration_seconds"] = _duration(body)
            elif kind == b"tkhd":
                width, height = (value >> 16 for value in struct.unpack(">II", body[-8:]))
                if width and height:
                    facts.update(width=width, height=height)
            elif kind == b"stsd" and len(body) >= 16:  # noqa: PLR2004 - up to the first entry's name
                name = body[12:16].decode("latin-1").strip()
                if name.isprintable() and name not in codecs:
                    codecs.append(name)
        except struct.error:
            continue
    return {**facts, "codecs": codecs}


def _boxes(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    position = start
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if length < 8:  # noqa: PLR2004 - less than its own header: broken
            return
        last = min(position + length, end)
        if kind in _CONTAINER_BOXES and depth < len(_CONTAINER_BOXES):
            yield from _boxes(data, position + 8, last, depth + 1)
        else:
            yield kind, position + 8, last
        position = last


def _duration(body: bytes) -> float | None:
    scale, duration = struct.unpack(">II", body[12:20]) if body[0] == 0 else struct.unpack(">IQ", body[20:32])
    return round(duration / scale, 3) if scale and duration < scale * 1e7 else None


def _avi(file: BinaryIO) -> dict[str, Any]:
    """What the main header of an AVI tells."""
    head = file.read(4096)
    place = head.find(b"avih")
    if place < 0 or len(head) < place + 48:
        return {}
    per_frame, frames, width, height = struct.unpack("<I12xI12xII", head[place + 8 : place + 48])
    seconds = round(per_frame * frames / 1e6, 3)
    return {"duration_seconds": seconds, "width": width, "height": height} if 0 < seconds < 1e7 else {}  # noqa: PLR2004


# Matroska (RFC 9559): elements of a number, a length and content, both numbers of one to eight bytes.
_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_SCALE: Final = 0x2AD7B1
_DURATION: Final = 0x4489
_TITLE: Final = 0x7BA9
_TRACKS: Final = 0x1654AE6B
_TRACK: Final = 0xAE
_CODEC: Final = 0x86
_VIDEO: Final = 0xE0
_WIDTH: Final = 0xB0
_HEIGHT: Final = 0xBA
_PARENTS: Final = frozenset({_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO})
_CLUSTER: Final = 0x1F43B675
_MOST_VALUE_BYTES: Final = 1000


def _matroska(file: BinaryIO) -> dict[str, Any]:
    """What a Matroska file tells before its first pictures."""
    size = file.seek(0, os.SEEK_END)
    facts: dict[str, Any] = {}
    codecs: list[str] = []
    scale, duration = 1_000_000, None
    position = 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        head = file.read(12)
        kind, used = _vint(head, 0, keep_marker=True)
        length, after = _vint(head, used, keep_marker=False)
        if not used or not after or kind == _CLUSTER or position >= size:
            break
        position += after
        if kind in _PARENTS:
            continue
        value = file.read(0) if length > _MOST_VALUE_BYTES else _at(file, position, length)
        if kind == _SCALE and value:
            scale = int.from_bytes(value, "big")
        elif kind == _DURATION and len(value) in (4, 8):
            (duration,) = struct.unpack(">f" if len(value) == 4 else ">d", value)  # noqa: PLR2004
        elif kind == _TITLE:
            facts["title"] = value.decode("utf-8", "replace")
        elif kind in (_WIDTH, _HEIGHT) and 0 < len(value) <= 4:  # noqa: PLR2004
            facts["width" if kind == _WIDTH else "height"] = int.from_bytes(value, "big")
        elif kind == _CODEC:
            name = value.decode("latin-1").rstrip("\0")
            codecs += [name] if name.isprintable() and name not in codecs else []
        position += length
    if duration is not None and 0 <= duration * scale < 1e18:  # noqa: PLR2004 - thirty years in nanoseconds
        facts["duration_seconds"] = round(duration * scale / 1e9, 3)
    return {**facts, "codecs": codecs}


def _at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def _vint(data: bytes, start: int, *, keep_marker: bool) -> tuple[int, int]:
    """A number of variable length, and where it ends; 0 and 0 when there is none."""
    if start >= len(data) or not data[start]:
        return 0, 0
    length = 9 - data[start].bit_length()
    value = int.from_bytes(data[start : start + length], "big")
    if len(data) < start + length:
        return 0, 0
    return value if keep_marker else value & ~(1 << (7 * length)), start + length
