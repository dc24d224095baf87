"""In which encoding a text is. The standard library's codecs, and a rule which of them fits.

UTF-8 is told with certainty, and so are byte order marks. Encodings of one or two bytes are told by what comes out: a
text of one script, of letters that words are made of, is likelier than one that mixes alphabets and signs.
"""

import codecs
import re
import unicodedata
from itertools import pairwise
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES: Final = 32_768
#: In the order in which they win when they fit equally well. Those of several bytes fit nothing by chance.
_CANDIDATES: Final = (
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "big5",
    "windows-1252",
    "windows-1251",
    "koi8-r",
    "windows-1250",
    "windows-1253",
    "windows-1255",
    "windows-1256",
)
_FALLBACK: Final = "windows-1252"
_SEVERAL_BYTES: Final = frozenset({"shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"})
_ESCAPED: Final = (b"\x1b$B", b"\x1b$@", b"\x1b(J")  # ISO-2022-JP, of old mail
#: What such texts are made of, apart from ASCII.
_COMMON: Final = {
    "windows-1252": "äöüßÄÖÜéèêëàâîïôùûçœæøåñáíóúãõÉÈÀÇØÅÆ«»€§°·\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026",
    "windows-1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤ"
    "ÚŮÝŽőűŐŰăâîşţ«»§°\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026",
}
_RUSSIAN_FREQUENT: Final = "оеаинтсрвлкмдпу"
_HAN_FREQUENT: Final = frozenset(
    "的一是不了在人有我他这個个们中来上大为和国地到以说時时要就出會会可也你对生能而子那得于着下自之年"
)


def decoded_text(data: bytes, *, is_whole: bool) -> tuple[str, str]:
    """The text and the name of its encoding. Bytes that the encoding does not know become U+FFFD.

    Args:
        data: the bytes, or the first of them.
        is_whole: whether they are all; if not, a character cut at the end is dropped.
    """
    encoding, skipped = _told_by_itself(data, is_whole=is_whole)
    if not encoding:
        encoding = _likeliest(data[:_SAMPLE_BYTES])
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data[skipped:], final=is_whole)
    return text, encoding


def _told_by_itself(data: bytes, *, is_whole: bool) -> tuple[str, int]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return "", 0
    if any(mark in data[:_SAMPLE_BYTES] for mark in _ESCAPED):
        return "iso2022_jp", 0
    return "utf-8", 0


def _likeliest(sample: bytes) -> str:
    best, most = _FALLBACK, 0.0
    for encoding in _CANDIDATES:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        fit = _fit(text, encoding)
        if fit > most:
            best, most = encoding, fit
    return best


def _fit(text: str, encoding: str) -> float:
    """How well a text agrees with its encoding: 0 not at all, about 1 very well."""
    foreign = [character for character in text if character > "\x7f"]
    if not foreign:
        return 0.0
    if encoding in _COMMON:
        common = sum(character in _COMMON[encoding] for character in foreign)
        return common / len(foreign) * (1.0 if _is_latin(text) else 0.3)
    scores = [_score(character, encoding) for character in foreign]
    fit = sum(scores) / len(scores)
    if encoding in {"windows-1251", "koi8-r"}:
        return fit * _agreement_of_case(text)
    return fit


def _is_latin(text: str) -> bool:
    """Whether most letters are plain ones, as in every language of the west."""
    letters = re.findall(r"[^\W\d_]", text)
    return bool(2 * sum(letter < "\x80" for letter in letters) >= len(letters))


def _agreement_of_case(text: str) -> float:
    """Of Cyrillic: the frequent letters are frequent, no capital within a word; the wrong code mixes them."""
    letters = [letter for letter in text if "\u0400" <= letter <= "\u04ff"]
    if not letters:
        return 0.0
    if sum(before.islower() and after.isupper() for before, after in pairwise(text)) > len(letters) / 50:
        return 0.2
    frequent = sum(letter in _RUSSIAN_FREQUENT for letter in letters) / len(letters)
    return min(1.0, 0.5 + frequent) if frequent > 0.3 else 0.3  # noqa: PLR2004 - a third is what any text has


def _score(character: str, encoding: str) -> float:
    code = ord(character)
    if "\u3000" <= character <= "\u30ff" or "\uff00" <= character <= "\uffef":
        half_width = "\uff61" <= character <= "\uff9f"
        return 0.1 if half_width else (1.05 if encoding in {"shift_jis", "euc_jp"} else 0.7)
    if 0x4E00 <= code <= 0x9FFF:  # noqa: PLR2004 - the ideographs that all of them have
        return 1.0 if character in _HAN_FREQUENT else 0.75
    if 0xAC00 <= code <= 0xD7A3:  # noqa: PLR2004 - syllables of Korean
        return 1.05 if encoding == "euc_kr" else 0.2
    script = {
        "windows-1251": "CYRILLIC",
        "koi8-r": "CYRILLIC",
        "windows-1253": "GREEK",
        "windows-1255": "HEBREW",
        "windows-1256": "ARABIC",
    }.get(encoding)
    if script is not None and unicodedata.name(character, "").startswith(script):
        return 1.0
    return 0.3 if unicodedata.category(character).startswith("P") else 0.0
