"""Checking the audit log against the rows and the anchors, while the registry is in use."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from silent_infinity.domain.audit import AuditEntry, Heads
from silent_infinity.domain.audit_verification import Finding, Flaw, verify_chain
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.audit_log import AuditAnchors, AuditLog
from silent_infinity.ports.variant_store import VariantSnapshots

Key = tuple[str, str]
"""Category and id of a variant."""

_READINGS = 5
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check found.

    `variants` and `entries` were looked at. `unaudited` are variants without any history whose rows are from
    before there was a log; a row that came later is a flaw. `heads` are length and last hash of each chain
    that holds, 0 and nothing for a row from before the log. `anchored_until` is the
    time of the last anchor that names a chain that was looked at, None without one: what came later can be
    checked against the rows only. Variants are named `CATEGORY/id`.
    """

    variants: int
    entries: int
    findings: tuple[Finding, ...]
    unaudited: tuple[str, ...]
    heads: Mapping[str, tuple[int, str]]
    anchored_until: str | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Chain:
    entries: int
    findings: tuple[Finding, ...]
    row: VariantRecord | None


class VerifyAudit:
    """Checks histories. It only reads."""

    def __init__(self, *, store: VariantSnapshots, log: AuditLog, anchors: AuditAnchors) -> None:
        self._store = store
        self._log = log
        self._anchors = anchors

    def __call__(self, key: Key | None = None) -> Verification:
        """Check the history of one variant, or of all: of those that have a row, an anchor or an entry.

        Raises:
            StoreUnavailableError: rows, entries or anchors could not be read.
        """
        # Anchors first, then rows, then entries: each is at least as long as what is held against it.
        anchors = self._anchors.all()
        records = self._store.snapshot().records
        keys = [key] if key else sorted({*records, *_anchored(anchors), *self._logged()})
        known = set(_anchored(anchors)) if anchors else set(keys)
        chains = {_name(one): self._chain(one, records.get(one), anchors, old=one in known) for one in keys}
        return Verification(
            variants=len(chains),
            entries=sum(chain.entries for chain in chains.values()),
            findings=tuple(finding for chain in chains.values() for finding in chain.findings),
            unaudited=tuple(
                name for name, chain in chains.items() if not chain.entries and not chain.findings
            ),
            heads={
                name: (chain.row.audit_count, chain.row.audit_head)
                for name, chain in chains.items()
                if chain.row and not chain.findings
            },
            anchored_until=max(
                (heads.at for heads in anchors if chains.keys() & heads.heads.keys()), default=None
            ),
        )

    def _chain(self, key: Key, row: VariantRecord | None, anchors: Sequence[Heads], *, old: bool) -> _Chain:
        heads = [heads.heads[_name(key)] for heads in anchors if _name(key) in heads.heads]
        for _ in range(_READINGS):
            entries = self._history(key)
            findings = verify_chain(key, entries, row, heads)
            if row is not None and not entries and not findings and not old:
                findings = (Finding(*key, Flaw.UNAUDITED, 0),)
            if not findings:
                break
            # A change may have come between the row and its entries. It did not if the row is as it was.
            seen, row = row, self._store.snapshot().records.get(key)
            if row == seen:
                break
        return _Chain(len(entries), findings, row)

    def _history(self, key: Key) -> list[AuditEntry]:
        entries: list[AuditEntry] = []
        page = self._log.history(*key, limit=_PAGE)
        entries += page.entries
        while page.cursor:
            page = self._log.history(*key, limit=_PAGE, cursor=page.cursor)
            entries += page.entries
        return entries

    def _logged(self) -> Iterator[Key]:
        """Yield whose entries there are: also of variants whose rows are gone."""
        page = self._log.recent(limit=_PAGE)
        yield from ((entry.category, entry.variant_id) for entry in page.entries)
        while page.cursor:
            page = self._log.recent(limit=_PAGE, cursor=page.cursor)
            yield from ((entry.category, entry.variant_id) for entry in page.entries)


def _anchored(anchors: Sequence[Heads]) -> Iterator[Key]:
    for heads in anchors:
        for name in heads.heads:
            category, _, variant_id = name.partition("/")
            yield category, variant_id


def _name(key: Key) -> str:
    return "/".join(key)
