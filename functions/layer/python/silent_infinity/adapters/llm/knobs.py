"""What of a request a model takes. A knob that it lacks is dropped and noted: no reply may fail over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.adapters.llm.schemas import enforceable
from silent_infinity.domain.models import Model
from silent_infinity.ports.llm import ModelRequest


@dataclass(frozen=True, slots=True)
class Knobs:
    """What goes out. `temperature` and `schema` are None where nothing is to be sent.

    `notes` say what was dropped: `temperature-dropped`, `max-tokens-lowered`, `schema-not-enforced`, or
    `schema-unverified` where the schema is sent to a model that the catalogue does not know.
    """

    max_tokens: int
    temperature: float | None
    schema: Mapping[str, Any] | None
    notes: tuple[str, ...]


def knobs(
    request: ModelRequest, model: Model | None, provider: str, *, unknown_schema: bool = False
) -> Knobs:
    """Return what `model` takes of the request at `provider`.

    With `unknown_schema`, a model that the catalogue does not know is sent the schema all the same, because
    most servers of that kind keep it. The caller checks every answer anyway.
    """
    notes = []
    temperature: float | None = request.temperature
    if model is not None and not model.accepts_temperature:
        temperature = None
        notes.append("temperature-dropped")
    most = request.max_tokens if model is None else min(request.max_tokens, model.max_output_tokens)
    if most < request.max_tokens:
        notes.append("max-tokens-lowered")
    schema = request.response_schema
    if schema is not None:
        known = model is not None and provider in model.schema_at
        if model is None and unknown_schema:
            notes.append("schema-unverified")
        elif not known:
            schema = None
            notes.append("schema-not-enforced")
    return Knobs(most, temperature, None if schema is None else enforceable(schema), tuple(notes))
