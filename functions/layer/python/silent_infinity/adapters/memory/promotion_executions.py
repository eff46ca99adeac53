"""Executions of the promotion workflow that nothing runs."""

from silent_infinity.ports.errors import StoreUnavailableError


class MemoryPromotionExecutions:
    """A `PromotionExecutions` that remembers.

    `started` has the promotions in order, `running` those whose execution has not ended. `waiting` has the
    tokens of states that wait, and `resumed` what they were told. `unavailable`: nothing can be reached.
    """

    def __init__(self) -> None:
        self.started: list[str] = []
        self.running: set[str] = set()
        self.waiting: set[str] = set()
        self.resumed: list[tuple[str, str]] = []
        self.unavailable = False

    def start(self, promotion_id: str) -> bool:
        self._reach()
        if promotion_id in self.started:
            return False
        self.started.append(promotion_id)
        self.running.add(promotion_id)
        return True

    def resume(self, task_token: str, decision: str) -> bool:
        self._reach()
        if task_token not in self.waiting:
            return False
        self.waiting.remove(task_token)
        self.resumed.append((task_token, decision))
        return True

    def is_running(self, promotion_id: str) -> bool:
        self._reach()
        return promotion_id in self.running

    def _reach(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
