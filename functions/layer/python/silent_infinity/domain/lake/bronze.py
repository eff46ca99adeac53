"""The tables of what arrived, as it arrived: duplicates, stragglers and all."""

from silent_infinity.domain.lake.columns import columns_of
from silent_infinity.domain.lake.feedback_event import FeedbackEvent
from silent_infinity.domain.lake.model import BRONZE, DAY, HOUR, Column, Table
from silent_infinity.domain.turn_event import TurnEvent

ARRIVAL = (
    Column(DAY, "string", "UTC day of arrival"),
    Column(HOUR, "string", "UTC hour of arrival, 00 to 23"),
)

TURN_EVENTS = Table(
    name="bronze_turn_events",
    layer=BRONZE,
    prefix="bronze/turn_events/",
    comment="Turn events in the order of arrival. A turn may be here more than once.",
    columns=columns_of(
        TurnEvent,
        {
            "turn_id": "UUIDv7: its first 48 bits are the milliseconds of its time",
            "user_id_hash": "A pseudonym: salted hash of the user",
            "timestamp": "ISO 8601, UTC: when the message arrived",
            "recorded_at": "ISO 8601, UTC: when the event was made",
            "active_variants": "Category to variant: what was in force",
            "exposures": "Category to variant: what was really used",
            "cost_usd": "US dollars, all generations of the reply together",
            "feedback_text": "Always null",
        },
    ),
    partitions=ARRIVAL,
    projected=True,
)

FEEDBACK = Table(
    name="bronze_feedback",
    layer=BRONZE,
    prefix="bronze/feedback/",
    comment="Explicit feedback in the order of arrival, without its words. It may be here more than once.",
    columns=columns_of(
        FeedbackEvent,
        {
            "turn_id": "The turn that it is about, null for a session as a whole",
            "user_id_hash": "A pseudonym: salted hash of the user",
            "created_at": "ISO 8601, UTC",
            "rating": "1 to 5",
            "nps": "0 to 10",
        },
    ),
    partitions=ARRIVAL,
    projected=True,
)

BRONZE_TABLES = (TURN_EVENTS, FEEDBACK)
