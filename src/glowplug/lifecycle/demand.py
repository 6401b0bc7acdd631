"""Who waits for an instance, who may use it, and who does: the bookkeeping of its machine."""

from __future__ import annotations


class Demand:
    """Workers by name.  A worker that joined may be granted the instance; a holder has been and has not drained."""

    def __init__(self) -> None:
        self.workers: set[str] = set()
        self.holders: set[str] = set()
        self.warm = False
        """Wanted although no request waits (a person's start, an alias that warms it behind a cloud answer)."""
        self._waiting: dict[str, int] = {}
        self._urgency: dict[str, tuple[int, bool]] = {}
        self._warmth: tuple[int, bool] | None = None
        self._busy: set[str] = set()
        self._owed: dict[str, int] = {}
        self._late: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Requests that wait, of all workers."""
        return sum(self._waiting.values())

    @property
    def wanted(self) -> bool:
        return self.warm or bool(self._waiting)

    @property
    def priority(self) -> int:
        """The highest of those who want it."""
        return max((priority for priority, _ in self._urgencies()), default=0)

    @property
    def evict(self) -> bool:
        """Whether one of those who want it may unload others for it."""
        return any(evict for _, evict in self._urgencies())

    def _urgencies(self) -> list[tuple[int, bool]]:
        return [*self._urgency.values(), *(() if self._warmth is None else (self._warmth,))]

    @property
    def busy(self) -> int:
        """Workers with active leases."""
        return len(self._busy)

    def want(self, worker: str, waiting: int, priority: int = 0, *, evict: bool = True) -> None:
        if waiting and worker:
            self._waiting[worker] = waiting
            self._urgency[worker] = (priority, evict)
        else:  # nobody takes that back, so it does not go with those who wait
            before = self._warmth or (priority, evict)
            self._warmth = (max(before[0], priority), before[1] or evict)
            self.warm = True

    def waiters(self, worker: str, waiting: int) -> None:
        if waiting and worker in self._waiting:
            self._waiting[worker] = waiting
        else:
            self._waiting.pop(worker, None)
            self._urgency.pop(worker, None)

    def satisfied(self) -> None:
        """Everybody who waited has been told."""
        self._waiting.clear()
        self._urgency.clear()
        self._warmth = None
        self.warm = False

    def join(self, worker: str) -> None:
        self.workers.add(worker)

    def leave(self, worker: str) -> None:
        self.workers.discard(worker)
        self._waiting.pop(worker, None)
        self._urgency.pop(worker, None)
        self.lost(worker)

    def hold(self, worker: str, *, busy: bool) -> None:
        """What a worker that joined says it holds."""
        self.holders.add(worker)
        self._owed.pop(worker, None)
        self._late.pop(worker, None)
        (self._busy.add if busy else self._busy.discard)(worker)

    def report(self, worker: str, busy: bool) -> bool:
        """Note a 0→1 or 1→0 report; False when it comes from somebody who holds nothing."""
        if worker not in self.holders:
            return False
        (self._busy.add if busy else self._busy.discard)(worker)
        return True

    # A drain can be called off while a worker's `Drained` is on its way, and that answer must not be taken for the one
    # to a later revoke: the worker may use the instance again by then.  So answers to revokes from before the last
    # grant do not count; the worker is asked again instead, which costs one message.

    def granted(self, worker: str) -> None:
        self.holders.add(worker)
        self._late[worker] = self._owed.get(worker, 0)

    def revoked(self, worker: str) -> None:
        """A revoke was sent: a `Drained` is owed."""
        self._owed[worker] = self._owed.get(worker, 0) + 1

    def answered(self, worker: str) -> bool:
        """A `Drained` came; whether it counts."""
        self._owed[worker] = max(self._owed.get(worker, 0) - 1, 0)
        late = self._late.get(worker, 0)
        self._late[worker] = max(late - 1, 0)
        return late == 0

    def drained(self, worker: str) -> None:
        self.holders.discard(worker)
        self._busy.discard(worker)

    def lost(self, worker: str) -> None:
        """It holds nothing and owes nothing: it is gone, or came back without the grant."""
        self.drained(worker)
        self._owed.pop(worker, None)
        self._late.pop(worker, None)

    def dropped(self) -> None:
        """The process is going away: nobody holds anything any more."""
        self.holders.clear()
        self._busy.clear()
        self._owed.clear()
        self._late.clear()
