"""On which day the week of a language begins.

Where it does not begin on Monday stands in CLDR (`supplemental/weekData`, `firstDay`), by territory; a language without
a territory counts as spoken where most of its speakers are (`likelySubtags`).
"""

from typing import Final

MONDAY: Final = 0
_SATURDAY: Final = 5
_SUNDAY: Final = 6
_ON_SUNDAY: Final = (
    "AG", "AS", "BD", "BR", "BS", "BT", "BW", "BZ", "CA", "CO", "DM", "DO", "ET", "GT", "GU", "HK", "HN", "ID", "IL",
    "IN", "JM", "JP", "KE", "KH", "KR", "LA", "MH", "MM", "MO", "MT", "MX", "MZ", "NI", "NP", "PA", "PE", "PH", "PK",
    "PR", "PT", "PY", "SA", "SG", "SV", "TH", "TT", "TW", "UM", "US", "VE", "VI", "WS", "YE", "ZA", "ZW",
)  # fmt: skip
_ON_SATURDAY: Final = ("AF", "BH", "DJ", "DZ", "EG", "IQ", "IR", "JO", "KW", "LY", "OM", "QA", "SD", "SY")
#: Where languages of the profile that name no territory are spoken, as far as the week does not begin on Monday there.
_TERRITORIES: Final = {
    "am": "ET", "ar": "EG", "bn": "BD", "fa": "IR", "he": "IL", "hi": "IN", "id": "ID", "ja": "JP", "km": "KH",
    "ko": "KR", "lo": "LA", "my": "MM", "ne": "NP", "pt": "BR", "th": "TH", "ur": "PK", "zh-hant": "TW",
}  # fmt: skip


def first_weekday(language: str) -> int:
    """The weekday (0 is Monday, 6 Sunday) that weeks begin with for who reads the BCP 47 tag `language`."""
    first, *others = language.replace("_", "-").split("-")
    territory = next((part.upper() for part in others if len(part) == 2), None)  # noqa: PLR2004 - ISO 3166
    if territory is None:
        with_script = "-".join([first, *others[:1]]).lower()
        territory = _TERRITORIES.get(with_script) or _TERRITORIES.get(first.lower(), "")
    return _SUNDAY if territory in _ON_SUNDAY else _SATURDAY if territory in _ON_SATURDAY else MONDAY
