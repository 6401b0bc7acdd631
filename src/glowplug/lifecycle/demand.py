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
        self._busy: set[str] = set()
        self._late: set[str] = set()

    @property
    def waiting(self) -> int:
        """Requests that wait, of all workers."""
        return sum(self._waiting.values())

    @property
    def wanted(self) -> bool:
        return self.warm or bool(self._waiting)

    @property
    def busy(self) -> int:
        """Workers with active leases."""
        return len(self._busy)

    def want(self, worker: str, waiting: int) -> None:
        if waiting and worker:
            self._waiting[worker] = waiting
        else:
            self.warm = True

    def waiters(self, worker: str, waiting: int) -> None:
        if waiting and worker in self._waiting:
            self._waiting[worker] = waiting
        else:
            self._waiting.pop(worker, None)

    def satisfied(self) -> None:
        """Everybody who waited has been told."""
        self._waiting.clear()
        self.warm = False

    def join(self, worker: str) -> None:
        self.workers.add(worker)

    def leave(self, worker: str) -> None:
        self.workers.discard(worker)
        self._waiting.pop(worker, None)
        self.drained(worker)

    def hold(self, worker: str, *, busy: bool) -> None:
        """What a worker that joined says it holds."""
        self.holders.add(worker)
        self._late.discard(worker)
        (self._busy.add if busy else self._busy.discard)(worker)

    def granted(self, worker: str) -> None:
        self.holders.add(worker)

    def report(self, worker: str, busy: bool) -> bool:
        """Note a 0→1 or 1→0 report; False when it comes from somebody who holds nothing."""
        if worker not in self.holders:
            return False
        (self._busy.add if busy else self._busy.discard)(worker)
        return True

    # A drain can be called off.  Then the worker's `Drained` to the first revoke may still be on its way, and must not
    # be taken for the answer to a second one.  Such a worker is asked again: revoking twice costs one message.

    def called_off(self) -> None:
        """Everybody who holds a grant now owes an answer that does not count."""
        self._late |= self.holders

    def doubtful(self, worker: str) -> bool:
        """Whether this `Drained` may be the answer to a revoke that was called off; it is asked once."""
        if worker in self._late:
            self._late.discard(worker)
            return True
        return False

    def drained(self, worker: str) -> None:
        self.holders.discard(worker)
        self._busy.discard(worker)
        self._late.discard(worker)

    def dropped(self) -> None:
        """The process is going away: nobody holds anything any more."""
        self.holders.clear()
        self._busy.clear()
        self._late.clear()
