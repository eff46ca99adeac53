"""The life cycle of variants, case by case: what each action does, and what is refused."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Action, Command, Decision, Refusal
from silent_infinity.domain.registry.life_cycle import decide
from silent_infinity.domain.registry.recording import audited_state
from silent_infinity.domain.registry.view import Key
from silent_infinity.domain.variant_categories import registry_rules
from silent_infinity.domain.variant_records import VariantRecord
from tests.support.registry import NOW, command, registry, variant
from tests.support.vectors import description, load_vectors

CASES = load_vectors("life_cycle.json")
CARRIED_OUT = [case for case in CASES if "changes" in case]
REFUSED = [case for case in CASES if "refused" in case]


@pytest.mark.parametrize("case", CARRIED_OUT, ids=description)
def test_what_a_command_does(case: dict[str, Any]) -> None:
    """Operators rely on every one of these; nothing else than the named rows may change."""
    records = _records(case)
    decision = _decide(case, records)

    assert [_named(change.action, change.after) for change in decision.changes] == [
        (change["action"], change["category"], change["variant_id"]) for change in case["changes"]
    ]
    for expected, change in zip(case["changes"], decision.changes, strict=True):
        assert _part(to_payload(change.after), expected["after"]) == expected["after"]
        assert change.before == records.get(change.after.key)


@pytest.mark.parametrize("case", CARRIED_OUT, ids=description)
def test_when_it_takes_effect_and_what_it_opens(case: dict[str, Any]) -> None:
    """A cooldown that is not announced, or a promotion that nobody hears of, would go unseen."""
    decision = _decide(case, _records(case))
    seconds = case.get("effective_in_seconds")
    promotion = to_payload(decision.promotion) if decision.promotion else {}

    assert decision.effective_at == ((NOW + timedelta(seconds=seconds)).isoformat() if seconds else None)
    assert _part(promotion, case.get("promotion", {})) == case.get("promotion", {})
    assert bool(promotion) == ("promotion" in case)


@pytest.mark.parametrize("case", REFUSED, ids=description)
def test_what_is_refused(case: dict[str, Any]) -> None:
    """The slugs are what clients tell refusals by, and each says what to do."""
    with pytest.raises(Refusal) as refused:
        _decide(case, _records(case))

    assert {"slug": refused.value.slug, "status": refused.value.status} == case["refused"]
    assert refused.value.title.endswith(".")
    assert len(refused.value.detail) > len("Do it.")


def test_every_refusal_of_the_life_cycle_has_a_case() -> None:
    """A refusal that no case provokes may be out of reach, or never have been seen."""
    elsewhere = {"config-not-valid", "evidence-not-valid", "idempotency-key-reused", "registry-busy"}
    elsewhere |= {"no-incumbent"}
    made = {_made(name).slug for name in vars(refusals) if not name.startswith("_") and name.islower()}

    assert made - elsewhere == {case["refused"]["slug"] for case in REFUSED}


def test_a_change_says_who_changed_the_row_and_when() -> None:
    """The list of variants shows it without the audit log being read."""
    records = registry([variant("COMPOSE_POSITION", "x", "staged", 5, ranges=[[0, 500]])])
    decision = decide(command(Action.PAUSE, "COMPOSE_POSITION", "x"), records, NOW)
    after = decision.changes[0].after

    assert (after.last_modified, after.last_modified_by) == (NOW.isoformat(), "operator:test")


def test_the_first_variant_of_an_empty_category_becomes_production_only_as_a_whole() -> None:
    """A new category has no incumbent that could keep the rest."""
    row = variant("COMPOSE_POSITION", "x", "canary", 25, ranges=[[0, 2500]], promotion_id="p")
    records = registry([row])
    ask = {"expected_version": 1, "approved": True, "promotion_id": "p"}
    whole = command(Action.PROMOTE, "COMPOSE_POSITION", "x", rollout_percent=100, **ask)
    half = command(Action.PROMOTE, "COMPOSE_POSITION", "x", rollout_percent=50, **ask)
    after = decide(whole, records, NOW).changes[0].after

    assert (after.status, after.rollout_percent, after.ranges) == ("production", 100, ())
    with pytest.raises(Refusal, match="no-incumbent"):
        decide(half, records, NOW)


def test_a_due_change_is_folded_into_the_row_and_the_audit_log_sees_the_row_before() -> None:
    """Entries follow one another only if each begins with what the one before ended with."""
    case = next(case for case in CASES if case["description"].startswith("Rolling it back"))
    records = _records(case)
    change = _decide(case, records).changes[0]

    assert change.before is not None
    assert audited_state(change.before) == audited_state(records[change.before.key])
    assert change.after.pending is None


def _records(case: Mapping[str, Any]) -> dict[Key, VariantRecord]:
    rows = []
    for row in case["registry"]:
        names = ("category", "variant_id", "status", "rollout_percent")
        fields = {name: value for name, value in row.items() if name not in names}
        rows.append(variant(*(row[name] for name in names), **fields))
    return registry(rows)


def _decide(case: Mapping[str, Any], records: Mapping[Key, VariantRecord]) -> Decision:
    fields = dict(case["command"])
    ask: Command = command(Action(fields.pop("action")), fields.pop("category"), **fields)
    return decide(ask, records, NOW)


def _named(action: Action, after: VariantRecord) -> tuple[str, str, str]:
    return str(action), after.category, after.variant_id


def _part(found: Any, expected: Any) -> Any:
    """Return what is found at the places that the expectation names."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {name: _part(found.get(name), value) for name, value in expected.items()}
    return found


def _made(name: str) -> Refusal:
    samples: dict[str, tuple[Any, ...]] = {
        "configuration_not_valid": ([],),
        "evidence_not_valid": ([],),
        "precondition_required": (1,),
        "version_mismatch": (1,),
        "variant_in_use": ("It changes",),
        "rollout_out_of_bounds": (registry_rules().stage("canary"),),
        "too_many_experiments": ([], 5),
        "no_free_traffic": (1.0,),
        "confirmation_needed": (26.0,),
        "change_pending": (NOW.isoformat(),),
        "production_arriving": ("COMPOSE_POSITION", "x"),
    }
    made = getattr(refusals, name)(*samples.get(name, ()))
    assert isinstance(made, Refusal)
    return made


@pytest.mark.parametrize(
    ("request_id", "promotion_id"),
    [
        ("JKJaXmPLvHcESHA=", "JKJaXmPLvHcESHA"),
        ("SgrSzHFu-AMEQ_g=", "SgrSzHFu-AMEQ_g"),
        ("a+b/c#d%e", "a-b-c-d-e"),
        ("x" * 100, "x" * 80),
        ("01a1ffc4-9b1e-7a47-9f0e-7d2c41a3b9f2", "01a1ffc4-9b1e-7a47-9f0e-7d2c41a3b9f2"),
    ],
)
def test_a_promotion_has_an_id_that_addresses_and_executions_take(request_id: str, promotion_id: str) -> None:
    """It is in the path of the approvers' link, and names the execution: AWS keeps no log of other names."""
    records = registry([variant("GHOST_CHAR_STYLE", "dots", "staged", 5)])
    asked = command(
        Action.PROMOTE, "GHOST_CHAR_STYLE", "dots", request_id=request_id, expected_version=1, confirm=True
    )
    decision = decide(asked, records, NOW)

    assert decision.promotion is not None
    assert decision.promotion.promotion_id == decision.changes[0].after.promotion_id == promotion_id
