"""The turn event has one definition, and every event that is written keeps to it."""

from silent_infinity.schemas import schema
from silent_infinity.schemas.generate import turn_event_schema

MEMO_FIELDS = {
    "turn_id", "user_id_hash", "conversation_id", "session_id", "timestamp", "active_variants", "latency_ms",
    "tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "cost_usd", "model_id",
    "prompt_sha", "voice_id", "page_url", "referrer_class", "device_class", "browser", "region",
    "crisis_flag_level", "guardrail_triggered", "guardrail_rule_id", "rating", "rating_variant_id",
    "feedback_text", "error_class", "error_message", "retry_count",
}  # fmt: skip
LATENCY_FIELDS = {
    "total_ms", "stt_ms", "llm_ttft_ms", "llm_complete_ms", "tts_ms", "network_ms", "guardrail_ms",
    "db_read_ms", "db_write_ms",
}  # fmt: skip


def test_the_schema_file_is_generated_from_the_definition() -> None:
    """Two definitions drift. Run `python -m silent_infinity.schemas.generate` after a change."""
    assert schema("turn_event") == turn_event_schema()


def test_every_field_that_analysts_were_promised_is_there() -> None:
    """The variants memo lists them; dashboards and gates are built on these names."""
    properties = turn_event_schema()["properties"]

    assert set(properties) >= MEMO_FIELDS
    assert set(properties["latency_ms"]["properties"]) >= LATENCY_FIELDS
