"""Which program, on which system, a `User-Agent` names, in words that a person knows.

The field is what the client says of itself (RFC 9110, section 10.1.5): it helps a person to recognise their devices
and proves nothing. Browsers name several others for compatibility's sake, so the most particular name is looked for
first. Nothing of the field is repeated but the bare name of an unknown program.
"""

import re
from dataclasses import dataclass
from typing import Final

_BROWSERS: Final = (
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),  # the only one that has it and none of the names above
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
    ("FreeBSD", "FreeBSD"),
)
_PROGRAM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}(?![A-Za-z0-9_.-])")
_VERSION: Final = re.compile(r"\d+(?:[._]\d+)*")


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the system it runs on; empty: not told."""

    name: str
    system: str

    def __str__(self) -> str:
        if self.name and self.system:
            return f"{self.name} on {self.system}"
        return self.name or self.system or "An unknown program"


def program_of(user_agent: str) -> Program:
    """The program that a `User-Agent` names."""
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if user_agent.startswith(("Mozilla/", "Opera/")):
        name = next((name for sign, name in _BROWSERS if sign in user_agent), "Browser" if system else "")
        return Program(name, system)
    match = _PROGRAM.match(user_agent)
    return Program(match.group() if match else "", system)


def without_versions(user_agent: str) -> str:
    """The same for a program before and after its update."""
    return _VERSION.sub("", user_agent)
