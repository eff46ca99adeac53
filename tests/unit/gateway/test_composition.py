"""What stands around a provider is data, and the data makes sense."""

import json
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.llm.breaker import BreakerModel
from silent_infinity.adapters.llm.budget import BudgetModel
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.guard import GuardModel
from silent_infinity.adapters.llm.rate_limit import RateLimitModel
from silent_infinity.adapters.llm.recorder import RecorderModel
from silent_infinity.adapters.llm.retry import RetryModel
from silent_infinity.data import load
from silent_infinity.domain.turn_classes import TurnClass, may_ask, turn_classes
from silent_infinity.ports.llm import ModelError
from tests.unit.adapters.doubles import START_MS
from tests.unit.gateway.gateways import (
    COUNTED_CLASSES,
    ENFORCED_CLASSES,
    HAIKU,
    SONNET,
    Provider,
    World,
    asked,
)

KINDS = {
    "retry": RetryModel,
    "record": RecorderModel,
    "breaker": BreakerModel,
    "rate": RateLimitModel,
    "budget": BudgetModel,
    "guard": GuardModel,
    "deadline": DeadlineModel,
}
CLASSES = sorted(turn_classes())


def rules_of(name: str) -> TurnClass:
    """Return the rules of a class."""
    return turn_classes()[name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_chain_is_what_the_data_says(name: str) -> None:
    """Wrapper by wrapper, from the outermost to the provider."""
    provider = Provider()
    chain = World().gateway(provider).chain(rules_of(name))
    found = []
    model = chain._links[0].model  # type: ignore[attr-defined]
    while model is not provider:
        found.append(type(model))
        model = model._inner

    assert found == [KINDS[wrapper] for wrapper in rules_of(name).wrappers]


@pytest.mark.parametrize("name", CLASSES)
def test_the_order_of_the_wrappers_makes_sense(name: str) -> None:
    """Each of these orders is what one of the wrappers rests on."""
    wrappers = rules_of(name).wrappers

    assert len(set(wrappers)) == len(wrappers)
    # The guard judges what the budget has exchanged; nothing may exchange it after.
    assert wrappers[-2:] == ("guard", "deadline")
    # A call that nobody makes is not reserved, and a rate is not used up by what a breaker refuses.
    within = [wrapper for wrapper in wrappers if wrapper in ("breaker", "rate", "budget")]
    assert within == sorted(within, key=["breaker", "rate", "budget"].index)
    # What is refused is recorded too, and every retry by itself.
    assert wrappers.index("record") == (1 if "retry" in wrappers else 0)
    # A breaker outside of the deadline sees calls that were left behind.
    assert {"record", "rate", "budget", "guard", "deadline"} <= set(wrappers)


@pytest.mark.parametrize("name", CLASSES)
def test_retries_have_their_wrapper(name: str) -> None:
    """A number that nobody reads would look like a retry."""
    rules = rules_of(name)

    assert rules.retries == 0 or "retry" in rules.wrappers
    assert rules.retries * rules.retry_after_ms < rules.budget_ms / 4


def test_the_table_of_the_design_is_kept() -> None:
    """Retries, other models and last resorts, class by class."""
    table = {
        name: (rules.retries, rules.retry_after_ms, rules.fallback_models, rules.last_resort)
        for name, rules in turn_classes().items()
    }

    assert table == {
        "TC1": (0, 0, (), "none"),
        "TC2": (0, 0, (), "none"),
        "TC3": (0, 0, (SONNET,), "composer"),
        "TC4": (1, 150, (), "composer"),
        "TC5": (1, 150, (), "composer"),
        "TC6": (1, 0, (SONNET,), "none"),
        "TC7": (1, 500, (), "none"),
    }


def test_crises_are_counted_and_all_else_is_held_to_budgets() -> None:
    """Invariant 2: no budget and no rate limit from level 2 on."""
    assert {name for name in CLASSES if rules_of(name).counted_only} == set(COUNTED_CLASSES)
    assert {name for name in CLASSES if not rules_of(name).counted_only} == set(ENFORCED_CLASSES)
    assert rules_of("TC6").breaker == "own"
    assert "breaker" not in rules_of("TC1").wrappers


@pytest.mark.parametrize("name", CLASSES)
def test_models_of_reduced_requests_may_serve_their_class(name: str) -> None:
    """TC4 and TC5 have none: there is no cheaper model that may speak there."""
    reduced = rules_of(name).reduced_model

    assert not reduced or may_ask(rules_of(name), reduced)
    assert not (rules_of(name).never_families and reduced == HAIKU)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("last_resort", "compsoer"),
        ("budget", "none"),
        ("budget_scopes", ("week",)),
        ("breaker", "both"),
    ],
)
def test_a_misspelt_rule_is_refused(field: str, value: Any) -> None:
    """It would silently be another rule."""
    with pytest.raises(ValueError, match="TC4"):
        replace(rules_of("TC4"), **{field: value})


def test_a_wrapper_that_there_is_not_is_refused() -> None:
    """The first request of the class would find out."""
    with pytest.raises(KeyError):
        World().gateway(Provider()).chain(replace(rules_of("TC4"), wrappers=("retry", "guards")))


def test_every_rule_in_the_data_is_read() -> None:
    """A field that nobody knows is one that somebody believes in."""
    known = set(TurnClass.__slots__)

    for name, rules in load("turn_classes.json")["classes"].items():
        assert set(rules) - {"description"} <= known, name


def test_the_numbers_of_the_gateway_are_all_read() -> None:
    """As above, for the wrappers' own numbers."""
    from silent_infinity.domain.gateway import gateway_rules
    from silent_infinity.domain.payload import to_payload

    written = {key: value for key, value in load("gateway.json").items() if key != "notes"}
    assert json.loads(json.dumps(to_payload(gateway_rules()))) == written


@pytest.mark.parametrize("name", CLASSES)
def test_no_class_has_more_time_than_its_own(name: str) -> None:
    """Over all attempts and models, from the first to the last."""
    world, provider = World(), Provider()
    try:
        world.gateway(provider).complete(asked(turn_class=name, deadline_ms=START_MS + 10**8))
    except ModelError:
        pytest.fail("the provider answers")

    assert provider.asked[0].deadline_ms <= START_MS + rules_of(name).budget_ms


def test_with_the_composer_alone_nothing_is_asked_or_counted() -> None:
    """An environment without a provider."""
    world = World()
    gateway = world.gateway(None)

    assert gateway.complete(asked()).provider == "composer"
    with pytest.raises(ModelError, match=r"^chain:nobody$"):
        gateway.complete(asked(turn_class="TC6"))
    assert world.spend.calls == world.breakers.calls == 0


def test_a_server_with_one_model_is_asked_once() -> None:
    """Asked for the other model it would do the same again."""
    provider = Provider()
    world = World()
    provider.behave = lambda _request: (_ for _ in ()).throw(ModelError("openai_compatible:http-400"))
    gateway = world.gateway(provider, server_model="small")
    reply = gateway.complete(asked(turn_class="TC3", fallback_models=(SONNET,)))

    assert len(provider.asked) == 1
    assert reply.provider == "composer"
