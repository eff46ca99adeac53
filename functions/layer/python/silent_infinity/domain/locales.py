"""What a language tag says: which language, in which script, and where.

A tag that makes no sense says nothing: it never raises, because it comes from a browser and stands between a
person in danger and a reply.
"""

import re
from dataclasses import dataclass
from typing import Final

# "UK" is no country code of ISO 3166, but reserved there for the United Kingdom, and browsers do send it.
_ALIASES: Final = {"UK": "GB"}
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_EXTENDED: Final = re.compile(r"[a-z]{3}")
_SCRIPT: Final = re.compile(r"[a-z]{4}")
_REGION: Final = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class Locale:
    """A BCP 47 tag, taken apart: "hi-Latn-IN" is `Locale("hi", "Latn", "IN")`.

    What a tag does not say is empty. Areas that are no country ("es-419") leave `country` empty.
    """

    language: str = ""
    script: str = ""
    country: str = ""


def parse_locale(tag: str) -> Locale:
    """Take a language tag apart (https://www.rfc-editor.org/info/bcp47).

    POSIX names ("en_GB.UTF-8") are read too. Extensions and private use ("-u-…", "-x-…") are ignored: their
    two-letter pieces are no countries.
    """
    pieces = re.split(r"[-_]", re.split(r"[.@]", tag.strip().lower(), maxsplit=1)[0])
    if not _LANGUAGE.fullmatch(pieces[0]):
        return Locale()
    language, *rest = pieces
    if language == "und":
        language = ""
    while rest and _EXTENDED.fullmatch(rest[0]):
        rest.pop(0)
    script = rest.pop(0).title() if rest and _SCRIPT.fullmatch(rest[0]) else ""
    country = rest[0].upper() if rest and _REGION.fullmatch(rest[0]) else ""
    return Locale(language, script, _ALIASES.get(country, country))
