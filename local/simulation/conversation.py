"""One session: its turns as the record has them, and what the person says of them afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from local.simulation.effects import Planted
from local.simulation.scenario import Scenario
from local.simulation.traffic import Traffic
from silent_infinity.domain.crisis.posture import Posture, advance, effective_level, path
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.exposures import rendered_by_client
from silent_infinity.domain.ids import uuid4, uuid7
from silent_infinity.domain.intent.rules import TURN_CLASS
from silent_infinity.domain.lake.feedback_event import FEEDBACK_SCHEMA_VERSION
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.pricing import cost_usd, price_on
from silent_infinity.domain.turn import AssignedVariant, Usage
from silent_infinity.domain.turn_classes import model_for, turn_classes
from silent_infinity.domain.turn_event import SCHEMA_VERSION
from silent_infinity.domain.variants import ASSIGNMENT_VERSION, compile_plan

PROVIDER = "bedrock"
PERSONA = "SYSTEM_PROMPT"
RATING = "RATING_VARIANT"
DAY_SECONDS = 86_400
SURELY_LIGHT = "small_talk"
SURELY_HEARD = "sharing"
COMPOSED = "composer"
NO_MODEL = "none"
NEGATIVE = frozenset({"sharing", "venting"})

Event = dict[str, Any]
"""A turn event, or a feedback event, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comes and goes, under one pseudonym (`user_id_hash`) and from one device."""

    user_id_hash: str
    device: str
    browser: str
    locale: str
    referrer: str


@dataclass(frozen=True, slots=True)
class Session:
    """What one session left behind. `in_force` is what it was assigned (category to variant)."""

    session_id: str
    person: Person
    events: list[Event]
    feedback: list[Event]
    in_force: Mapping[str, str]


@dataclass(slots=True)
class _Model:
    """What a generation is served by, and what it costs."""

    model_id: str
    family: str
    exposes: dict[str, str]
    prompt_id: str
    fallback: str
    price: Any
    factor: float
    cacheable: bool
    most_tokens: int


@dataclass(slots=True)
class _Talk:
    """A session while it goes on."""

    random: Random
    person: Person
    session_id: str
    assigned: dict[str, AssignedVariant]
    in_force: dict[str, str]
    reports: bool
    second: int
    micro: int
    number: int = 0
    posture: Posture = Posture()
    referrals: int = 0
    paid: bool = False


class Conversations:
    """Writes sessions of a scenario."""

    def __init__(self, scenario: Scenario, traffic: Traffic) -> None:
        self._scenario = scenario
        self._traffic = traffic
        self._planted = Planted(scenario.effects)
        self._plan = compile_plan(scenario.variants)
        self._production = self._plan.production()
        self._safe = {name: variant.variant_id for name, variant in self._production.items()}
        self._day = scenario.until.isoformat()
        self._models: dict[tuple[str, str, str], _Model] = {}
        self._in_four = 1 - sum(traffic.rating.values.count(v) for v in (4, 5)) / len(traffic.rating.values)
        self._below_five = 1 - traffic.rating.values.count(5) / len(traffic.rating.values)
        self._above_one = 1 - traffic.rating.values.count(1) / len(traffic.rating.values)

    def session(self, random: Random, person: Person, second: int, *, returning: bool) -> Session:
        """Write a session that begins at `second` (whole seconds since 1970, UTC)."""
        session_id = uuid4(random.randbytes(16))
        assigned = self._plan.assign(session_id=session_id, user_id=person.user_id_hash, returning=returning)
        talk = _Talk(
            random=random,
            person=person,
            session_id=session_id,
            assigned=assigned,
            in_force={name: variant.variant_id for name, variant in assigned.items()},
            reports=random.random() < self._traffic.share["reporting_clients"],
            second=second,
            # The whole session has one fraction of a second: who moves it moves no turn into another day.
            micro=random.randrange(1, 1_000_000),
        )
        events = self._turns(talk)
        feedback = self._feedback(talk, events)
        return Session(session_id, person, events, feedback, talk.in_force)

    def returns(self, random: Random, in_force: Mapping[str, str]) -> int | None:
        """Return after how many days the person comes back; None if that is not within a week."""
        chance = self._traffic.share["return_share"] + self._planted.added("return_7d", in_force)
        return self._traffic.return_after_days(random) if random.random() < chance else None

    def _turns(self, talk: _Talk) -> list[Event]:
        traffic, random = self._traffic, talk.random
        events: list[Event] = []
        exposed: dict[str, str] = {}
        while True:
            event = self._turn(talk, "")
            events.append(event)
            first_met = self._first_met(event, exposed) if self._planted else {}
            chance = traffic.continue_first if talk.number == 1 else traffic.continue_later
            chance += self._planted.added("completion", first_met)
            if random.random() >= chance or talk.number >= traffic.most_turns:
                break
            talk.second += traffic.pause_seconds(random)
        for effect in self._planted.on("turns"):
            if exposed.get(effect.category) == effect.variant_id and not talk.posture.active:
                intent = SURELY_LIGHT if effect.category == "SMALL_TALK_MODEL" else SURELY_HEARD
                for _ in range(int(effect.size) + (random.random() < effect.size % 1)):
                    talk.second += traffic.pause_seconds(random)
                    events.append(self._turn(talk, intent))
        return events

    @staticmethod
    def _first_met(event: Event, exposed: dict[str, str]) -> dict[str, str]:
        """Return what the session is exposed to for the first time, and remember it."""
        if event["crisis_flag_level"] >= RISK_LEVEL or "screen" in event["degraded"]:
            return {}
        new = {name: variant for name, variant in event["exposures"].items() if name not in exposed}
        exposed.update(new)
        return new

    def _turn(self, talk: _Talk, certain: str) -> Event:
        """Write the next turn. `certain` is the intent of one that goes well, whatever the chances are."""
        traffic, planted, random, in_force = self._traffic, self._planted, talk.random, talk.in_force
        chance = random.random
        talk.number += 1
        intent = certain or (traffic.first_intent if talk.number == 1 else traffic.later_intent)(random)
        screened = 0
        if not certain and chance() < traffic.crisis_starts + (
            planted.added("crisis_flag", in_force) if talk.number > 1 else 0.0
        ):
            screened = traffic.crisis_level(random)
        elif chance() < traffic.share["concern_share"]:
            screened = 1
        before = talk.posture
        unscreened = not certain and not before.active and chance() < traffic.share["unscreened"]
        if unscreened:
            screened = 0
        level = effective_level(before, screened)
        safe_exit = before.active and screened < RISK_LEVEL and chance() < traffic.safe_exit
        careful = unscreened or level >= RISK_LEVEL
        event = self._blank(talk, intent, careful=careful)
        if before.active or screened >= RISK_LEVEL:
            talk.posture = advance(before, screened, safe_exit)
        event["screened_level"], event["crisis_flag_level"], event["safe_exit"] = screened, level, safe_exit
        if (
            not certain
            and not unscreened
            and chance() < (traffic.share["degraded"] + planted.added("degraded", in_force))
        ):
            event["degraded"] = ["intent"]
        if unscreened:
            self._unscreened(event)
        elif careful:
            self._crisis(talk, event, path(before, screened, safe_exit))
        else:
            self._screened_by_model(talk, event)
            self._answer(talk, event, certain=bool(certain))
        self._finish(talk, event)
        return event

    def _unscreened(self, event: Event) -> None:
        event.update(
            degraded=["screen"], path="unscreened", reply_kind="fallback", reply_source="unscreened",
            provider=COMPOSED, attempts=1, fallback_used=True, finish_reason="stop",
        )  # fmt: skip

    def _crisis(self, talk: _Talk, event: Event, way: str) -> None:
        """A crisis is answered by production, from vetted words or by the model of its own class."""
        talk.referrals += 1
        country = talk.person.locale[-2:]
        event.update(
            turn_class="TC6", path=way, reply_kind="crisis", reply_source=way, referrals=1,
            session_referrals=talk.referrals, referral_country=country,
            screen_rule_ids=[f"learned.{max(2, event['screened_level'])}"],
        )  # fmt: skip
        if way != "crisis" or talk.random.random() < self._traffic.vetted_share:
            event["reply_id"] = f"crisis-{talk.person.locale[:2]}-{1 + talk.random.randrange(6)}"
            return
        self._generate(talk, event, "TC6", self._production, attempts=1)

    def _screened_by_model(self, talk: _Talk, event: Event) -> None:
        traffic, random = self._traffic, talk.random
        if random.random() >= traffic.screen_asked:
            return
        unparsed = traffic.screen_unparsed - self._planted.added("json_parse", talk.in_force)
        failed = random.random() < unparsed
        model = self._model("TC1", self._production)
        tokens_in, tokens_out = traffic.screen_tokens
        event["screen_model"] = {
            "model_id": model.model_id,
            "provider": PROVIDER,
            "prompt_id": model.prompt_id,
            "tokens_input": tokens_in,
            "tokens_output": tokens_out,
            "tokens_cache_read": 0,
            "tokens_cache_write": 0,
            "cost_usd": cost_usd(Usage(tokens_in, tokens_out), model.price, factor=model.factor),
            "ms": traffic.screen_ms(random),
            "level": None if failed else event["screened_level"],
            "error": "model_screen:schema" if failed else None,
        }
        if failed:
            event["degraded"] = [*event["degraded"], "model_screen"]

    def _answer(self, talk: _Talk, event: Event, *, certain: bool) -> None:
        traffic, planted, random, in_force = self._traffic, self._planted, talk.random, talk.in_force
        chance = random.random
        intent = event["intent"]
        if not certain:
            if chance() < traffic.share["refusal"]:
                rules = ["injection.override"]
                event.update(
                    path="refusal", reply_kind="refusal", reply_source="refusal", guardrail_triggered=True,
                    guardrail_rule_id=rules[0], guardrail_rule_ids=rules,
                )  # fmt: skip
                return
            spread = chance()
            prepared = traffic.template_share.get(intent, 0.0)
            for way, kind, share in (
                ("template", "template", prepared),
                ("clarify", "clarification", traffic.clarify_share.get(intent, 0.0)),
            ):
                if spread < share:
                    event.update(
                        path=way, reply_kind=kind, reply_source=way,
                        reply_id=f"{intent}.{1 + random.randrange(4)}",
                    )  # fmt: skip
                    return
                spread -= share
        again = chance() < traffic.share["regeneration"] + planted.added("regeneration", in_force)
        if not certain and chance() < traffic.share["fallback"] + planted.added("fallback", in_force):
            self._fall_back(talk, event, attempts=1 + again)
            return
        self._generate(talk, event, event["turn_class"], talk.assigned, attempts=1 + again)

    def _fall_back(self, talk: _Talk, event: Event, *, attempts: int) -> None:
        """Nobody answered in time; the composer's words are served, which are an exposure to nothing."""
        model = self._model(event["turn_class"], talk.assigned)
        waited = turn_classes()[event["turn_class"]].budget_ms
        event.update(
            path="generate", reply_kind="fallback", reply_source="generate", provider=COMPOSED,
            attempts=attempts, fallback_used=True, error_class="ModelTimeoutError", retry_count=1,
            degraded=[*event["degraded"], "model"],
            model_calls=[_call(event, model, waited=waited, outcome="timeout")],
        )  # fmt: skip
        event["latency_ms"]["llm_complete_ms"] = waited

    def _generate(
        self,
        talk: _Talk,
        event: Event,
        turn_class: str,
        variants: Mapping[str, AssignedVariant],
        *,
        attempts: int,
    ) -> None:
        traffic, random = self._traffic, talk.random
        model = self._model(turn_class, variants)
        exposures = {**event["exposures"], **model.exposes}
        system = traffic.system_tokens[turn_class] if model.cacheable else 0
        hit = random.random() < traffic.share["cache_hit"]
        fresh = traffic.message_tokens(random) + traffic.history_tokens * min(talk.number - 1, 6)
        if not model.cacheable:
            fresh += traffic.system_tokens[turn_class]
        fresh = self._moved("tokens_input", fresh, exposures)
        latency = event["latency_ms"]
        calls = []
        for attempt in range(attempts):
            wanted = self._moved("tokens_output", traffic.output_tokens[turn_class](random), exposures)
            said = min(model.most_tokens, wanted) if wanted else 1
            first = traffic.first_token_ms[model.family](random)
            if attempt == attempts - 1:
                first = self._moved("latency_first_token_ms", first, exposures)
            usage = Usage(fresh, said, system if hit or attempt else 0, 0 if hit or attempt else system)
            price = cost_usd(usage, model.price, factor=model.factor, cache_ttl="1h")
            whole = first + round(said * traffic.each_token_ms[model.family])
            last = attempt == attempts - 1
            calls.append(_call(event, model, usage=usage, price=price, first=first, waited=whole))
            if last:
                latency["llm_ttft_ms"], latency["llm_complete_ms"] = first, whole
        self._priced(talk, calls, exposures)
        event.update(
            exposures=exposures, reply_kind="crisis" if turn_class == "TC6" else "answer",
            reply_source="crisis" if turn_class == "TC6" else "model", model_id=model.model_id,
            provider=PROVIDER, prompt_id=model.prompt_id, prompt_sha=_sha(model.prompt_id),
            attempts=attempts, finish_reason="stop", model_calls=calls,
            tokens_input=sum(call["tokens_input"] for call in calls),
            tokens_output=sum(call["tokens_output"] for call in calls),
            tokens_cache_read=sum(call["tokens_cache_read"] for call in calls),
            tokens_cache_write=sum(call["tokens_cache_write"] for call in calls),
            cost_usd=round(sum(call["cost_usd"] for call in calls), 9),
        )  # fmt: skip
        quality = traffic.quality(random) + self._planted.added("quality", exposures)
        event["quality_score"] = round(min(max(quality, 0.0), 1.0), 3)
        event["quality_parts"] = {
            "completeness": 1.0, "format": 1.0, "length": event["quality_score"], "repetition": 1.0,
            "tone": 1.0, "language": 1.0,
        }  # fmt: skip
        if attempts > 1:
            event["quality_failures"] = ["quality.length"]
        guard = traffic.share["guard_trigger"] + self._planted.added("guard_trigger", exposures)
        if random.random() < guard:
            rules = ["placeholder.bracket"]
            event.update(
                guardrail_triggered=True, guardrail_rule_id=rules[0], guardrail_rule_ids=rules
            )  # fmt: skip

    def _moved(self, metric: str, value: int, exposures: Mapping[str, str]) -> int:
        """Return the value with the effects on the metric, never below 1."""
        planted = self._planted
        if not planted.on(metric):
            return value
        moved = value * planted.factor(metric, exposures) + planted.added(metric, exposures)
        return max(1, round(moved))

    def _priced(self, talk: _Talk, calls: list[Event], exposures: Mapping[str, str]) -> None:
        """Plant effects on the cost: every call by its factor, and a session's first one by the amount."""
        planted = self._planted
        if not planted.on("cost_usd"):
            return
        factor = planted.factor("cost_usd", exposures)
        for call in calls:
            call["cost_usd"] = round(call["cost_usd"] * factor, 9)
        added = planted.added("cost_usd", exposures)
        if added and not talk.paid:
            calls[-1]["cost_usd"] = round(max(0.0, calls[-1]["cost_usd"] + added), 9)
            talk.paid = True

    def _finish(self, talk: _Talk, event: Event) -> None:
        """Time the turn and write down when it was recorded."""
        latency = event["latency_ms"]
        own = self._traffic.own_ms(talk.random)
        parts = {
            "guardrail_ms": own // 8,
            "db_read_ms": own // 4,
            "db_write_ms": own // 5,
            "screen_ms": own // 6 + event["screen_model"]["ms"],
            "intent_ms": own // 10,
        }
        latency.update(parts)
        waited = sum(call["total_ms"] for call in event["model_calls"])
        total = self._moved(
            "latency_total_ms", own + event["screen_model"]["ms"] + waited, event["exposures"]
        )
        latency["total_ms"] = total
        event["recorded_at"] = _iso(talk.second + (talk.micro + total * 1000) // 1_000_000,
                                    (talk.micro + total * 1000) % 1_000_000)  # fmt: skip

    def _model(self, turn_class: str, variants: Mapping[str, AssignedVariant]) -> _Model:
        """Return what serves the class under these variants; computed once for each pair of arms."""
        rules = turn_classes()[turn_class]
        chosen, persona = variants.get(rules.category), variants.get(PERSONA)
        key = (turn_class, chosen.variant_id if chosen else "", persona.variant_id if persona else "")
        if key not in self._models:
            choice = model_for(turn_class, variants)
            model = catalogue().find(choice.model_id)
            if model is None:
                raise ValueError(f"{choice.model_id} is not in the catalogue")
            exposes = {}
            if rules.persona is None and persona is not None and turn_class != "TC1":
                exposes[PERSONA] = persona.variant_id
            if choice.exposed_category and chosen is not None:
                exposes[choice.exposed_category] = chosen.variant_id
            prompt = rules.prompt
            shared = rules.persona.template_id if rules.persona else "system"
            self._models[key] = _Model(
                model_id=model.id,
                family=model.family if model.family in self._traffic.first_token_ms else "other",
                exposes=exposes,
                prompt_id=f"{prompt.template_id}/v{prompt.version}+{shared}" if prompt else "",
                fallback=choice.fallback_models[0] if choice.fallback_models else "",
                price=price_on(model.prices, self._day),
                factor=model.price_factor(PROVIDER),
                cacheable=bool(choice.cache_ttls[0]) and bool(model.cache_ttls),
                most_tokens=choice.max_tokens,
            )
        return self._models[key]

    def _blank(self, talk: _Talk, intent: str, *, careful: bool) -> Event:
        """Return a turn that nobody has answered yet, in the order of the event's fields."""
        person, traffic, random = talk.person, self._traffic, talk.random
        reported = talk.reports and talk.number > 1 and not careful
        return {
            "schema_version": SCHEMA_VERSION,
            "turn_id": uuid7(talk.second * 1000 + talk.micro // 1000, random.randbytes(10)),
            "user_id_hash": person.user_id_hash,
            "conversation_id": talk.session_id,
            "session_id": talk.session_id,
            "timestamp": _iso(talk.second, talk.micro),
            "recorded_at": "",
            "turn_number": talk.number,
            "active_variants": self._safe if careful else talk.in_force,
            "exposures": {name: talk.in_force[name] for name in _client(tuple(talk.in_force))}
            if reported
            else {},
            "latency_ms": {
                "total_ms": 0, "stt_ms": None, "llm_ttft_ms": 0, "llm_complete_ms": 0, "tts_ms": None,
                "network_ms": traffic.network_ms(random), "guardrail_ms": 0, "db_read_ms": 0,
                "db_write_ms": 0, "screen_ms": 0, "intent_ms": 0,
            },
            "tokens_input": 0,
            "tokens_output": 0,
            "tokens_cache_read": 0,
            "tokens_cache_write": 0,
            "cost_usd": 0.0,
            "model_id": NO_MODEL,
            "provider": "",
            "prompt_id": "",
            "prompt_sha": "",
            "voice_id": None,
            "page_url": traffic.page(random),
            "referrer_class": person.referrer,
            "device_class": person.device,
            "browser": person.browser,
            "region": self._scenario.region,
            "locale": person.locale,
            "environment": self._scenario.environment,
            "crisis_flag_level": 0,
            "screened_level": 0,
            "screen_rule_ids": [],
            "screen_model": {
                "model_id": "", "provider": "", "prompt_id": "", "tokens_input": 0, "tokens_output": 0,
                "tokens_cache_read": 0, "tokens_cache_write": 0, "cost_usd": 0.0, "ms": 0, "level": None,
                "error": None,
            },
            "safe_exit": False,
            "referrals": 0,
            "session_referrals": talk.referrals,
            "referral_country": None,
            "disclosure": "start" if talk.number == 1 else None,
            "guardrail_triggered": False,
            "guardrail_rule_id": None,
            "guardrail_rule_ids": [],
            "rating": None,
            "rating_variant_id": None,
            "feedback_text": None,
            "error_class": None,
            "error_message": None,
            "retry_count": 0,
            "turn_class": TURN_CLASS[intent],
            "intent": intent,
            "intent_confidence": round(0.6 + 0.4 * random.random(), 2),
            "sentiment": "negative" if intent in NEGATIVE else "neutral",
            "sentiment_score": -0.5 if intent in NEGATIVE else 0.0,
            "entity_types": ["event"] if intent in NEGATIVE else [],
            "path": "generate",
            "reply_kind": "",
            "reply_source": "",
            "reply_id": None,
            "quality_score": None,
            "quality_parts": {},
            "quality_failures": [],
            "attempts": 0,
            "fallback_used": False,
            "degraded": [],
            "finish_reason": "",
            "model_calls": [],
            "budget_level": "",
            "assignment_version": ASSIGNMENT_VERSION,
        }  # fmt: skip

    def _feedback(self, talk: _Talk, events: list[Event]) -> list[Event]:
        traffic, random = self._traffic, talk.random
        found = []
        for event in events:
            if event["crisis_flag_level"] >= RISK_LEVEL or random.random() >= traffic.rating_share:
                continue
            second = self._after(talk, event)
            found.append(self._rating(talk, event, second))
            if random.random() < traffic.rating_again:
                found.append(self._rating(talk, event, second + 60 + random.randrange(3600)))
        if random.random() < traffic.nps_share:
            second = talk.second + traffic.rating_delay_seconds(random)
            found.append(self._said(talk, second, nps=traffic.nps(random)))
        return found

    def _after(self, talk: _Talk, event: Event) -> int:
        """Return when the person rates the turn: soon, or now and then days later."""
        traffic, random = self._traffic, talk.random
        turn = int(event["turn_id"].replace("-", "")[:12], 16) // 1000
        second = turn + traffic.rating_delay_seconds(random)
        if random.random() < traffic.rating_late_share:
            second += DAY_SECONDS * (1 + random.randrange(traffic.rating_late_days))
        return second

    def _rating(self, talk: _Talk, event: Event, second: int) -> Event:
        random, exposures = talk.random, event["exposures"]
        rating = self._traffic.rating(random)
        satisfied = self._planted.added("satisfaction", exposures)
        if satisfied > 0 and rating < 4 and random.random() < satisfied / self._in_four:
            rating = 4
        elif satisfied < 0 and rating >= 4 and random.random() < -satisfied / (1 - self._in_four):
            rating = 3
        moved = self._planted.added("rating", exposures)
        # One step for some: whole steps for all would be too coarse, and the ends of the scale would swallow
        # a part of them. Those who can move do so often enough that the mean is off by the effect.
        if moved > 0 and rating < 5:
            rating += int(random.random() < moved / self._below_five)
        elif moved < 0 and rating > 1:
            rating -= int(random.random() < -moved / self._above_one)
        return self._said(
            talk, second, turn_id=event["turn_id"], rating=float(rating),
            rating_variant_id=exposures.get(RATING),
        )  # fmt: skip

    @staticmethod
    def _said(talk: _Talk, second: int, **given: Any) -> Event:
        return {
            "schema_version": FEEDBACK_SCHEMA_VERSION,
            "feedback_id": uuid7(second * 1000 + talk.micro // 1000, talk.random.randbytes(10)),
            "turn_id": None,
            "session_id": talk.session_id,
            "user_id_hash": talk.person.user_id_hash,
            "created_at": _iso(second, talk.micro),
            "rating": None,
            "nps": None,
            "rating_variant_id": None,
            **given,
        }


def _call(
    event: Event,
    model: _Model,
    *,
    usage: Usage = Usage(),  # noqa: B008 -- frozen
    price: float = 0.0,
    first: int = 0,
    waited: int = 0,
    outcome: str = "ok",
) -> Event:
    return {
        "turn_class": event["turn_class"],
        "model_asked": model.model_id,
        "model_answered": model.model_id if outcome == "ok" else "",
        "provider": PROVIDER,
        "prompt_id": model.prompt_id,
        "prompt_sha": _sha(model.prompt_id),
        "tokens_input": usage.tokens_input,
        "tokens_output": usage.tokens_output,
        "tokens_cache_read": usage.tokens_cache_read,
        "tokens_cache_write": usage.tokens_cache_write,
        "cost_usd": price,
        "ttft_ms": first,
        "total_ms": waited,
        "outcome": outcome,
        "notes": [],
    }


def _iso(second: int, micro: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19] + f".{micro:06d}+00:00"


@cache
def _client(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the categories that clients render."""
    return tuple(name for name in names if rendered_by_client(name))


@cache
def _sha(prompt_id: str) -> str:
    """Return something that looks like the hash of a prompt and is the same for the same prompt."""
    from hashlib import sha256

    return sha256(prompt_id.encode()).hexdigest()
