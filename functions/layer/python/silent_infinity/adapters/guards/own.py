"""The project's own guards as a `TextGuard`: in this process, and never down."""

from silent_infinity.domain.guards.before import check_message
from silent_infinity.domain.guards.personal_data import find
from silent_infinity.ports.text_guard import Direction, Opinion


class OwnTextGuard:
    """Blocks messages as capture does, and finds personal data in both directions."""

    def judge(self, text: str, direction: Direction, locale: str) -> Opinion:
        verdict = check_message(text, locale) if direction is Direction.MESSAGE else None
        return Opinion((verdict.rule_id,) if verdict and verdict.blocked else (), find(text))
