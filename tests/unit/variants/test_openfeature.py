"""The registry behind OpenFeature, asked through the official SDK as an application asks it."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.adapters.openfeature.provider import NAME, FeatureFlagProvider
from silent_infinity.domain.variants import ASSIGNMENT_VERSION, Variant, bucket

MODEL = Variant("LLM_MODEL", "prod", "production", config={"model_id": "m", "labels": ["a"]})
TRIAL = Variant("LLM_MODEL", "trial", "canary", ranges=((0, 5000),), config={"model_id": "n"})
LAYOUT = Variant("CHAT_UI_LAYOUT", "current", "production")
SIMPLE = Variant("CHAT_UI_LAYOUT", "simplified", "canary", ranges=((0, 5000),))
POOL = tuple(Variant("RATING_VARIANT", f"r-{n}", "production", pool_rank=n) for n in range(3))
CONFIG = {"value": 7, "size": 7, "speed": 0.5, "on": True, "name": "x", "tiers": [{"id": "free"}]}
STARTERS = Variant("STARTER_POOL_SIZE", "7", "production", config=CONFIG)
RESERVED = Variant("MANDALA_FACE", "on", "production", config={"value": True})
VARIANTS = (MODEL, TRIAL, LAYOUT, SIMPLE, *POOL, STARTERS, RESERVED)


def unit_in(category: str, first: int, last: int) -> str:
    """Return an identity whose bucket lies there."""
    return next(str(n) for n in range(10_000) if first <= bucket("v1", category, str(n)) <= last)


IN_TRIAL, OUTSIDE = unit_in("LLM_MODEL", 0, 4999), unit_in("LLM_MODEL", 5000, 9999)


@pytest.fixture
def registry() -> MemoryVariants:
    """A registry with arms, a pool, and plain production."""
    return MemoryVariants(VARIANTS)


@pytest.fixture
def client(registry: MemoryVariants) -> Iterator[OpenFeatureClient]:
    """The SDK's client with the provider set."""
    api.set_provider_and_wait(FeatureFlagProvider(registry))
    yield api.get_client()
    api.clear_providers()


def session(key: str | None, **attributes: Any) -> EvaluationContext:
    """Return the context of a session."""
    return EvaluationContext(key, attributes)


def test_a_category_is_a_flag_with_its_configuration(client: OpenFeatureClient) -> None:
    """The value, the variant, and why: what telemetry of flags is made of."""
    details = client.get_object_details("LLM_MODEL", {}, session(IN_TRIAL))

    assert details.value == {"model_id": "n"}
    assert (details.variant, details.reason, details.error_code) == ("trial", Reason.SPLIT, None)
    assert details.flag_metadata == {"assignment_version": ASSIGNMENT_VERSION}


def test_the_text_of_a_category_is_the_variants_id(client: OpenFeatureClient) -> None:
    """A client that renders by name needs no configuration."""
    details = client.get_string_details("LLM_MODEL", "none", session(OUTSIDE))

    assert (details.value, details.variant, details.reason) == ("prod", "prod", Reason.DEFAULT)


def test_a_member_of_a_pool_is_a_split(client: OpenFeatureClient) -> None:
    """Its numbers are compared with those of the other members."""
    details = client.get_string_details("RATING_VARIANT", "none", session("session-1"))

    assert details.value == f"r-{bucket('v1', 'RATING_VARIANT', 'session-1') % 3}"
    assert details.reason == Reason.SPLIT


def test_a_category_of_the_person_hashes_the_user(client: OpenFeatureClient) -> None:
    """The layout must not change from one session to the next."""
    person = unit_in("CHAT_UI_LAYOUT", 0, 4999)
    details = client.get_string_details("CHAT_UI_LAYOUT", "none", session(None, user_id=person))

    assert (details.value, details.reason) == ("simplified", Reason.SPLIT)


def test_what_the_session_was_assigned_is_kept(client: OpenFeatureClient) -> None:
    """A flag must agree with the turns of the same session."""
    stored = session(IN_TRIAL, assigned={"LLM_MODEL": "prod", "RATING_VARIANT": "r-2"})

    assert client.get_string_value("LLM_MODEL", "none", stored) == "prod"
    assert client.get_string_value("RATING_VARIANT", "none", stored) == "r-2"


def test_a_cohort_needs_to_know_whether_the_person_was_here_before(
    client: OpenFeatureClient, registry: MemoryVariants
) -> None:
    """Not knowing is not the same as new."""
    registry.replace([MODEL, replace(TRIAL, target_cohort="returning")])
    answers = [
        client.get_string_value("LLM_MODEL", "none", session(IN_TRIAL, **known))
        for known in ({"returning": True}, {"returning": False}, {})
    ]

    assert answers == ["trial", "prod", "prod"]


@pytest.mark.parametrize("level", [2, 3, 4, 2.0, float("nan"), float("inf")])
def test_in_a_crisis_there_is_production_alone(client: OpenFeatureClient, level: float) -> None:
    """Whatever the session was assigned, and without any identity."""
    context = session(IN_TRIAL, crisis_level=level, assigned={"LLM_MODEL": "trial"})
    details = client.get_string_details("LLM_MODEL", "none", context)
    of_pool = client.get_string_details("RATING_VARIANT", "none", session(None, crisis_level=level))

    assert (details.value, details.reason) == ("prod", Reason.DISABLED)
    assert (of_pool.value, of_pool.reason) == ("r-0", Reason.DISABLED)


@pytest.mark.parametrize("level", [0, 1])
def test_below_a_crisis_experiments_run(client: OpenFeatureClient, level: int) -> None:
    """A little strain is no crisis, and the turn treats it the same."""
    assert client.get_string_value("LLM_MODEL", "none", session(IN_TRIAL, crisis_level=level)) == "trial"


def test_a_registry_that_is_down_says_so(client: OpenFeatureClient, registry: MemoryVariants) -> None:
    """The answer is the last known one, and whoever counts can leave it out."""
    registry.stale = True
    details = client.get_string_details("LLM_MODEL", "none", session(IN_TRIAL))

    assert (details.value, details.reason) == ("trial", Reason.STALE)


@pytest.mark.parametrize("key", ["HOLOGRAM", "", "SYSTEM_PROMPT", "STARTER_POOL_SIZE.colour", "llm_model"])
def test_a_flag_that_is_not_there_gives_the_callers_default(client: OpenFeatureClient, key: str) -> None:
    """No such category, nothing in production, no such attribute, another spelling."""
    details = client.get_object_details(key, {"mine": True}, session(IN_TRIAL))

    assert details.value == {"mine": True}
    assert (details.error_code, details.reason) == (ErrorCode.FLAG_NOT_FOUND, Reason.ERROR)


@pytest.mark.parametrize("key", [None, ""])
def test_a_session_is_needed_where_it_is_hashed(client: OpenFeatureClient, key: str | None) -> None:
    """An empty identity would put everybody without one into the same arm."""
    details = client.get_string_details("LLM_MODEL", "mine", session(key))

    assert (details.value, details.error_code) == ("mine", ErrorCode.TARGETING_KEY_MISSING)


def test_an_empty_session_is_none_to_the_provider_itself(registry: MemoryVariants) -> None:
    """The SDK turns it into none today; another version, or another caller, may not."""
    answer = FeatureFlagProvider(registry).resolve_string_details("LLM_MODEL", "mine", session(""))

    assert (answer.value, answer.error_code) == ("mine", ErrorCode.TARGETING_KEY_MISSING)


@pytest.mark.parametrize(
    ("key", "attributes"),
    [
        ("CHAT_UI_LAYOUT", {}),
        ("CHAT_UI_LAYOUT", {"user_id": ""}),
        ("CHAT_UI_LAYOUT", {"user_id": 7}),
        ("LLM_MODEL", {"returning": "yes"}),
        ("LLM_MODEL", {"crisis_level": "2"}),
        ("LLM_MODEL", {"crisis_level": True}),
        ("LLM_MODEL", {"crisis_level": None}),
        ("LLM_MODEL", {"assigned": "trial"}),
        ("LLM_MODEL", {"assigned": {"LLM_MODEL": 7}}),
    ],
    ids=str,
)
def test_a_context_that_cannot_be_used_gives_the_callers_default(
    client: OpenFeatureClient, key: str, attributes: dict[str, Any]
) -> None:
    """A crisis level that cannot be read, above all, must not end in an experiment."""
    details = client.get_string_details(key, "mine", session(IN_TRIAL, **attributes))

    assert (details.value, details.error_code) == ("mine", ErrorCode.INVALID_CONTEXT)


def test_an_identity_that_is_no_unicode_is_refused_quietly(
    client: OpenFeatureClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a surrogate cannot be hashed, and the SDK would log the failure at length."""
    with caplog.at_level(logging.DEBUG):
        details = client.get_string_details("LLM_MODEL", "mine", session("\ud800"))

    assert (details.value, details.error_code) == ("mine", ErrorCode.INVALID_CONTEXT)
    assert caplog.records == []


def test_values_are_read_in_their_own_types(client: OpenFeatureClient) -> None:
    """An attribute is a flag of its own; a table gives whole numbers back as integers."""
    context = session("session-1", user_id="user-1")

    assert client.get_integer_value("STARTER_POOL_SIZE", 0, context) == 7
    assert client.get_integer_value("STARTER_POOL_SIZE.size", 0, context) == 7
    assert client.get_float_value("STARTER_POOL_SIZE.size", 0.0, context) == 7.0
    assert client.get_float_value("STARTER_POOL_SIZE.speed", 0.0, context) == 0.5
    assert client.get_boolean_value("STARTER_POOL_SIZE.on", False, context) is True
    assert client.get_boolean_value("MANDALA_FACE", False, context) is True
    assert client.get_string_value("STARTER_POOL_SIZE.name", "", context) == "x"
    assert client.get_object_value("STARTER_POOL_SIZE.tiers", [], context) == [{"id": "free"}]


def test_a_value_of_another_type_gives_the_callers_default(client: OpenFeatureClient) -> None:
    """A boolean is no number here, although it is one in Python; half a starter is no count."""
    context = session("session-1", user_id="user-1")
    answers = [
        client.get_integer_details("LLM_MODEL", 3, context),
        client.get_boolean_details("LLM_MODEL", True, context),
        client.get_float_details("LLM_MODEL.model_id", 3.5, context),
        client.get_integer_details("MANDALA_FACE", 3, context),
        client.get_float_details("STARTER_POOL_SIZE.on", 3.5, context),
        client.get_boolean_details("STARTER_POOL_SIZE", True, context),
        client.get_integer_details("STARTER_POOL_SIZE.speed", 3, context),
        client.get_object_details("STARTER_POOL_SIZE.size", [3], context),
        client.get_string_details("STARTER_POOL_SIZE.size", "three", context),
    ]

    assert {answer.error_code for answer in answers} == {ErrorCode.TYPE_MISMATCH}
    assert [answer.value for answer in answers] == [3, True, 3.5, 3, 3.5, True, 3, [3], "three"]


def test_what_an_application_does_to_a_value_stays_with_it(client: OpenFeatureClient) -> None:
    """The registry is shared by everything in the process."""
    first = client.get_object_value("LLM_MODEL", {}, session(OUTSIDE))
    assert isinstance(first, dict)
    first["model_id"] = "changed"
    labels: Any = first["labels"]
    labels.append("b")

    assert client.get_object_value("LLM_MODEL", {}, session(OUTSIDE)) == {"model_id": "m", "labels": ["a"]}


def test_a_registry_that_fails_does_not_fail_the_application() -> None:
    """The SDK promises the default, whatever a provider does."""

    class Broken(MemoryVariants):
        def plan(self) -> Any:
            raise RuntimeError("broken")

    api.set_provider_and_wait(FeatureFlagProvider(Broken()))
    details = api.get_client().get_string_details("LLM_MODEL", "mine", session(IN_TRIAL))
    api.clear_providers()

    assert (details.value, details.error_code) == ("mine", ErrorCode.GENERAL)


def test_the_answer_is_the_same_without_waiting_for_it(client: OpenFeatureClient) -> None:
    """Asynchronous applications ask through other methods of the same client."""
    coroutine = client.get_string_details_async("LLM_MODEL", "mine", session(IN_TRIAL))
    with pytest.raises(StopIteration) as done:  # an event loop would need sockets, and nothing is awaited
        coroutine.send(None)
    details = done.value.value

    assert (details.value, details.reason) == ("trial", Reason.SPLIT)


def test_the_provider_has_a_name(client: OpenFeatureClient) -> None:
    """Telemetry tells providers apart by it."""
    assert client.provider.get_metadata().name == NAME


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(), st.booleans() | st.none(), st.integers(0, 4))
def test_flags_agree_with_the_turn(
    client: OpenFeatureClient, key: str, user: str, back: bool | None, level: int
) -> None:
    """Two ways to ask must never give one person two answers."""
    plan = MemoryVariants(VARIANTS).plan()
    known: dict[str, Any] = {"user_id": user, "crisis_level": level}
    context = session(key, **known, **({} if back is None else {"returning": back}))
    turn = plan.production() if level >= 2 else plan.assign(session_id=key, user_id=user, returning=back)
    flags = {name: client.get_string_details(name, "mine", context) for name in turn}

    for name, details in flags.items():
        assert details.value == ("mine" if details.error_code else turn[name].variant_id)
        assert (details.error_code is None) or not key or not user


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
contexts = st.builds(
    EvaluationContext,
    st.none() | st.text(alphabet=st.characters()),
    st.dictionaries(st.sampled_from(["user_id", "returning", "crisis_level", "assigned"]), anything),
)
flag_keys = st.sampled_from([v.category for v in VARIANTS] + ["STARTER_POOL_SIZE.size"]) | st.text()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flag_keys, contexts)
def test_no_context_and_no_key_raise_into_the_application(
    client: OpenFeatureClient, key: str, context: EvaluationContext
) -> None:
    """Every answer has the type that was asked for, and an error is never the provider's own failure."""
    answers = [
        (client.get_boolean_details(key, False, context), bool),
        (client.get_string_details(key, "mine", context), str),
        (client.get_integer_details(key, 1, context), int),
        (client.get_float_details(key, 1.5, context), float),
        (client.get_object_details(key, {}, context), dict),
    ]

    for details, kind in answers:
        assert isinstance(details.value, kind)
        assert details.error_code != ErrorCode.GENERAL
        assert (details.error_code is None) == (details.reason != Reason.ERROR)


def test_nothing_on_the_way_of_a_turn_imports_the_sdk() -> None:
    """It costs a cold start some milliseconds, and no turn needs it."""
    program = (
        "import sys, silent_infinity.bootstrap, silent_infinity.usecases.capture_message\n"
        "import silent_infinity.adapters.aws.variants\n"
        "print('openfeature' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with the program above
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "functions/layer/python"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"
