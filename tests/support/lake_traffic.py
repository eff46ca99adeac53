"""Turns and feedback as the lake gets them, for tests: one by one, or many with everything that happens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from silent_infinity.domain.ids import uuid7
from silent_infinity.domain.turn import ModelCall, ScreenModelCall
from silent_infinity.domain.turn_event import TurnEvent
from tests.support.lake_reference import Arrived

Row = dict[str, Any]
MODELS = ("claude-sonnet-4-6", "claude-haiku-4-5")
_NUMBERS = count(1)


def call(**changes: Any) -> Row:
    """Return one call of a model that went well."""
    usual = _plain(
        ModelCall,
        turn_class="TC4",
        model_asked=MODELS[0],
        model_answered=MODELS[0],
        provider="bedrock",
        tokens_input=900,
        tokens_output=120,
        cost_usd=0.0045,
        ttft_ms=310,
        total_ms=1800,
        outcome="ok",
    )
    return {**usual, **changes}


def screen(**changes: Any) -> Row:
    """Return the screen's call of its model; without changes there was none."""
    return _plain(ScreenModelCall, **changes)


def turn(at: str, **changes: Any) -> Row:
    """Return the event of a turn that was received at `at` (`2026-11-20T10:00`, UTC), with some changes."""
    received = datetime.fromisoformat(at).replace(tzinfo=UTC)
    latency = {
        "total_ms": 2400,
        "stt_ms": None,
        "llm_ttft_ms": 310,
        "llm_complete_ms": 1800,
        "tts_ms": None,
        "network_ms": 40,
        "guardrail_ms": 3,
        "db_read_ms": 9,
        "db_write_ms": 14,
        "screen_ms": 2,
        "intent_ms": 1,
    }
    number = next(_NUMBERS)
    event: Row = {
        **{one.name: None for one in fields(TurnEvent)},
        "schema_version": 1,
        "turn_id": uuid7(int(received.timestamp() * 1000), number.to_bytes(10, "big")),
        "user_id_hash": "user-1",
        "session_id": "session-1",
        "conversation_id": "session-1",
        "timestamp": received.isoformat(),
        "recorded_at": (received + timedelta(seconds=3)).isoformat(),
        "turn_number": number,
        "active_variants": {"LLM_MODEL": MODELS[0], "CRISIS_DETECTOR_MODEL": "haiku-screen"},
        "exposures": {"LLM_MODEL": MODELS[0]},
        "latency_ms": latency,
        "tokens_input": 900,
        "tokens_output": 120,
        "tokens_cache_read": 0,
        "tokens_cache_write": 0,
        "cost_usd": 0.0045,
        "model_id": MODELS[0],
        "provider": "bedrock",
        "crisis_flag_level": 0,
        "screened_level": 0,
        "screen_model": screen(),
        "screen_rule_ids": [],
        "guardrail_triggered": False,
        "guardrail_rule_ids": [],
        "turn_class": "TC4",
        "intent": "reflect",
        "entity_types": [],
        "reply_kind": "answer",
        "quality_score": 0.8,
        "quality_parts": {"length": 1.0},
        "quality_failures": [],
        "attempts": 1,
        "fallback_used": False,
        "degraded": [],
        "finish_reason": "stop",
        "model_calls": [call()],
        "budget_level": "",
        "assignment_version": 1,
    }
    changed = {**event, **{name: value for name, value in changes.items() if name != "latency"}}
    changed["latency_ms"] = changed["latency_ms"] and {**changed["latency_ms"], **changes.get("latency", {})}
    return changed


def feedback(at: str, turn_id: str | None = None, **changes: Any) -> Row:
    """Return the event of feedback that was given at `at`."""
    number = next(_NUMBERS)
    created = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return {
        "schema_version": 1,
        "feedback_id": uuid7(int(created.timestamp() * 1000), number.to_bytes(10, "big")),
        "turn_id": turn_id,
        "session_id": "session-1",
        "user_id_hash": "user-1",
        "created_at": created.isoformat(),
        "rating": None,
        "nps": None,
        "rating_variant_id": None,
        **changes,
    }


@dataclass(frozen=True)
class Traffic:
    """A month in small: `turns` in sessions of users over `days`, with all that goes wrong on the way."""

    seed: int
    turns: int
    first: date
    days: int

    def events(self) -> tuple[list[Row], list[Row]]:
        """Return (turn events, feedback), each once, in the order of their making."""
        random = Random(self.seed)
        made: list[Row] = []
        said: list[Row] = []
        while len(made) < self.turns:
            self._session(random, made, said)
        return made[: self.turns], said

    def _session(self, random: Random, made: list[Row], said: list[Row]) -> None:
        user = f"user-{random.randrange(max(2, self.turns // 30))}" if random.random() < 0.98 else ""
        session = f"session-{len(made)}"
        at = datetime.combine(self.first, datetime.min.time()) + timedelta(
            seconds=random.random() * self.days * 86_400
        )
        arm = random.random() < 0.3
        layout = random.choice(("plain", "calm"))
        for _ in range(random.randint(1, 9)):
            if random.random() < 0.02:
                arm = not arm
            event = turn(at.isoformat(), **self._turn(random, user, session, arm, layout))
            made.append(event)
            if random.random() < 0.2:
                for _ in range(random.choice((1, 1, 1, 2, 3))):
                    given = at + timedelta(seconds=random.choice((20, 400, 90_000, 900_000)))
                    said.append(
                        feedback(
                            given.isoformat(),
                            random.choice((event["turn_id"],) * 9 + ("no-such-turn",)),
                            session_id=session,
                            user_id_hash=user,
                            rating=random.choice((1, 2, 3, 4, 4.5, 5)),
                            rating_variant_id=random.choice((None, "thumbs", "stars")),
                        )
                    )
            if random.random() < 0.03:
                said.append(
                    feedback(
                        at.isoformat(),
                        session_id=session,
                        user_id_hash=user,
                        nps=random.randint(0, 10),
                        rating_variant_id=random.choice((None, "thumbs")),
                    )
                )
            at += timedelta(
                seconds=random.choice((30, 300, 7_000, 40_000)), microseconds=random.randrange(10**6)
            )

    def _turn(self, random: Random, user: str, session: str, arm: bool, layout: str) -> Row:
        crisis = random.random() < 0.03
        asked = random.random() < 0.3
        small = random.random() < 0.3
        exposures = {
            ("SMALL_TALK_MODEL" if small else "LLM_MODEL"): MODELS[1] if arm else MODELS[0],
            "SYSTEM_PROMPT": "companion",
            "CATEGORY_OF_TOMORROW": random.choice(("a", "b")),
        }
        if random.random() < 0.8:
            exposures["CHAT_UI_LAYOUT"] = layout
        calls = [
            {
                **call(),
                "turn_class": random.choice(("TC3", "TC4", "TC5", "TC9")),
                "model_answered": random.choice((*MODELS, "")),
                "cost_usd": random.random() / 100,
            }
            for _ in range(random.choice((0, 1, 1, 1, 2)))
        ]
        level = random.choice((None, 0, 1))
        return {
            "user_id_hash": user,
            "session_id": session,
            "exposures": {"CRISIS_FLOW_MODEL": "sonnet-crisis"} if crisis else exposures,
            "crisis_flag_level": random.choice((2, 3, 4)) if crisis else random.choice((0, 0, 0, 1)),
            "latency": {
                "total_ms": int(random.lognormvariate(7.5, 0.7)),
                "llm_ttft_ms": int(random.lognormvariate(6, 0.5)) if random.random() < 0.8 else 0,
            },
            "tokens_input": random.randrange(3000),
            "tokens_output": random.randrange(400),
            "cost_usd": random.random() / 50,
            "quality_score": random.random() if random.random() < 0.8 else None,
            "attempts": random.choice((0, 1, 1, 1, 2)),
            "fallback_used": random.random() < 0.05,
            "degraded": random.choice(([], [], [], [], ["model"], ["screen"], ["history", "screen"])),
            "guardrail_triggered": random.random() < 0.05,
            "quality_failures": random.choice(([],) * 9 + (["length.too_long"],)),
            "finish_reason": random.choice(("stop",) * 9 + ("length",)),
            "budget_level": random.choice(("",) * 9 + ("reduced",)),
            "error_class": random.choice((None,) * 9 + ("ModelTimeoutError",)),
            "intent": random.choice(("reflect", "question", "greeting", None)),
            "screen_model": {
                **screen(),
                "model_id": MODELS[1],
                "provider": "bedrock",
                "cost_usd": random.random() / 1000,
                "level": level,
                "error": None if level is not None else random.choice(("model_screen:schema", "timeout")),
            }
            if asked
            else screen(),
            "model_calls": calls,
        }

    def arrived(self, *, late: float = 0.05, copies: float = 0.1) -> Arrived:
        """Return the arrivals: some days late, some more than once, in no order."""
        random = Random(self.seed + 1)
        events, said = self.events()
        return Arrived(
            _delivered(random, events, "timestamp", late, copies),
            _delivered(random, said, "created_at", late, copies),
        )


def _delivered(
    random: Random, rows: Sequence[Row], moment: str, late: float, copies: float
) -> list[tuple[date, Row]]:
    found = []
    for row in rows:
        day = date.fromisoformat(row[moment][:10])
        for _ in range(random.choice((2, 2, 3)) if random.random() < copies else 1):
            # An object is filed under its oldest record: what came after midnight may lie in the day before.
            delay = (
                random.choice((1, 2, 6, 20)) if random.random() < late else random.choice((0,) * 30 + (-1,))
            )
            midnight = row[moment][11:16] < "00:15"
            found.append((day + timedelta(max(delay, 0) if not midnight else delay), row))
    random.shuffle(found)
    return found


def _plain(cls: Any, **changes: Any) -> Row:
    return {one.name: changes.get(one.name, one.default) for one in fields(cls)}


def by_arrival(rows: Iterable[tuple[date, Row]]) -> dict[date, list[Row]]:
    """Return rows by their day of arrival."""
    found: dict[date, list[Row]] = {}
    for day, row in rows:
        found.setdefault(day, []).append(row)
    return found
