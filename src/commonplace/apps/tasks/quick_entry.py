"""Quick entry: a task out of one line, such as “pay rent every 1st at 9 #home !high +Household”.

Understood are, in any order and each where a word begins:
- a day (today, monday, next week, in 3 days, 24 dec, 2026-12-24, on the 1st), a time (at 9, 9pm, 17:30, in 20 minutes);
- a recurrence (every 2 weeks, every monday and thursday, every last friday, every year on 24 dec), and with one
  `from` and `until` a day;
- `#tag` or `#"two words"`, `!high` (`!medium`, `!low`, `!none`, `!1` to `!3`), `+List` by the title of a list.

The first of each kind counts, of tags all. Everything else is the title. What stands in double quotes is not looked
into and keeps its quotes; a backslash before a word keeps that word, and goes.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from commonplace.apps.tasks import spoken
from commonplace.apps.tasks.recurrence import next_occurrence
from commonplace.apps.tasks.rules import Rule
from commonplace.apps.tasks.times import When

PartKind = Literal["day", "time", "recurrence", "until", "tag", "priority", "list"]

_MOST_TAGS: Final = 50
_LONGEST_TAG: Final = 50
_END: Final = r"[,;.]?(?=\s|$)"
_WORD: Final = re.compile(r"\S+")
_QUOTED: Final = re.compile(r'(?:"[^"]*"|“[^”]*”)\S*')
# At least one letter: “#1” and “#123” are numbers. No control characters: `schemas.Tag` takes none.
_TAG: Final = re.compile(
    rf'#(?:"(?P<quoted>[^",\x00-\x1f\x7f-\x9f]+)"|(?P<tag>[^\s,"\x00-\x1f\x7f-\x9f]+?)){_END}', re.IGNORECASE
)
_PRIORITY: Final = re.compile(rf"!(?P<level>high|medium|med|low|none|[123]){_END}", re.IGNORECASE)
_LEVELS: Final[Mapping[str, str]] = {"1": "high", "2": "medium", "3": "low", "med": "medium"}
_AFTER_LIST: Final = re.compile(_END)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text that was understood: from character `start` up to, but without, `end`."""

    kind: PartKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class QuickEntry:
    """What a line says. `list_title` is one of the titles that `parse` was given."""

    title: str
    due: When | None = None
    recurrence: str | None = None
    tags: tuple[str, ...] = ()
    priority: str = "none"
    list_title: str | None = None
    parts: tuple[Part, ...] = ()  #: in the order of the text; they do not overlap


@dataclass(slots=True)
class _Reading:
    """What was understood so far."""

    parts: list[Part] = field(default_factory=list)
    kept: list[tuple[int, int]] = field(default_factory=list)  #: pieces of the title
    day: date | None = None
    clock: time | None = None
    rule: Rule | None = None
    until: date | None = None
    tags: dict[str, None] = field(default_factory=dict)
    priority: str | None = None
    list_title: str | None = None


def parse(text: str, *, now: datetime, zone: str, lists: Collection[str] = ()) -> QuickEntry:
    """Read a line.

    `now` is an instant; days and times are meant by the clocks of `zone`, an IANA name. `lists` are the titles that
    `+…` may name. No text fails: at worst it is a title. A title may be empty, where there was nothing else.
    """
    here = now.astimezone(ZoneInfo(zone))
    titles = {title.casefold(): title for title in lists}
    lengths = sorted({len(title) for title in lists}, reverse=True)
    reading = _Reading()
    place = 0
    while (word := _WORD.search(text, place)) is not None:
        place = _read_word(text, word, here, reading, titles, lengths)
    due = _due(reading, here, zone)
    title = " ".join(" ".join(text[start:end].split()) for start, end in _kept(text, reading))
    return QuickEntry(
        title=title,
        due=due,
        recurrence=None if reading.rule is None else str(reading.rule),
        tags=tuple(reading.tags),
        priority=reading.priority or "none",
        list_title=reading.list_title,
        parts=tuple(sorted(reading.parts, key=lambda part: part.start)),
    )


def _read_word(
    text: str,
    word: re.Match[str],
    here: datetime,
    reading: _Reading,
    titles: Mapping[str, str],
    lengths: Collection[int],
) -> int:
    """Read what begins with this word; where to go on."""
    start = word.start()
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        reading.kept.append(quoted.span())
        return quoted.end()
    if text[start] == "\\" and len(word[0]) > 1:
        reading.kept.append((start + 1, word.end()))
        return word.end()
    part = _mark(text, start, reading, titles, lengths) or _moment(text, start, here, reading)
    if part is None:
        reading.kept.append(word.span())
        return word.end()
    reading.parts.append(part)
    return part.end


def _mark(text: str, start: int, reading: _Reading, titles: Mapping[str, str], lengths: Collection[int]) -> Part | None:
    match text[start]:
        case "#":
            return _tag(text, start, reading)
        case "!":
            found = _PRIORITY.match(text, start)
            if found is None or reading.priority is not None:
                return None
            level = found["level"].casefold()
            reading.priority = _LEVELS.get(level, level)
            return Part("priority", start, found.end())
        case "+" if reading.list_title is None:
            for length in lengths:
                end = _AFTER_LIST.match(text, start + 1 + length)
                title = titles.get(text[start + 1 : start + 1 + length].casefold())
                if end is not None and title is not None:
                    reading.list_title = title
                    return Part("list", start, end.end())
    return None


def _tag(text: str, start: int, reading: _Reading) -> Part | None:
    found = _TAG.match(text, start)
    if found is None:
        return None
    tag = " ".join((found["quoted"] or found["tag"]).split())
    is_one = any(character.isalpha() for character in tag) and len(tag) <= _LONGEST_TAG
    if not is_one or (tag not in reading.tags and len(reading.tags) == _MOST_TAGS):
        return None
    reading.tags[tag] = None
    return Part("tag", start, found.end())


def _moment(text: str, start: int, here: datetime, reading: _Reading) -> Part | None:
    if reading.rule is None:
        said_rule = spoken.rule_at(text, start)
        if said_rule is not None:
            reading.rule = said_rule.rule
            return Part("recurrence", start, said_rule.end)
    if reading.day is None:
        said = spoken.day_at(text, start, here.date())
        if said is None and reading.rule is not None:
            said = spoken.first_day_at(text, start, here.date())
        if said is not None:
            reading.day = said.day
            return Part("day", start, said.end)
    if reading.rule is not None and reading.until is None:
        said = spoken.last_day_at(text, start, here.date())
        if said is not None:
            reading.until = said.day
            return Part("until", start, said.end)
    return _time(text, start, here, reading)


def _time(text: str, start: int, here: datetime, reading: _Reading) -> Part | None:
    said = spoken.time_at(text, start, here) if reading.clock is None else None
    if said is None or (said.day is not None and reading.day is not None):
        return None
    reading.clock = said.clock
    reading.day = said.day or reading.day
    return Part("time", start, said.end)


def _due(reading: _Reading, here: datetime, zone: str) -> When | None:
    """When it is due for the first time; what does not fit together is given back to the title."""
    if reading.rule is None:
        return _once(reading, here, zone)
    first = _first(reading.rule, reading.day, reading.clock, here, zone)
    if first is None:  # the end of the calendar
        reading.rule = None
        _give_back(reading, "recurrence", "until")
        return _once(reading, here, zone)
    if reading.until is not None:
        ending = replace(reading.rule, until=reading.until)
        if next_occurrence(ending, first) is None:  # one that does not come again is no series
            _give_back(reading, "until")
        else:
            reading.rule = ending
    return first


def _once(reading: _Reading, here: datetime, zone: str) -> When | None:
    if reading.clock is None:
        return None if reading.day is None else When(reading.day)
    day = reading.day
    if day is None:
        day = here.date()
        if reading.clock <= here.time():
            day = _next_day(day)
    return When(day, reading.clock, zone)


def _first(rule: Rule, day: date | None, clock: time | None, here: datetime, zone: str) -> When | None:
    """The first occurrence of a rule, from `day` on or from now on."""
    if day is None and clock is None and rule.frequency in {"HOURLY", "MINUTELY"}:
        return next_occurrence(rule, When(here.date(), here.time().replace(second=0, microsecond=0, fold=0), zone))
    earliest = When(day or here.date(), clock, None if clock is None else zone)
    first: When | None = earliest
    if rule.weekdays or rule.numbers:  # the rule's own days; its phase begins with the first of them
        try:
            before = replace(earliest, day=earliest.day - timedelta(days=1))
        except OverflowError:
            return None
        rule = replace(rule, interval=1)
        first = next_occurrence(rule, before)
    if first is not None and day is None and clock is not None and first.instant <= here.astimezone(UTC):
        first = next_occurrence(rule, first)
    return first


def _next_day(day: date) -> date:
    return day if day == date.max else day + timedelta(days=1)


def _give_back(reading: _Reading, *kinds: PartKind) -> None:
    for part in [part for part in reading.parts if part.kind in kinds]:
        reading.parts.remove(part)
        reading.kept.append((part.start, part.end))


def _kept(text: str, reading: _Reading) -> list[tuple[int, int]]:
    """The pieces of the title in their order; those with nothing but space between them are one."""
    pieces: list[tuple[int, int]] = []
    for start, end in sorted(reading.kept):
        if pieces and not text[pieces[-1][1] : start].strip():
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    return pieces
