"""The night's anchor: what is kept of what holds, and who hears of what does not."""

from dataclasses import replace

import pytest

from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.variant_store import MemoryAnchors, MemoryVariantStore
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.anchor_audit import SUBJECT, AnchorAudit
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.contract.registry_stores import RECORD, Registry, grow, memory_registry

OTHER = replace(RECORD, variant_id="ten")
AT = "2026-11-21T09:00:00+00:00"


class World:
    """A registry with two histories, its anchors, and people on call."""

    def __init__(self) -> None:
        self.registry: Registry = memory_registry()
        assert isinstance(self.registry.store, MemoryVariantStore)
        self.store = self.registry.store
        self.anchors = MemoryAnchors()
        self.alerts = MemoryAlerts()
        grow(self.registry, 2)
        grow(self.registry, 1, OTHER)
        self.anchor = AnchorAudit(
            verify=VerifyAudit(store=self.store, log=self.registry.log, anchors=self.anchors),
            anchors=self.anchors,
            alerts=self.alerts,
            clock=self.registry.clock,
        )


@pytest.fixture
def world() -> World:
    """Everything whole, nothing anchored."""
    return World()


def test_the_heads_of_all_chains_are_kept(world: World) -> None:
    """One object names them all; a quiet night tells nobody."""
    done = world.anchor()

    (kept,) = world.anchors.all()
    assert kept.at == done.at == AT
    assert kept.heads == {
        "STARTER_POOL_SIZE/five": (2, world.store.records[RECORD.key].audit_head),
        "STARTER_POOL_SIZE/ten": (1, world.store.records[OTHER.key].audit_head),
    }
    assert (done.anchored, done.entries, done.findings, done.unaudited) == (2, 3, 0, 0)
    assert world.alerts.sent == []


def test_night_after_night_is_whole(world: World) -> None:
    """Each anchor stays true while histories grow past it."""
    for _ in range(4):
        grow(world.registry, 1)
        assert world.anchor().findings == 0
        world.registry.clock.advance(86_400)

    assert [heads.heads["STARTER_POOL_SIZE/five"][0] for heads in world.anchors.all()] == [3, 4, 5, 6]


def test_a_history_that_does_not_hold_is_told_of_and_not_anchored(world: World) -> None:
    """The alert says where to look and nothing that a person wrote; the others are anchored all the same.

    A forged head under lock would stay wrong for years after the table was restored.
    """
    del world.store.entries[RECORD.key][0]

    done = world.anchor()

    assert set(world.anchors.all()[0].heads) == {"STARTER_POOL_SIZE/ten"}
    assert (done.anchored, done.findings) == (1, 1)
    assert world.alerts.sent == [
        (
            SUBJECT,
            {
                "findings": 1,
                "variants": 1,
                "first_variant": "STARTER_POOL_SIZE/five",
                "first_flaw": "removed",
                "first_sequence": 1,
                "anchored_until": "never",
            },
        )
    ]
    assert len(SUBJECT) <= 99


def test_a_restored_history_is_anchored_again(world: World) -> None:
    """After the table is put right, checks must come out clean without anybody touching the anchors."""
    world.anchor()
    removed = world.store.entries[RECORD.key].pop(0)
    world.registry.clock.advance(86_400)
    world.anchor()
    world.store.entries[RECORD.key].insert(0, removed)
    world.registry.clock.advance(86_400)

    assert world.anchor().findings == 0
    assert "STARTER_POOL_SIZE/five" in world.anchors.all()[-1].heads


def test_an_alert_that_cannot_be_sent_fails_the_run_after_the_anchor(world: World) -> None:
    """The run's own alarm is then what people hear; the evidence is kept first."""
    del world.store.entries[RECORD.key][0]
    world.alerts.unavailable = True

    with pytest.raises(StoreUnavailableError):
        world.anchor()

    assert len(world.anchors.all()) == 1
