"""What kind of turn a message is: its intent, its turn class, and whether a model is needed to answer it."""

from silent_infinity.domain.intent.detect import CLARIFY_BELOW, IntentResult, detect
from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS
from silent_infinity.domain.intent.templates import Reply

__all__ = ["CLARIFY_BELOW", "INTENTS", "TURN_CLASS", "IntentResult", "Reply", "detect"]
