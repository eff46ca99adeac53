"""Walks through real executions: every row of the turn's table, with functions that answer as scripted."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.statemachines.conftest import Theatre, Walk
from tests.statemachines.definitions import HELP_LINE, WORDS, raw_turn
from tests.statemachines.scripted import (
    DOWN,
    answers,
    captured,
    drafted,
    fails,
    scenario,
    screened,
    turn,
    understood,
    validated,
)

Walker = Callable[..., Walk]
SERVICE_ERRORS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
RED_FLAG = "Honestly I don’t  want to\nLIVE any more."
IN_CRISIS_FLOW = {"active": True, "level": 2, "peak": 3, "calm_turns": 1, "check_in_due": False, "version": 4}


def accepted(**changes: Any) -> Any:
    """Capture accepts the message as this turn."""
    return answers(captured(turn=turn(**changes)))


def response(status: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """A response that capture has ready."""
    return {
        "status_code": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(document),
    }


def recorded(theatre: Theatre, name: str) -> dict[str, Any]:
    """The record that the last function was given."""
    record: dict[str, Any] = theatre.stage.events(name, "Feedback")[-1]["record"]
    return record


def is_problem(walk: Walk, slug: str) -> None:
    """A refusal is a problem document that says where help is to be had."""
    assert walk.headers["Content-Type"] == "application/problem+json"
    assert walk.body["type"] == f"urn:silent-infinity:problem:{slug}"
    assert walk.body["status"] == walk.status
    assert walk.body["help"] == WORDS.help


def test_a_message_is_answered_and_recorded(theatre: Theatre, walk: Walker) -> None:
    """The main road: if this breaks, nothing else matters."""
    got = walk("happy", scenario())

    assert (got.status, got.headers["Cache-Control"]) == (200, "no-store")
    assert got.body == {
        "turn_id": "019aa7c0-0000-7000-8000-000000000001",
        "session_id": "11111111-1111-4111-8111-111111111111",
        "reply": {"text": "A generated reply, checked.", "kind": "answer"},
        "crisis": {"level": 0, "resources": []},
        "disclosure": {"text": "An AI.", "reason": "interval"},
        "turn_class": "TC4",
        "intent": {"name": "sharing", "confidence": 0.8},
        "variants": {"SYSTEM_PROMPT": "experiment"},
        "client_variants": turn()["client_variants"],
        "quality": {"score": 0.9, "attempts": 1},
        "usage": {
            "model_id": "model-1",
            "tokens_input": 100,
            "tokens_output": 10,
            "tokens_cache_read": 5,
            "tokens_cache_write": 1,
            "cost_usd": 0.25,
        },
    }
    record = recorded(theatre, "happy")
    assert record["answer"] == got.body
    assert (record["path"], record["attempts"], record["degraded"]) == ("generate", 1, [])
    assert record["started_at"] < record["replied_at"]
    assert record["turn"].keys() & {"history", "client_variants", "client_production"} == set()


@pytest.mark.parametrize("path", ["clear", "crisis"])
def test_a_turn_of_a_capture_that_knows_no_client_variants_is_answered(walk: Walker, path: str) -> None:
    """A gradual deployment puts the earlier capture in front of this workflow."""
    earlier = {
        key: value for key, value in turn().items() if key not in ("client_variants", "client_production")
    }
    level = 0 if path == "clear" else 3
    got = walk(
        f"earlier-capture-{path}",
        scenario(Capture=answers(captured(turn=earlier)), CrisisScreen=answers(screened(path, level))),
    )

    assert got.body["reply"]["text"] == "A generated reply, checked."
    assert got.body["client_variants"] == {}


def test_every_function_is_given_what_it_needs(theatre: Theatre, walk: Walker) -> None:
    """The payloads between the states are a contract with six functions that are deployed on their own."""
    walk("payloads", scenario())

    stage = theatre.stage
    capture = stage.events("payloads", "Capture")[0]
    assert capture["body"] == {"message": "I had a long day.", "locale": "payloads"}
    assert {k: capture[k] for k in ("subject", "token_use", "idempotency_key", "request_id")} == {
        "subject": "subject-1",
        "token_use": "id",
        "idempotency_key": "key-1",
        "request_id": "request-1",
    }
    assert capture["claim_key"] == hashlib.sha256(b"subject-1:key:key-1").hexdigest()
    assert ":execution:turn:" in capture["execution_id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", capture["started_at"])
    screen = stage.events("payloads", "CrisisScreen")[0]
    assert time.time() * 1000 - 60_000 < screen.pop("deadline_ms") < time.time() * 1000 + 3500
    assert screen == {
        "turn_id": turn()["turn_id"],
        "message": turn()["message"],
        "history": turn()["history"],
        "posture": turn()["posture"],
        "locale": "payloads",
        "used_reply_ids": ["r1"],
        "production": turn()["production"],
    }
    assert stage.events("payloads", "Intent")[0] == {
        "turn_id": turn()["turn_id"],
        "message": turn()["message"],
        "history": turn()["history"],
        "locale": "payloads",
        "last_kind": None,
    }
    generate = stage.events("payloads", "Generate")[0]
    started = time.time() * 1000
    assert started + 5000 < generate.pop("deadline_ms") < started + 9000
    assert generate == {
        "turn_id": turn()["turn_id"],
        "session_id": turn()["session_id"],
        "message": turn()["message"],
        "history": turn()["history"],
        "locale": "payloads",
        "variants": turn()["variants"],
        "turn_class": "TC4",
        "mode": "model",
        "crisis": {"level": 0, "resources": []},
        "attempt": 1,
        "previous_failures": [],
    }
    assert stage.events("payloads", "Validate")[0] == {
        "turn_id": turn()["turn_id"],
        "text": "A generated reply.",
        "source": "model",
        "turn_class": "TC4",
        "message": turn()["message"],
        "locale": "payloads",
        "attempt": 1,
        "crisis": {"level": 0, "resources": []},
        "history": turn()["history"],
    }
    assert stage.events("payloads", "Feedback")[0]["identity"] == {
        "subject": "subject-1",
        "execution_id": capture["execution_id"],
        "body": capture["body"],
    }


@pytest.mark.parametrize(
    ("outcome", "status"), [("replayed", 200), ("refused", 400), ("refused", 404), ("refused", 422)]
)
def test_what_capture_has_answered_is_passed_on(
    theatre: Theatre, walk: Walker, outcome: str, status: int
) -> None:
    """A replay must not generate again, and a refusal must not be screened as if it were a turn."""
    name = f"{outcome}-{status}"
    got = walk(
        name, scenario(Capture=answers(captured(outcome, response=response(status, {"by": "capture"}))))
    )

    assert (got.status, got.body) == (status, {"by": "capture"})
    assert theatre.stage.roles(name) == ["Capture"]


def test_the_loser_of_a_race_gets_the_winners_reply(theatre: Theatre, walk: Walker) -> None:
    """Two requests with one idempotency key get one reply, however close together they come."""
    theatre.claim("won", answer={"S": '{"reply": "the winner\'s"}'}, status_code={"N": "200"})

    got = walk("race", scenario(Capture=answers(captured("in_progress", claim_key="won"))))

    assert (got.status, got.body) == (200, {"reply": "the winner's"})
    assert theatre.stage.roles("race") == ["Capture"]


def test_the_loser_of_a_race_waits_for_the_winner(theatre: Theatre, walk: Walker) -> None:
    """The reply may come while the loser is waiting."""
    theatre.claim("still running", turn_id={"S": "019aa7c0"})
    winner = threading.Timer(1.5, lambda: theatre.claim("still running", answer={"S": '{"reply": "late"}'}))
    winner.start()

    got = walk("patient", scenario(Capture=answers(captured("in_progress", claim_key="still running"))))
    winner.join()

    assert (got.status, got.body) == (200, {"reply": "late"})
    assert got.states.count("Wait a second") == 2


def test_the_loser_of_a_race_waits_until_there_is_no_time_left(theatre: Theatre) -> None:
    """A winner that never ends must not take the loser's answer with it."""
    theatre.claim("running", turn_id={"S": "019aa7c0"})
    hasty = theatre.machine("hasty-loser", {"< 19000": "< 1500"})

    got = theatre.walk(
        hasty, "loser", scenario(Capture=answers(captured("in_progress", claim_key="running")))
    )

    assert (got.status, got.headers["Retry-After"]) == (503, "5")
    is_problem(got, "still-in-progress")
    assert got.body["detail"] == WORDS.still_in_progress
    assert got.body["instance"] == "request-1"
    assert got.states.count("Wait a second") == 2


def test_a_released_claim_is_not_waited_for(theatre: Theatre, walk: Walker) -> None:
    """The other request was limited and gave its claim back: no reply will ever appear there."""
    got = walk("released", scenario(Capture=answers(captured("in_progress", claim_key="no such claim"))))

    is_problem(got, "still-in-progress")
    assert got.states.count("Wait a second") == 1


def test_a_claim_that_cannot_be_read_is_asked_for_again(theatre: Theatre) -> None:
    """A failing table is no reason to end the wait early."""
    blind = theatre.machine("blind", {"< 19000": "< 4000"}, IdempotencyTableName="NoSuchTable")

    got = theatre.walk(blind, "blind", scenario(Capture=answers(captured("in_progress", claim_key="won"))))

    is_problem(got, "still-in-progress")
    assert got.states.count("Is there still time?") >= 2


def test_a_reply_whose_record_is_still_due_is_recorded_and_given(theatre: Theatre, walk: Walker) -> None:
    """After a crash between fixing a reply and recording it, the retry finishes the job."""
    record = {"version": 1, "turn": turn(), "answer": {"reply": {"text": "Fixed before the crash."}}}

    got = walk("unrecorded", scenario(Capture=answers(captured("unrecorded", record=record))))

    assert (got.status, got.body) == (200, record["answer"])
    assert theatre.stage.roles("unrecorded") == ["Capture", "Feedback"]
    assert recorded(theatre, "unrecorded") == {**record, "turn": turn(locale="unrecorded")}


@pytest.mark.parametrize("path", ["imminent", "check_in"])
def test_vetted_words_are_served_at_once(theatre: Theatre, walk: Walker, path: str) -> None:
    """In immediate danger nobody waits for a model."""
    got = walk(path, scenario(CrisisScreen=answers(screened(path, 4))))

    assert got.body["reply"] == {"text": f"Vetted words for {path}.", "kind": "crisis"}
    assert got.body["crisis"] == {"level": 4, "resources": [HELP_LINE]}
    assert got.body["turn_class"] == "TC6"
    assert got.body["variants"] == {}
    assert got.body["quality"] == {"score": None, "attempts": 0}
    assert got.body["usage"]["model_id"] == "none"
    assert "Generate" not in theatre.stage.roles(path)
    assert recorded(theatre, path)["path"] == path


def test_a_crisis_gets_a_validated_reply_with_production_variants(theatre: Theatre, walk: Walker) -> None:
    """Nobody in a crisis is part of an experiment, and words about it are checked like any other."""
    draft = drafted("Are you safe?", reserve_text="", exposures={"SYSTEM_PROMPT": "production"})
    got = walk(
        "crisis",
        scenario(
            CrisisScreen=answers(screened("crisis", 3)),
            Generate=answers(draft),
            Validate=answers(validated("Are you safe? Call 988.")),
        ),
    )

    assert got.body["reply"] == {"text": "Are you safe? Call 988.", "kind": "crisis"}
    assert got.body["crisis"] == {"level": 3, "resources": [HELP_LINE]}
    assert (got.body["turn_class"], got.body["variants"]) == ("TC6", {"SYSTEM_PROMPT": "production"})
    generate = theatre.stage.events("crisis", "Generate")[0]
    assert generate["variants"] == turn()["production"]
    assert got.body["client_variants"] == turn()["client_production"]
    assert (generate["turn_class"], generate["mode"]) == ("TC6", "model")
    assert generate["crisis"] == {"level": 3, "resources": [HELP_LINE]}
    assert theatre.stage.events("crisis", "Validate")[0]["crisis"]["level"] == 3


@pytest.mark.parametrize("path", ["imminent", "check_in", "crisis"])
@pytest.mark.parametrize(
    "interference",
    [
        {"limited": True, "limit": {"reason": "rate", "retry_after_seconds": 7}},
        {"blocked": True, "block": {"rule_id": "abuse", "reply_text": "no"}},
    ],
    ids=["limited", "blocked"],
)
@pytest.mark.parametrize("intent", ["clarify", "template"])
def test_nothing_interferes_with_a_crisis(
    theatre: Theatre, walk: Walker, path: str, interference: dict[str, Any], intent: str
) -> None:
    """A person in danger who has run into a limit or a guard is still a person in danger."""
    name = f"{path}-{next(iter(interference))}-{intent}"
    got = walk(
        name,
        scenario(
            Capture=accepted(**interference),
            CrisisScreen=answers(screened(path, 3)),
            Intent=answers(understood(intent)),
        ),
    )

    assert (got.status, got.body["reply"]["kind"]) == (200, "crisis")
    assert got.body["crisis"]["resources"] == [HELP_LINE]
    assert got.body["client_variants"] == turn()["client_production"]


def test_whoever_is_over_a_limit_is_asked_to_wait(theatre: Theatre, walk: Walker) -> None:
    """The limit is answered only after the screen has looked, and costs no generation and no record."""
    capture = accepted(limited=True, limit={"reason": "rate", "retry_after_seconds": 17})
    got = walk("limited", scenario(Capture=capture))

    assert (got.status, got.headers["Retry-After"]) == (429, "17")
    is_problem(got, "rate-limited")
    assert got.body["instance"] == turn()["turn_id"]
    assert sorted(theatre.stage.roles("limited")) == ["Capture", "CrisisScreen", "Intent"]


def test_a_blocked_message_is_refused_kindly(theatre: Theatre, walk: Walker) -> None:
    """A refusal is a turn: it is recorded, but no model sees the message."""
    got = walk(
        "blocked",
        scenario(Capture=accepted(blocked=True, block={"rule_id": "secret", "reply_text": "Let's not."})),
    )

    assert got.body["reply"] == {"text": "Let's not.", "kind": "refusal"}
    assert "Generate" not in theatre.stage.roles("blocked")
    assert recorded(theatre, "blocked")["path"] == "refusal"


@pytest.mark.parametrize(("path", "kind"), [("clarify", "clarification"), ("template", "template")])
def test_a_prepared_reply_needs_no_model(theatre: Theatre, walk: Walker, path: str, kind: str) -> None:
    """Greetings and unclear messages cost nothing and come at once."""
    got = walk(path, scenario(Intent=answers(understood(path, turn_class="TC3"))))

    assert got.body["reply"] == {"text": f"Words for {path}.", "kind": kind}
    assert (got.body["turn_class"], got.body["crisis"]["level"]) == ("TC3", 0)
    assert sorted(theatre.stage.roles(path)) == ["Capture", "CrisisScreen", "Feedback", "Intent"]
    assert recorded(theatre, path)["path"] == path


@pytest.mark.parametrize(
    "broken",
    [
        fails(),
        {"return": {"path": "somewhere else", "level": 0}},
        {"return": {"path": "imminent", "level": 4, "resources": [HELP_LINE], "vetted_reply": None}},
        {"return": {"path": "crisis", "level": 3, "resources": [], "vetted_reply": {"text": "words"}}},
        {"return": None},
    ],
    ids=["raises", "unknown-path", "no-words", "no-help-lines", "nothing"],
)
def test_a_red_flag_is_a_crisis_when_the_screen_is_down(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """A crisis is never missed because something was down, nor because it answers nonsense."""
    name = request.node.callspec.id
    got = walk(name, scenario(Capture=accepted(message=RED_FLAG, limited=True), CrisisScreen=[broken]))

    assert got.body["reply"] == {"text": WORDS.red_flag, "kind": "crisis"}
    assert got.body["crisis"] == {"level": 3, "resources": [HELP_LINE]}
    record = recorded(theatre, name)
    assert (record["path"], record["screen"]["rule_ids"]) == ("red_flag", ["red_flags"])
    assert "screen" in record["degraded"]
    assert "Generate" not in theatre.stage.roles(name)


def test_a_session_in_crisis_flow_stays_there_when_the_screen_is_down(theatre: Theatre, walk: Walker) -> None:
    """Calm words do not end a crisis that nobody has screened."""
    got = walk("posture", scenario(Capture=accepted(posture=IN_CRISIS_FLOW), CrisisScreen=DOWN))

    assert got.body["reply"] == {"text": WORDS.red_flag, "kind": "crisis"}
    assert got.body["crisis"] == {"level": 2, "resources": [HELP_LINE]}
    assert recorded(theatre, "posture")["screen"]["screened_level"] == 0


def test_the_higher_of_posture_and_red_flag_counts(walk: Walker) -> None:
    """The level of a session never falls because of what was found."""
    posture = {**IN_CRISIS_FLOW, "level": 4}
    got = walk("higher", scenario(Capture=accepted(message=RED_FLAG, posture=posture), CrisisScreen=DOWN))

    assert got.body["crisis"]["level"] == 4


@pytest.mark.parametrize("limited", [False, True])
def test_an_unscreened_message_gets_composed_words_with_help_lines(
    theatre: Theatre, walk: Walker, limited: bool
) -> None:
    """Without a screen there is no generated text and no experiment, and no refusal either."""
    name = f"unscreened-{limited}"
    composed = drafted("Composed words.", source="composer", exposures={})
    got = walk(
        name,
        scenario(
            Capture=accepted(limited=limited, blocked=limited),
            CrisisScreen=DOWN,
            Intent=answers(understood("template")),
            Generate=answers(composed),
            Validate=answers(validated("Composed words.")),
        ),
    )

    assert got.body["reply"] == {"text": "Composed words.", "kind": "fallback"}
    assert got.body["crisis"] == {"level": 0, "resources": [HELP_LINE]}
    generate = theatre.stage.events(name, "Generate")[0]
    assert (generate["mode"], generate["variants"]) == ("composer", turn()["production"])
    assert got.body["client_variants"] == turn()["client_production"]
    record = recorded(theatre, name)
    assert (record["path"], record["degraded"]) == ("unscreened", ["screen"])


def test_an_unscreened_message_has_help_lines_even_in_the_last_resort(walk: Walker) -> None:
    """Two functions down: the fixed fallback names help lines by itself."""
    got = walk("unscreened-last", scenario(CrisisScreen=DOWN, Generate=DOWN))

    assert got.body["reply"] == {"text": WORDS.fallback, "kind": "fallback"}
    assert got.body["crisis"]["resources"] == [HELP_LINE]


@pytest.mark.parametrize(
    "broken", [fails(), {"return": {"path": "template", "turn_class": "TC3", "reply": None}}]
)
def test_without_intent_the_reply_mirrors(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Reflecting needs no understanding of what is wanted."""
    name = f"intent-{request.node.callspec.id}"
    got = walk(name, scenario(Intent=[broken]))

    assert got.body["reply"]["kind"] == "answer"
    assert (got.body["turn_class"], got.body["intent"]) == ("TC4", {"name": "unknown", "confidence": 0})
    assert recorded(theatre, name)["degraded"] == ["intent"]


def test_the_composers_draft_is_a_fallback(walk: Walker) -> None:
    """Whoever reads the answer must be able to tell that no model wrote it."""
    got = walk("composer", scenario(Generate=answers(drafted(source="composer"))))

    assert got.body["reply"]["kind"] == "fallback"
    assert got.body["crisis"]["resources"] == []


def test_a_generation_that_fails_is_tried_once_more(theatre: Theatre, walk: Walker) -> None:
    """A cold start or a throttle is no reason to give up; the second attempt knows what happened."""
    got = walk("again", scenario(Generate=[fails("Lambda.TooManyRequestsException"), *answers(drafted())]))

    assert got.body["reply"]["kind"] == "answer"
    assert got.body["quality"]["attempts"] == 2
    second = theatre.stage.events("again", "Generate")[1]
    assert (second["attempt"], second["previous_failures"]) == (2, ["generate_failed"])
    assert recorded(theatre, "again")["degraded"] == ["generate"]


@pytest.mark.parametrize("broken", [fails(), {"return": {"source": "model"}}, {"return": None}])
def test_without_generation_the_fixed_fallback_is_served(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """The caller always gets an answer, and it says where help is to be had."""
    name = f"generate-{request.node.callspec.id}"
    got = walk(name, scenario(Generate=[broken]))

    assert got.body["reply"] == {"text": WORDS.fallback, "kind": "fallback"}
    assert got.body["crisis"] == {"level": 0, "resources": [HELP_LINE]}
    assert got.body["quality"] == {"score": None, "attempts": 2}
    assert theatre.stage.roles(name).count("Generate") == 2
    assert recorded(theatre, name)["draft"] is None


def test_without_generation_a_crisis_gets_vetted_words(walk: Walker) -> None:
    """The screen's own words are always there."""
    got = walk("crisis-generate", scenario(CrisisScreen=answers(screened("crisis", 2)), Generate=DOWN))

    assert got.body["reply"] == {"text": "Vetted words for crisis.", "kind": "crisis"}
    assert got.body["crisis"]["resources"] == [HELP_LINE]


def test_a_draft_without_text_is_not_waited_for_twice(theatre: Theatre, walk: Walker) -> None:
    """Every provider was tried: a person in a crisis gets the vetted words now."""
    nothing = drafted("", source="none", reserve_text="")
    got = walk("empty", scenario(CrisisScreen=answers(screened("crisis", 3)), Generate=answers(nothing)))

    assert got.body["reply"]["text"] == "Vetted words for crisis."
    assert theatre.stage.roles("empty").count("Generate") == 1
    assert "Validate" not in theatre.stage.roles("empty")


@pytest.mark.parametrize(
    "broken",
    [
        fails(),
        {"return": {"acceptable": True, "text": ""}},
        {"return": {"text": "A generated reply.", "score": 1}},
        {"return": {"acceptable": "yes", "text": "A generated reply."}},
    ],
    ids=["raises", "no-text", "no-verdict", "odd-verdict"],
)
def test_generated_text_is_not_served_unvalidated(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """No verdict is not a good verdict."""
    name = f"validate-{request.node.callspec.id}"
    got = walk(name, scenario(Validate=[broken]))

    assert got.body["reply"] == {"text": "Words of the composer.", "kind": "fallback"}
    assert got.body["variants"] == {}
    assert recorded(theatre, name)["degraded"] == ["validate"]


def test_in_a_crisis_generated_text_is_not_served_unvalidated(walk: Walker) -> None:
    """Least of all there."""
    got = walk("crisis-validate", scenario(CrisisScreen=answers(screened("crisis", 2)), Validate=DOWN))

    assert got.body["reply"] == {"text": "Vetted words for crisis.", "kind": "crisis"}


def test_a_reply_that_is_not_good_enough_is_written_again(theatre: Theatre, walk: Walker) -> None:
    """The second attempt is told what was wrong, and the person pays for both in usage."""
    got = walk(
        "regenerate",
        scenario(
            Generate=answers(drafted("Meh."), drafted("Better.", attempt=2)),
            Validate=answers(validated("Meh.", acceptable=False), validated("Better.")),
        ),
    )

    assert got.body["reply"] == {"text": "Better.", "kind": "answer"}
    assert got.body["quality"] == {"score": 0.9, "attempts": 2}
    assert (got.body["usage"]["tokens_input"], got.body["usage"]["cost_usd"]) == (200, 0.5)
    second = theatre.stage.events("regenerate", "Generate")[1]
    assert (second["attempt"], second["previous_failures"]) == (2, ["too_short", "mirrors"])
    assert recorded(theatre, "regenerate")["draft"]["usage"]["tokens_input"] == 200


def test_a_single_failure_stays_a_list(theatre: Theatre, walk: Walker) -> None:
    """JSONata likes to unwrap lists of one; the function on the other side does not."""
    bad = validated("Meh.", acceptable=False, failures=["too_short"], degraded=[])
    walk("single", scenario(Capture=accepted(degraded=["limits"]), Validate=answers(bad, validated())))

    assert theatre.stage.events("single", "Generate")[1]["previous_failures"] == ["too_short"]
    assert recorded(theatre, "single")["degraded"] == ["limits"]


@pytest.mark.parametrize(
    ("reserve", "text", "help_lines"),
    [("Words of the composer.", "Words of the composer.", []), ("", WORDS.fallback, [HELP_LINE])],
    ids=["reserve", "no-reserve"],
)
def test_after_two_bad_drafts_vetted_words_are_served(
    theatre: Theatre, walk: Walker, reserve: str, text: str, help_lines: list[Any]
) -> None:
    """Two attempts and no more: a person waits."""
    name = f"twice-{bool(reserve)}"
    bad = validated("Meh.", acceptable=False)
    got = walk(name, scenario(Generate=answers(drafted("Meh.", reserve_text=reserve)), Validate=answers(bad)))

    assert got.body["reply"] == {"text": text, "kind": "fallback"}
    assert got.body["crisis"]["resources"] == help_lines
    assert (got.body["quality"], got.body["usage"]["tokens_output"]) == ({"score": None, "attempts": 2}, 20)
    assert theatre.stage.roles(name).count("Generate") == 2


def test_there_is_no_second_attempt_without_time(theatre: Theatre) -> None:
    """A better reply that comes too late is no reply."""
    late = theatre.machine("late", {"< 13000": "< 1"})
    got = theatre.walk(late, "late", scenario(Validate=answers(validated(acceptable=False))))

    assert got.body["reply"]["text"] == "Words of the composer."
    assert theatre.stage.roles("late").count("Generate") == 1


def test_a_slow_generation_is_given_up_in_time(theatre: Theatre) -> None:
    """The ceiling holds even when a function ignores its deadline."""
    slow = theatre.machine("slow", {"$min([9, $floor(17 -": "$min([1, $floor(17 -"})
    before = time.monotonic()
    got = theatre.walk(slow, "slow", scenario(Generate=[{"sleep": 20, "return": drafted()}]))

    assert got.body["reply"]["text"] == WORDS.fallback
    assert time.monotonic() - before < 8


def test_the_winners_answer_is_given(walk: Walker) -> None:
    """Same key, one reply: when another attempt was recorded first, this one's draft is dropped."""
    theirs = {"reply": {"text": "The other attempt's reply.", "kind": "answer"}}
    got = walk("winner", scenario(Feedback=answers({"status_code": 200, "answer": theirs})))

    assert got.body == theirs


@pytest.mark.parametrize("broken", [fails(), {"return": {"status_code": 200, "answer": None}}])
def test_a_turn_that_cannot_be_recorded_is_kept_for_later(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """The person gets the reply, and no turn event is lost."""
    name = f"record-{request.node.callspec.id}"
    theatre.kept_records()
    got = walk(name, scenario(Feedback=[broken]))

    assert got.body["reply"]["text"] == "A generated reply, checked."
    kept = theatre.kept_records()
    assert len(kept) == 1
    assert "MessageAttributes" not in kept[0]
    record = json.loads(kept[0]["Body"])
    assert record == recorded(theatre, name)
    assert "subject-1" not in kept[0]["Body"]


def test_the_person_gets_the_reply_even_if_the_queue_is_down_too(theatre: Theatre) -> None:
    """Losing a record is bad; losing the reply is worse."""
    deaf = theatre.machine("deaf", UnrecordedTurnsQueueUrl=f"{theatre.queue_url}-missing")
    got = theatre.walk(deaf, "deaf", scenario(Feedback=DOWN))

    assert (got.status, got.body["reply"]["text"]) == (200, "A generated reply, checked.")


@pytest.mark.parametrize(
    "broken",
    [
        fails(),
        {"return": captured("what?", turn=turn())},
        {"return": captured("accepted")},
        {"return": captured("replayed")},
        {"return": captured("unrecorded", record={})},
        {"return": None},
    ],
    ids=["raises", "odd-outcome", "no-turn", "no-response", "no-answer", "nothing"],
)
def test_without_capture_the_message_is_screened_and_answered(
    theatre: Theatre, walk: Walker, broken: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Storage is down, the person is not."""
    name = f"capture-{request.node.callspec.id}"
    body = {"message": "  Are you there?  ", "session_id": "22222222-2222-4222-8222-222222222222"}
    got = walk(name, scenario(Capture=[broken]), body)

    assert got.body["reply"]["kind"] == "answer"
    assert got.body["session_id"] == body["session_id"]
    uuid7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(uuid7, got.body["turn_id"])
    milliseconds = int(got.body["turn_id"].replace("-", "")[:12], 16)
    assert abs(milliseconds / 1000 - time.time()) < 30
    record = recorded(theatre, name)
    assert record["degraded"] == ["capture"]
    assert record["turn"]["message"] == "Are you there?"
    assert record["turn"]["user_id_hash"] == ""
    assert len(record["turn"]["claim_key"]) == 64
    assert record["turn"]["session_id"] != body["session_id"]
    assert theatre.stage.events(name, "CrisisScreen")[0]["message"] == "Are you there?"
    assert theatre.stage.events(name, "Generate")[0]["variants"] == {}
    assert got.body["client_variants"] == {}


def test_without_capture_and_screen_a_red_flag_is_still_seen(walk: Walker) -> None:
    """The worst day: only the state machine itself is up."""
    got = walk(
        "worst", scenario(Capture=DOWN, CrisisScreen=DOWN, Intent=DOWN, Feedback=DOWN), {"message": RED_FLAG}
    )

    assert got.body["reply"] == {"text": WORDS.red_flag, "kind": "crisis"}


def test_with_every_function_down_there_is_an_answer(walk: Walker) -> None:
    """The caller always gets an answer."""
    got = walk("everything", dict.fromkeys(scenario(), DOWN))

    assert (got.status, got.body["reply"]) == (200, {"text": WORDS.fallback, "kind": "fallback"})
    assert got.body["crisis"]["resources"] == [HELP_LINE]
    assert got.body["turn_class"] == "TC4"


@pytest.mark.parametrize(
    "message",
    [None, "", "   ", 7, ["x"], "x" * 4001],
    ids=["null", "empty", "blank", "number", "list", "long"],
)
def test_without_capture_what_is_no_message_is_refused(
    theatre: Theatre, walk: Walker, message: Any, request: pytest.FixtureRequest
) -> None:
    """Capture validates; without it nothing but a message may reach the other functions."""
    name = f"no-message-{request.node.callspec.id}"
    got = walk(name, scenario(Capture=DOWN), {"message": message})

    assert got.status == 400
    is_problem(got, "invalid-request")
    assert theatre.stage.roles(name) == ["Capture"]


@pytest.mark.parametrize("error", SERVICE_ERRORS)
def test_a_service_error_is_retried_where_it_happens(theatre: Theatre, walk: Walker, error: str) -> None:
    """Lambda's own hiccups must not degrade a turn."""
    once = [fails(error)]
    got = walk(
        f"retry-{error}",
        scenario(
            Capture=[*once, *answers(captured(turn=turn()))],
            CrisisScreen=[*once, *answers(screened())],
            Intent=[*once, *answers(understood())],
            Validate=[*once, *answers(validated())],
            Feedback=[*once, {"echo": True}],
        ),
    )

    assert got.body["reply"]["kind"] == "answer"
    assert recorded(theatre, f"retry-{error}")["degraded"] == []


def test_an_object_is_taken_for_a_body_too(theatre: Theatre, machine: str) -> None:
    """The API sends the body as text; whoever starts the machine by hand may send it as it is."""
    theatre.stage.add("object", scenario())
    run = theatre.emulator.run(
        machine,
        {
            "body": {"message": "Hello.", "locale": "object"},
            "subject": "subject-1",
            "token_use": "id",
            "idempotency_key": "",
            "request_id": "request-1",
        },
    )

    assert run["output"]["status_code"] == 200


def test_a_body_cannot_speak_for_somebody_else(theatre: Theatre, machine: str) -> None:
    """A body that closes its object and goes on must not become part of the input beside it."""
    run = theatre.emulator.run(
        machine,
        {
            "body": '{"message": "Hello."}, "subject": "somebody else"',
            "subject": "subject-1",
            "token_use": "id",
            "idempotency_key": "",
            "request_id": "request-1",
        },
    )

    assert run["status"] == "FAILED"


def test_every_state_has_been_walked(theatre: Theatre) -> None:
    """A state that no walk enters is a state that nobody has seen work. Runs last in this file."""
    # A branch's states leave no events: the functions' calls and the degraded results show that they ran.
    assert set(raw_turn()["States"]) == theatre.walked
