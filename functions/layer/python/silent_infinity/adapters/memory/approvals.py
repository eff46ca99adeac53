"""Approvals in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock

from silent_infinity.domain.promotion.approval import OVER, PENDING, Approval, Decided
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError


class MemoryApprovals:
    """An `Approvals`. `kept` and `tokens` are what it holds; while `unavailable`, every call fails."""

    def __init__(self) -> None:
        self.kept: dict[str, Approval] = {}
        self.tokens: dict[str, str] = {}
        self.unavailable = False
        self._lock = RLock()

    def open(self, approval: Approval, task_token: str) -> Approval:
        with self._using():
            standing = self.kept.setdefault(approval.approval_id, approval)
            if standing.status == PENDING:
                self.tokens[approval.approval_id] = task_token
            return standing

    def find(self, approval_id: str) -> Approval | None:
        with self._using():
            return self.kept.get(approval_id)

    def asked(self, approval_id: str, approver: str) -> None:
        with self._using():
            standing = self.kept.get(approval_id)
            if standing is not None and approver not in standing.asked:
                self.kept[approval_id] = replace(standing, asked=(*standing.asked, approver))

    def decide(self, approval_id: str, decided: Decided, before: Approval, status: str) -> Approval:
        with self._using():
            standing = self.kept.get(approval_id)
            if (
                standing is None
                or standing.status != PENDING
                or len(standing.decisions) != len(before.decisions)
            ):
                raise ConflictError("approval")
            after = replace(standing, decisions=(*standing.decisions, decided), status=status)
            self.kept[approval_id] = after
            return after

    def end(self, approval_id: str) -> Approval | None:
        with self._using():
            standing = self.kept.get(approval_id)
            if standing is not None and standing.status == PENDING:
                standing = self.kept[approval_id] = replace(standing, status=OVER)
            return standing

    def task_token(self, approval_id: str) -> str | None:
        with self._using():
            return self.tokens.get(approval_id)

    def delivered(self, approval_id: str) -> None:
        with self._using():
            self.tokens.pop(approval_id, None)
            if approval_id in self.kept:
                self.kept[approval_id] = replace(self.kept[approval_id], delivered=True)

    def undelivered(self) -> Sequence[Approval]:
        with self._using():
            return tuple(
                one
                for one in sorted(self.kept.values(), key=lambda one: one.opened_at)
                if one.status != PENDING and not one.delivered
            )

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            if self.unavailable:
                raise StoreUnavailableError("Unavailable")
            yield
