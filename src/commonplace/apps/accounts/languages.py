"""The languages a person may choose for dates and numbers, each by its own name, and the one a browser asks for."""

import re
from typing import Final

LANGUAGES: Final = {
    "en": "English",
    "en-US": "English (United States)",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "de-AT": "Deutsch (Österreich)",
    "de-CH": "Deutsch (Schweiz)",
    "et": "Eesti",
    "es": "Español",
    "es-MX": "Español (México)",
    "fr": "Français",
    "fr-CA": "Français (Canada)",
    "hr": "Hrvatski",
    "is": "Íslenska",
    "it": "Italiano",
    "lv": "Latviešu",
    "lt": "Lietuvių",
    "hu": "Magyar",
    "nl": "Nederlands",
    "nb": "Norsk",
    "pl": "Polski",
    "pt": "Português",
    "pt-BR": "Português (Brasil)",
    "ro": "Română",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "fi": "Suomi",
    "sv": "Svenska",
    "tr": "Türkçe",
    "el": "Ελληνικά",
    "bg": "Български",
    "ru": "Русский",
    "uk": "Українська",
    "he": "עברית",
    "ar": "العربية",
    "hi": "हिन्दी",
    "ja": "日本語",
    "ko": "한국어",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
}
"""BCP 47 tag to name. The profile takes any tag; a browser or a program may have set another."""

_PART: Final = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?)\s*(?:;\s*q=[0-9.]+\s*)?")


def preferred_language(accept_language: str) -> str:
    """The first language of an `Accept-Language` header that is among `LANGUAGES`; English when none is.

    Browsers send the tags in order of preference.
    """
    for part in accept_language[:400].split(","):
        match = _PART.fullmatch(part)
        if match is None:
            continue
        tag = match[1]
        for candidate in (tag, tag.partition("-")[0]):
            for known in LANGUAGES:
                if known.lower() == candidate.lower():
                    return known
    return "en"
