"""Guards of others add to the own ones; none of them can hold up a reply or take its help lines."""

from datetime import UTC, datetime
from typing import Any

from silent_infinity.adapters.memory.text_guard import MemoryTextGuard
from silent_infinity.domain.guards.personal_data import NOTES
from silent_infinity.usecases.validate_reply import CrisisContext, Validated, ValidateReply, ValidateRequest

MESSAGE = "my brother Ravindra stopped talking to me and the house is so quiet"
REPLY = (
    "Your brother stopped talking to you, and the house is so quiet now. Zanele may know more.\n\n"
    "That quiet sounds heavy. What is it like when the evening comes?"
)


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)


def _validated(guard: MemoryTextGuard, text: str = REPLY, source: str = "model", **fields: Any) -> Validated:
    use_case = ValidateReply(clock=_Clock(), second_opinions=[("memory", guard)])
    request = {"text": text, "source": source, "turn_class": "TC4", "message": MESSAGE, **fields}
    return use_case(ValidateRequest(**request))


def test_a_block_of_another_guard_refuses_the_draft() -> None:
    """Then the workflow tries once more, and falls back as it does after any refusal."""
    result = _validated(MemoryTextGuard(forbidden={"heavy": "memory.word"}))

    assert not result.validation.acceptable
    assert "memory.word" in result.validation.failures
    assert "memory.word" in result.validation.rule_ids
    assert "degraded" not in result.to_payload()


def test_what_another_guard_finds_is_left_out() -> None:
    """It may know a name that the own patterns do not."""
    result = _validated(MemoryTextGuard(private={"Zanele": "NAME"}))

    assert result.validation.acceptable
    assert NOTES["NAME"] in result.validation.text
    assert "Zanele" not in result.validation.text
    assert "memory.name" in result.validation.rule_ids


def test_a_guard_that_is_down_is_noted_and_the_own_guards_decide() -> None:
    """An outage elsewhere must not cost a person their reply."""
    result = _validated(MemoryTextGuard(down="ThrottlingException"))

    assert result.validation.acceptable
    assert result.validation.text == REPLY
    assert result.to_payload()["degraded"] == ["memory"]


def test_a_draft_that_the_own_guards_refuse_is_not_sent_anywhere() -> None:
    """What is thrown away need not leave the function."""
    guard = MemoryTextGuard()
    _validated(guard, text="You have clinical depression. Take 20 mg of something.")

    assert guard.asked == []


def test_what_the_composer_wrote_is_not_sent_anywhere() -> None:
    """It is made of vetted words."""
    guard = MemoryTextGuard()
    _validated(guard, source="composer")

    assert guard.asked == []


def test_no_other_guard_refuses_a_crisis_reply_or_takes_its_help_line() -> None:
    """A general filter does not know that a reply about dying is right, nor that a number is public."""
    guard = MemoryTextGuard(forbidden={"suicide": "memory.topic"}, private={"988": "PHONE"})
    text = (
        "I'm really glad you told me. I'm an AI, and I'm here with you. Are you thinking about suicide? "
        "You can call or text 988 any time, it is free and open day and night. "
        "Is there somebody you trust, or a doctor or counsellor, who could be with you now?"
    )
    fields: dict[str, Any] = {"turn_class": "TC6", "crisis": CrisisContext(3, ({"contact": "988"},))}
    alone = ValidateReply(clock=_Clock())(
        ValidateRequest(text=text, source="model", message=MESSAGE, **fields)
    )
    result = _validated(guard, text=text, **fields)

    assert guard.asked == [text]
    assert result.validation.acceptable == alone.validation.acceptable
    assert result.validation.text == alone.validation.text
    assert "988" in result.validation.text
