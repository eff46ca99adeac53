"""Six Lambda functions that follow a script, so that a walk through the workflow can go wherever it is sent.

One source for all roles. The scenario's name travels in the turn's ``locale``; what each role answers in
which scenario is a file that all of them read. Each call is appended to a log, which is what tests look at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.statemachines.definitions import HELP_LINE

ROLES = ("Capture", "CrisisScreen", "Intent", "Generate", "Validate", "Feedback")

SOURCE = """
import json, os, time

ROLE = os.environ["ROLE"]


def handler(event, context):
    turn = event.get("record", {}).get("turn") or {}
    name = event.get("locale") or turn.get("locale") or event["body"].get("locale")
    with open(os.environ["CALLS"], "a") as log:
        log.write(json.dumps({"role": ROLE, "scenario": name, "event": event}) + "\\n")
    with open(os.environ["CALLS"]) as log:
        calls = [json.loads(line) for line in log]
    number = sum(call["role"] == ROLE and call["scenario"] == name for call in calls)
    with open(os.environ["SCRIPT"]) as script:
        steps = json.load(script)[name][ROLE]
    step = steps[min(number, len(steps)) - 1]
    time.sleep(step.get("sleep", 0))
    if "raise" in step:
        raise type(step["raise"], (Exception,), {})("scripted")
    if "echo" in step:
        return {"status_code": 200, "answer": event["record"]["answer"]}
    return step["return"]
"""

Step = Mapping[str, Any]


def answers(*values: Any) -> list[Step]:
    """Return these values, one a call; the last one is repeated."""
    return [{"return": value} for value in values]


def fails(name: str = "ValueError") -> Step:
    """Raise an exception of this name."""
    return {"raise": name}


ECHO: list[Step] = [{"echo": True}]
DOWN: list[Step] = [fails()]


def turn(**changes: Any) -> dict[str, Any]:
    """A turn as capture gives it out."""
    return {
        "turn_id": "019aa7c0-0000-7000-8000-000000000001",
        "session_id": "11111111-1111-4111-8111-111111111111",
        "user_id_hash": "hash",
        "claim_key": "claim",
        "received_at": "2026-11-21T10:00:00+00:00",
        "message": "I had a long day.",
        "locale": "overwritten by the scenario",
        "client": {"page_path": "/", "device_class": "mobile", "browser": "other", "network_ms": 3},
        "history": [{"role": "user", "text": "earlier words"}],
        "posture": {
            "active": False, "level": 0, "peak": 0, "calm_turns": 0, "check_in_due": False, "version": 1,
        },
        "session": {"turn_count": 1, "last_kind": None, "used_reply_ids": ["r1"]},
        "disclosure": {"text": "An AI.", "reason": "interval"},
        "variants": {"SYSTEM_PROMPT": {"variant_id": "experiment", "config": {}}},
        "production": {"SYSTEM_PROMPT": {"variant_id": "production", "config": {}}},
        "client_variants": {"MANDALA_FACE": {"variant_id": "experiment", "config": {"face": "none"}}},
        "client_production": {"MANDALA_FACE": {"variant_id": "production", "config": {"face": "mandala"}}},
        "assignment_version": 1,
        "limited": False,
        "limit": {"reason": "", "retry_after_seconds": 0},
        "blocked": False,
        "block": {"rule_id": "", "reply_text": ""},
        "reserved_tokens": 0,
        "degraded": [],
        "timings": {"db_read_ms": 1, "db_write_ms": 2, "guardrail_ms": 0, "variant_ms": 1},
        **changes,
    }  # fmt: skip


def captured(outcome: str = "accepted", **changes: Any) -> dict[str, Any]:
    """Capture's output."""
    return {
        "outcome": outcome,
        "response": None,
        "claim_key": "claim",
        "record": None,
        "turn": None,
        **changes,
    }


def screened(path: str = "clear", level: int = 0, **changes: Any) -> dict[str, Any]:
    """The screen's output."""
    clear = path == "clear"
    return {
        "path": path,
        "level": level,
        "screened_level": level,
        "rule_ids": [],
        "safe_exit": False,
        "resources": [] if clear else [HELP_LINE],
        "vetted_reply": None
        if clear
        else {"reply_id": f"vetted.{path}", "text": f"Vetted words for {path}."},
        "degraded": [],
        "screen_ms": 1,
        **changes,
    }


def understood(path: str = "generate", **changes: Any) -> dict[str, Any]:
    """Intent's output."""
    reply = None if path == "generate" else {"reply_id": f"{path}.1", "text": f"Words for {path}."}
    return {
        "path": path,
        "intent": "sharing",
        "confidence": 0.8,
        "turn_class": "TC4",
        "reply": reply,
        "degraded": [],
        "intent_ms": 1,
        **changes,
    }


def drafted(text: str = "A generated reply.", **changes: Any) -> dict[str, Any]:
    """Generate's output."""
    return {
        "text": text,
        "source": "model",
        "model_id": "model-1",
        "provider": "fake",
        "prompt_id": "tc4",
        "prompt_sha": "sha",
        "usage": {
            "tokens_input": 100,
            "tokens_output": 10,
            "tokens_cache_read": 5,
            "tokens_cache_write": 1,
            "cost_usd": 0.25,
        },
        "latency": {"llm_ttft_ms": 1, "llm_complete_ms": 2},
        "attempt": 1,
        "finish_reason": "stop",
        "fallback_used": False,
        "reserve_text": "Words of the composer.",
        "exposures": {"SYSTEM_PROMPT": "experiment"},
        "degraded": [],
        "error_class": None,
        "retry_count": 0,
        **changes,
    }


def validated(
    text: str = "A generated reply, checked.", *, acceptable: bool = True, **changes: Any
) -> dict[str, Any]:
    """Validate's output."""
    return {
        "acceptable": acceptable,
        "text": text,
        "score": 0.9 if acceptable else 0.2,
        "parts": {"length": 1},
        "failures": [] if acceptable else ["too_short", "mirrors"],
        "guard": {"triggered": False, "rule_ids": []},
        "guardrail_ms": 1,
        **changes,
    }


def scenario(**roles: Sequence[Step]) -> dict[str, list[Step]]:
    """What each role does; the happy path where nothing is said."""
    happy: dict[str, Sequence[Step]] = {
        "Capture": answers(captured(turn=turn())),
        "CrisisScreen": answers(screened()),
        "Intent": answers(understood()),
        "Generate": answers(drafted()),
        "Validate": answers(validated()),
        "Feedback": ECHO,
    }
    return {role: list(steps) for role, steps in {**happy, **roles}.items()}


@dataclass
class Stage:
    """The script and the log of calls of one emulator."""

    script: Path
    calls: Path
    scenarios: dict[str, dict[str, list[Step]]] = field(default_factory=dict)

    def add(self, name: str, roles: Mapping[str, Sequence[Step]]) -> None:
        """Make a scenario known to the functions; the turns of its script carry its name."""
        self.scenarios[name] = json.loads(
            json.dumps(roles).replace('"overwritten by the scenario"', json.dumps(name))
        )
        self.script.write_text(json.dumps(self.scenarios), encoding="utf-8")

    def events(self, name: str, role: str) -> list[dict[str, Any]]:
        """What a role was called with in a scenario, in order."""
        calls = [json.loads(line) for line in self.calls.read_text(encoding="utf-8").splitlines()]
        return [call["event"] for call in calls if (call["role"], call["scenario"]) == (role, name)]

    def roles(self, name: str) -> list[str]:
        """Which roles were called in a scenario, in order."""
        calls = [json.loads(line) for line in self.calls.read_text(encoding="utf-8").splitlines()]
        return [call["role"] for call in calls if call["scenario"] == name]
