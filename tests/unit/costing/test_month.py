"""A month of calls: what the caches hold, what a call costs, what each saving takes away."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing.month import SAVINGS, Cache, Call, Conversation, Plan, Turn, bill
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.pricing import price_on
from silent_infinity.domain.turn import SystemBlock

SONNET, HAIKU = "claude-sonnet-4-6", "claude-haiku-4-5"
DAY = "2026-11-21"
UNCACHED = SAVINGS - {"caching"}


def _model(name: str) -> Model:
    found = catalogue().find(name)
    assert found is not None
    return found


def _call(turn_class: str = "TC4", name: str = SONNET, persona: int = 2_500, **changes: Any) -> Call:
    """A call whose texts are as long as its tokens need by the adapters' bound."""
    system = (SystemBlock("p" * 5 * persona, "1h"), SystemBlock("a class", "5m"))
    return replace(
        Call(turn_class, name, system, (persona, 300), text_tokens=100, output_tokens=50), **changes
    )


BARE: dict[str, Any] = {"system": (), "system_tokens": ()}


def _conversation(*, in_band: bool = False, bypassed: bool = False) -> Conversation:
    screen = _call("TC1", HAIKU, **BARE, output_tokens=10)
    sentinel = _call("TC2", HAIKU, **BARE, output_tokens=30)
    synthesis = _call("TC7", HAIKU, **BARE, output_tokens=300)
    turn = Turn(in_band, bypassed, screen, _call(), sentinel)
    return Conversation((turn, turn), synthesis)


def test_the_first_call_writes_and_the_next_one_reads() -> None:
    """Each part is written for its own life."""
    cache = Cache()

    assert cache.use(_call(), _model(SONNET), 0.0) == (0, {"1h": 2_500, "5m": 300})
    assert cache.use(_call(), _model(SONNET), 200.0) == (2_800, {})


def test_the_shorter_life_ends_first() -> None:
    """After five minutes the persona is still there, and only the class's instructions are written again."""
    cache = Cache()
    cache.use(_call(), _model(SONNET), 0.0)

    assert cache.use(_call(), _model(SONNET), 600.0) == (2_500, {"5m": 300})
    assert cache.use(_call(), _model(SONNET), 600.0 + 3_601) == (0, {"1h": 2_500, "5m": 300})


def test_what_is_used_is_kept_longer() -> None:
    """Each use begins the life anew, at no cost."""
    cache = Cache()
    for now in range(0, 36_000, 3_000):
        cache.use(_call(), _model(SONNET), float(now))

    assert cache.use(_call(), _model(SONNET), 36_000.0) == (2_500, {"5m": 300})


@pytest.mark.parametrize(
    ("name", "persona"), [(SONNET, 1_000), (HAIKU, 2_500), ("mistral-large", 5_000)], ids=str
)
def test_what_is_too_short_or_cannot_be_kept_is_paid_in_full(name: str, persona: int) -> None:
    """A saving that the provider does not give must not be counted."""
    cache = Cache()
    for now in (0.0, 1.0):
        assert cache.use(_call(name=name, persona=persona), _model(name), now) == (0, {})


def test_a_class_that_shares_the_persona_reads_it() -> None:
    """One hour-long prefix serves every class on the model."""
    cache = Cache()
    first = _call()
    other = replace(first, system=(first.system[0], SystemBlock("another", "5m")), system_tokens=(2_500, 400))
    cache.use(_call(), _model(SONNET), 0.0)

    assert cache.use(other, _model(SONNET), 1.0) == (2_500, {"5m": 400})


def test_a_month_is_exact_to_the_token() -> None:
    """Two turns by hand: list prices of Sonnet 3 / 15, reads .3, writes 3.75 and 6; Haiku 1 / 5."""
    month = bill([_conversation()], Plan(DAY, UNCACHED, turns=2, syntheses_per_turn=0.5))
    reply = 2 * (2_900 * 3 + 50 * 15)
    sentinel = 2 * (100 * 1 + 30 * 5)
    synthesis = (100 * 1 + 300 * 5) / 2

    assert month.usd == pytest.approx((reply + sentinel + synthesis) / 1e6)
    assert {row.name: row.calls for row in month.rows} == {"TC2": 2, "TC4": 2, "TC7": 1}


def test_caching_pays_for_its_writes() -> None:
    """The first call is dearer with a cache than without, the second is cheaper."""
    one, two = (bill([_conversation()], Plan(DAY, turns=turns, syntheses_per_turn=0)).usd for turns in (1, 2))

    assert one == pytest.approx((2_500 * 6 + 300 * 3.75 + 100 * 3 + 50 * 15 + 250) / 1e6)
    assert two - one < 2_900 * 3 / 1e6


@pytest.mark.parametrize(
    ("plan", "classes"),
    [
        (Plan(DAY), {"TC7"}),
        (Plan(DAY, SAVINGS - {"cascade"}), {"TC1", "TC7"}),
        (Plan(DAY, SAVINGS - {"bypass"}), {"TC2", "TC4", "TC7"}),
    ],
    ids=["all savings", "no cascade", "no bypass"],
)
def test_each_saving_takes_away_its_own_calls(plan: Plan, classes: set[str]) -> None:
    """A template spares the reply and its observation; the cascade spares the screen's model."""
    month = bill([_conversation(bypassed=True)], replace(plan, turns=100))

    assert {row.name for row in month.rows} == classes


def test_without_tiers_sonnet_does_everything() -> None:
    """The baseline that tiering is measured against."""
    month = bill([_conversation(in_band=True)], Plan(DAY, SAVINGS - {"tiering"}, turns=100))

    assert {row.model for row in month.rows} == {SONNET}


@given(turns=st.integers(1, 300), seed=st.integers(0, 5), without=st.booleans())
def test_no_saving_but_caching_ever_costs(turns: int, seed: int, without: bool) -> None:
    """Fewer calls and lower prices cannot be dearer. (A cache can: it is written before it is read.)"""
    whole = Plan(DAY, UNCACHED, turns=turns)
    found = [_conversation(in_band=True), _conversation(bypassed=without)]
    least = bill(found, whole, seed).usd

    for name in UNCACHED:
        assert bill(found, replace(whole, savings=UNCACHED - {name}), seed).usd >= least - 1e-12


def test_prices_are_those_of_the_day() -> None:
    """A report of next year must not be made at the prices of this one."""
    first, *_ = _model(SONNET).prices
    later = replace(first, holds_from="2027-01-01", input=2 * first.input)
    dearer = replace(_model(SONNET), prices=(first, later))

    assert [price_on(dearer.prices, day) for day in (DAY, "2027-01-02")] == [first, later]
    with pytest.raises(TypeError):
        Plan()  # type: ignore[call-arg]  # no day is a default


def test_a_price_that_is_not_known_is_an_error() -> None:
    """A month without it would be too cheap."""
    unknown = replace(_conversation(), synthesis=_call("TC7", "no-such-model"))

    with pytest.raises(LookupError, match="no-such-model"):
        bill([unknown], Plan(DAY, turns=100))
