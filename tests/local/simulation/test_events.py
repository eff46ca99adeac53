"""Simulated events are what real turns leave behind."""

import json
from datetime import datetime

import pytest

from local.simulation.simulation import days
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.exposures import rendered_by_client
from silent_infinity.domain.lake.feedback_event import FeedbackEvent
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.pricing import cost_usd, price_on
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.domain.turn_event import TurnEvent
from silent_infinity.domain.variants import compile_plan
from tests.local.simulation.scenarios import is_careful, scenario, usual_days, usual_events


def test_every_kind_of_event_is_valid_and_has_the_fields_of_a_turn_event_in_their_order() -> None:
    """A consumer that refuses simulated events would make every test of the lake a test of its quarantine."""
    validator = JsonSchemaValidator()
    by_kind = {
        (event["path"], event["reply_kind"], event["turn_class"], bool(event["degraded"])): event
        for event in usual_events()
    }

    assert len(by_kind) > 12
    for event in by_kind.values():
        document = json.loads(json.dumps(event))
        again = json.loads(json.dumps(to_payload(from_payload(TurnEvent, document))))
        assert not validator.violations("turn_event", document)
        assert again == document
        assert list(again) == list(document)


def test_feedback_has_the_fields_of_a_feedback_event_and_no_words() -> None:
    """The lake's second stream has a definition too."""
    said = [piece for day in usual_days() for session in day.sessions for piece in session.feedback]

    assert {piece["nps"] is None for piece in said} == {True, False}
    for piece in said:
        assert to_payload(from_payload(FeedbackEvent, piece)) == piece


def test_a_scenario_always_gives_the_same_events_and_another_seed_gives_others() -> None:
    """A figure that cannot be had again cannot be checked."""
    first = json.dumps([session.events for day in days(scenario(60)) for session in day.sessions])
    again = json.dumps([session.events for day in days(scenario(60)) for session in day.sessions])
    other = json.dumps([session.events for day in days(scenario(60, seed=8)) for session in day.sessions])

    assert first == again
    assert first != other


def test_sessions_are_as_many_as_asked_for_and_spread_evenly_over_the_days() -> None:
    """Whoever plans an experiment of so many sessions a day gets them."""
    found = [len(day.sessions) for day in days(scenario(1000, 7))]

    assert sum(found) == 1000
    assert max(found) - min(found) <= 1


def test_variants_in_force_are_those_that_the_real_assignment_gives() -> None:
    """An invented assignment would not hash, and the sample ratio would prove nothing."""
    plan = compile_plan(scenario().variants)
    production = {name: variant.variant_id for name, variant in plan.production().items()}
    seen = {"arm": 0, "careful": 0}
    for day in days(scenario()):
        for session in day.sessions:
            for event in session.events:
                if is_careful(event):
                    seen["careful"] += 1
                    assert event["active_variants"] == production
                    continue
                assigned = plan.assign(session_id=event["session_id"], user_id=event["user_id_hash"])
                seen["arm"] += assigned["SMALL_TALK_MODEL"].variant_id == "claude-haiku-4-5"
                assert event["active_variants"] == {
                    name: variant.variant_id for name, variant in assigned.items()
                }

    assert seen["careful"] > 5
    assert seen["arm"] > 50


def test_exposures_are_what_had_a_part_in_the_reply_and_what_the_client_can_have_rendered() -> None:
    """The rule that real records keep: nobody is exposed to an arm by being assigned to it."""
    reported = 0
    for event in usual_events():
        by_client = {name for name in event["exposures"] if rendered_by_client(name)}
        by_server = event["exposures"].keys() - by_client
        category = turn_classes()[event["turn_class"]].category
        reported += bool(by_client)

        assert event["exposures"].items() <= event["active_variants"].items()
        assert not by_client or (event["turn_number"] > 1 and not is_careful(event))
        assert by_server <= {category, "SYSTEM_PROMPT"}
        assert not by_server or event["provider"] == "bedrock"
        if event["reply_kind"] == "answer":
            assert category in by_server

    assert reported > 1000


def test_ids_times_and_sums_of_an_event_agree() -> None:
    """The lake derives days from ids and times from each other; a simulation must not contradict itself."""
    for event in usual_events():
        arrived = datetime.fromisoformat(event["timestamp"])
        recorded = datetime.fromisoformat(event["recorded_at"])
        ms = int(event["turn_id"].replace("-", "")[:12], 16)
        calls = event["model_calls"]

        assert ms == round(arrived.timestamp() * 1_000_000) // 1000
        assert round((recorded - arrived).total_seconds() * 1000) == event["latency_ms"]["total_ms"]
        assert event["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in calls), abs=1e-12)
        assert event["tokens_output"] == sum(call["tokens_output"] for call in calls)
        assert event["timestamp"][:10] <= event["recorded_at"][:10]


def test_a_call_costs_what_the_catalogue_says() -> None:
    """Cost attribution is judged by these events: a price of their own would judge nothing."""
    models = {call["model_asked"]: call for event in usual_events() for call in event["model_calls"]
              if call["outcome"] == "ok"}  # fmt: skip

    assert {"claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-4-5"} <= models.keys()
    for name, call in models.items():
        model = catalogue().find(name)
        assert model is not None
        price = price_on(model.prices, "2026-11-20")
        assert price is not None
        usage = Usage(*(call[f"tokens_{part}"] for part in ("input", "output", "cache_read", "cache_write")))
        assert call["cost_usd"] == cost_usd(usage, price, factor=1.1, cache_ttl="1h")
        assert call["cost_usd"] > 0


def test_turns_of_a_session_are_in_order_and_its_days_are_not_moved_by_fractions_of_a_second() -> None:
    """Copies give a session another fraction; no turn may come into another day or before another by that."""
    crossing = 0
    for day in usual_days():
        for session in day.sessions:
            stamps = [event["timestamp"] for event in session.events]
            crossing += stamps[0][:10] != stamps[-1][:10]

            assert stamps == sorted(set(stamps))
            assert len({stamp[19:] for stamp in stamps}) == 1
            assert [event["turn_number"] for event in session.events] == list(range(1, len(stamps) + 1))

    assert crossing > 0


def test_people_come_back_as_often_as_the_figures_say() -> None:
    """Return within a week is a metric: its rate in a simulation without effects is known."""
    visits: dict[str, set[int]] = {}
    whole = list(days(scenario(4000, 16)))
    for number, day in enumerate(whole):
        for session in day.sessions:
            visits.setdefault(session.person.user_id_hash, set()).add(number)
    could = [(user, number) for user, numbers in visits.items() for number in numbers if number <= 8]
    did = [user for user, number in could if visits[user] & set(range(number + 1, number + 8))]

    assert len(did) / len(could) == pytest.approx(0.36, abs=0.04)
