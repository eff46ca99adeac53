"""Reading the JSON object that a model was asked for, and nothing else that it may have written instead."""

import json
import re
from typing import Any, Final

_FENCED: Final = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


class AnswerError(ValueError):
    """A model's answer cannot be read. The message is a code, never a part of the answer."""


def read_object(text: str, *, asker: str, longest: int) -> dict[str, Any]:
    """Return the JSON object that an answer consists of, perhaps in a code fence.

    Prose around it is an error, though a reader could often guess what is meant: a guess would be an answer
    that nobody gave.

    Args:
        text: what the model wrote.
        asker: whose question it was; the errors' codes begin with it.
        longest: characters. Whatever is longer is no answer, and is not parsed.

    Raises:
        AnswerError: `<asker>:empty`; `<asker>:malformed`, which is too long, no JSON, or with a key that
            comes twice; or `<asker>:schema`, which is JSON but no object.
    """
    answer = text.strip()
    if not answer:
        raise AnswerError(f"{asker}:empty")
    if len(answer) > longest:
        raise AnswerError(f"{asker}:malformed")
    fenced = _FENCED.fullmatch(answer)
    try:
        value = json.loads(fenced[1] if fenced else answer, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise AnswerError(f"{asker}:malformed") from None
    if not isinstance(value, dict):
        raise AnswerError(f"{asker}:schema")
    return value


def is_whole(value: Any, lowest: int, highest: int) -> bool:
    """Whether JSON Schema would take the value for an integer in that range.

    To JSON Schema 3.0 is an integer and true is none; Python sees it the other way round.
    """
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and lowest <= value <= highest


def is_number(value: Any, lowest: float, highest: float) -> bool:
    """Whether JSON Schema would take the value for a number in that range. NaN is in none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and lowest <= value <= highest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that comes twice: which of its values is meant, nobody can say."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key comes twice")
    return value
