"""Referrals to crisis services, as they are counted: by level and country, and never with a word of text.

A turn is a referral when its answer shows help lines, whatever the reason: laws that ask operators for
figures ask how often people were referred. One turn is one referral, however many lines it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.locales import parse_locale

ELSEWHERE: Final = "001"


@dataclass(frozen=True, slots=True)
class Referral:
    """The crisis level of the turn (0-4), and whose lines were shown: a country's, or "001" for lines of the
    world alone.
    """

    level: int
    country: str


def referral(answer: Mapping[str, Any], locale: str) -> Referral | None:
    """Return what a turn's answer counts as, or None if it shows no help lines.

    The country is the person's own, if a line of it was shown: the lines that fixed words carry are those of
    one country, wherever the person is. So there are never more values than countries in the data.
    """
    shown = {str(line.get("country", "")) for line in answer["crisis"]["resources"]}
    if not shown:
        return None
    country = parse_locale(locale).country
    return Referral(int(answer["crisis"]["level"]), country if country in shown else ELSEWHERE)
