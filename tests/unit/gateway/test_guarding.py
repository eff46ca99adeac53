"""No way leads to Haiku for a class that it must not serve: the gateway refuses it whoever asks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain import turn_classes as classes
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.turn import AssignedVariant
from silent_infinity.domain.turn_classes import model_for, turn_classes
from silent_infinity.ports.llm import ModelError
from tests.unit.adapters.doubles import a_reply
from tests.unit.gateway.gateways import HAIKU, SONNET, Provider, World, answers, asked

GUARDED = sorted(name for name, rules in turn_classes().items() if rules.never_families)
NAMES = sorted(
    {name for model in catalogue().models for name in (model.id, *model.aliases, *model.names.values())}
)
HAIKUS = [name for name in NAMES if "haiku" in name]


def families(provider: Provider) -> set[str]:
    """Return the families of the models that the provider was asked for."""
    found = [catalogue().find(request.model_id) for request in provider.asked]
    return {model.family if model else "unknown" for model in found}


def outcome(gateway: Any, request: Any) -> str:
    """Return who answered, or the error."""
    try:
        return str(gateway.complete(request).provider)
    except ModelError as error:
        return str(error)


def test_the_classes_of_the_guard_are_the_designs() -> None:
    """Mirroring, teaching and crises."""
    assert GUARDED == ["TC4", "TC5", "TC6"]
    assert HAIKUS


@pytest.mark.parametrize("turn_class", GUARDED)
@pytest.mark.parametrize("name", HAIKUS)
def test_haiku_is_refused_by_any_of_its_names(turn_class: str, name: str) -> None:
    """As the model that is asked for, and as one to fall back to."""
    provider = Provider()
    gateway = World().gateway(provider)
    outcome(gateway, asked(turn_class=turn_class, model_id=name))
    outcome(gateway, asked(turn_class=turn_class, model_id="unknown", fallback_models=(name,)))

    assert provider.asked == []


@given(
    st.sampled_from(GUARDED),
    st.one_of(st.sampled_from(NAMES), st.text(max_size=40)),
    st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=40)), max_size=3),
    st.integers(0, 60_000),
)
def test_no_request_gets_haiku_past_the_gateway(
    turn_class: str, name: str, others: list[str], used: int
) -> None:
    """Whatever it names, in whatever order, with whatever is left of the session's budget."""
    provider, world = Provider(), World()
    world.spend.used["spend#session#session-1"] = used
    outcome(
        world.gateway(provider),
        asked(turn_class=turn_class, model_id=name, fallback_models=tuple(others)),
    )

    assert families(provider) & {"haiku", "unknown"} == set()


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "model_id": st.one_of(st.sampled_from(NAMES), st.text(max_size=30)),
        "max_tokens": st.integers(1, 4_096),
        "temperature": st.floats(0, 1),
        "cache_system_prompt": st.booleans(),
    },
)


@given(st.sampled_from(GUARDED), CONFIGS)
def test_no_variant_gets_haiku_past_both_lines(turn_class: str, config: dict[str, Any]) -> None:
    """From the assignment to the provider, for every configuration that a variant may have."""
    category = turn_classes()[turn_class].category
    choice = model_for(turn_class, {category: AssignedVariant("arm", config)})
    provider = Provider()

    outcome(
        World().gateway(provider),
        asked(turn_class=turn_class, model_id=choice.model_id, fallback_models=choice.fallback_models),
    )

    assert families(provider) <= {model.family for model in catalogue().models} - {"haiku"}
    assert provider.asked


def test_no_variant_of_the_initial_population_is_served_by_haiku() -> None:
    """The staged arm that saves money by Haiku is there, and governs TC4 and TC5 by its category."""
    seen = 0
    for variant in initial_variants():
        for turn_class in GUARDED:
            category = turn_classes()[turn_class].category
            choice = model_for(
                turn_class, {category: AssignedVariant(variant.variant_id, dict(variant.config))}
            )
            provider = Provider()
            outcome(World().gateway(provider), asked(turn_class=turn_class, model_id=choice.model_id))
            assert "haiku" not in families(provider)
            assert provider.asked
            seen += 1
    assert seen


def test_a_reduced_model_that_must_not_serve_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody edits the data to save money."""
    edited = {**turn_classes(), "TC4": replace(turn_classes()["TC4"], reduced_model=HAIKU)}
    for module in ("budget", "guard", "composition", "deadline", "breaker", "retry", "rate_limit"):
        monkeypatch.setattr(f"silent_infinity.adapters.llm.{module}.turn_classes", lambda: edited)
    provider, world = Provider(), World()
    world.spend.used["spend#session#session-1"] = 40_000

    reply = world.gateway(provider).complete(asked())

    assert reply.notes == ("budget:reduced",)
    assert [request.model_id for request in provider.asked] == [SONNET]


@pytest.mark.parametrize("turn_class", GUARDED)
@pytest.mark.parametrize("answering", ["claude-haiku-4-5", "somebodys-Haiku-clone"])
def test_an_answer_by_haiku_is_not_served(turn_class: str, answering: str) -> None:
    """A server may route where it likes. What it wrote has to be paid for all the same."""
    world = World()
    provider = Provider(lambda request: replace(answers(request), model_id=answering))
    gateway = world.gateway(provider)

    assert outcome(gateway, asked(turn_class=turn_class)) in ("composer", "guard:never-family")
    assert world.session_used() == 120
    assert world.measured("ModelCalls", outcome="guard", turn_class=turn_class) == 1


@pytest.mark.parametrize("turn_class", GUARDED)
def test_a_server_whose_one_model_is_haiku_serves_no_guarded_class(turn_class: str) -> None:
    """Its requests name Sonnet; what answers is what counts."""
    provider = Provider(lambda _request: a_reply(model_id=HAIKU))
    gateway = World().gateway(provider, server_model=HAIKU)
    outcome(gateway, asked(turn_class=turn_class))

    assert provider.asked == []


@pytest.mark.parametrize("turn_class", GUARDED)
def test_a_server_whose_one_model_nobody_knows_serves(turn_class: str) -> None:
    """The operator has chosen it: the small model of a laptop is in no catalogue."""
    provider = Provider(lambda _request: a_reply(model_id="my-model-q8"))
    gateway = World().gateway(provider, server_model="my-model-q8")

    assert gateway.complete(asked(turn_class=turn_class)).model_id == "my-model-q8"


@pytest.mark.parametrize("turn_class", ["TC1", "TC2", "TC3", "TC7"])
def test_other_classes_are_haikus_own(turn_class: str) -> None:
    """The guard must not refuse what is right."""
    assert World().gateway(Provider()).complete(asked(turn_class=turn_class, model_id=HAIKU)).text
    assert classes.may_ask(turn_classes()[turn_class], "anything")
