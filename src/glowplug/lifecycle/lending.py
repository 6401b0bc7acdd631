"""Memory lent to programs that are not ours: a lease is a client of the admission like any model, but for its end.

leases.json (`Paths.instances`)     those that are held, so that a restarted control process keeps them
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from glowplug import ids
from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import HOST
from glowplug.domain.instance import Failure
from glowplug.domain.plan import LeaseState, LeaseView, PlanView
from glowplug.errors import Unavailable
from glowplug.lifecycle.admission import Admission
from glowplug.lifecycle.placement import Need
from glowplug.lifecycle.planner import Planner
from glowplug.lifecycle.ports import Scheduler, Timer
from glowplug.lifecycle.queueing import PREFIX
from glowplug.lifecycle.records import write_whole

log = logging.getLogger(__name__)

FILE = "leases"


class Kept(msgspec.Struct, frozen=True):
    """A lease on the disk."""

    view: LeaseView
    base: dict[str, int]
    """What others held of each device when it was given."""


class Lease:
    """One lease: asks, is given or refused, and ends."""

    def __init__(self, lending: Lending, view: LeaseView, seconds: float = 0.0) -> None:
        self.view = view
        self.seconds = seconds
        """How long it is held, from when it is given."""
        self.answer: asyncio.Future[LeaseView] | None = None
        self.timer: Timer | None = None
        self._lending = lending

    @property
    def name(self) -> str:
        return PREFIX + self.view.id

    def admitted(self, place: Place) -> None:
        self._lending.given(self, place)

    def refused(self, failure: Failure, retry_at: float) -> None:
        self._lending.refused(self, failure)

    def evict(self, why: str) -> None:
        """Not before its time is over: the admission holds it pinned."""

    def queued(self, position: int, why: str) -> None:
        """Shown by `list` as waiting."""

    def pids(self) -> frozenset[int]:
        return frozenset()

    def told(self) -> dict[str, int]:
        return {}

    def private_bytes(self) -> int:
        return 0


class Lending:
    """All leases.  To be called on the event loop's thread."""

    def __init__(self, admission: Admission, planner: Planner, clock: Scheduler, directory: Path) -> None:
        self._admission = admission
        self._planner = planner
        self._clock = clock
        self._path = directory / FILE
        self._leases: dict[str, Lease] = {}

    def restore(self) -> None:
        """Take up the leases of an earlier control process whose time is not over."""
        found: list[Kept] = []
        with suppress(OSError, msgspec.DecodeError):
            found = msgspec.json.decode(self._path.read_bytes(), type=list[Kept])
        now = self._clock.unix()
        for kept in found:
            view = kept.view
            if view.until is not None and view.until > now and view.state is LeaseState.HELD:
                lease = self._leases[view.id] = Lease(self, view)
                self._admission.lend_again(lease, {view.device: view.bytes}, kept.base)
                self._end_at(lease, view.until)

    async def ask(self, memory: int, device: str | None, seconds: float, note: str, wait: float) -> LeaseView:
        """Keep `memory` bytes for `seconds`; back when it is held.  Raises Unavailable when it cannot be had, or not
        within `wait` seconds.  Cancelled, it is withdrawn."""
        view = LeaseView(
            id=ids.short_id("lease"),
            device=device or "",
            bytes=memory,
            note=note,
            since=self._clock.unix(),
            state=LeaseState.WAITING,
        )
        lease = self._leases[view.id] = Lease(self, view, seconds)
        lease.answer = asyncio.get_running_loop().create_future()
        self._admission.lend(lease, _need(memory, device))
        held = False
        try:
            answer = await asyncio.wait_for(lease.answer, max(wait, 0.001))
            held = True
            return answer
        except TimeoutError:
            raise Unavailable(
                f"the memory was not free after {wait:g} s",
                hint="ask again with a longer wait; glowplug plan and glowplug memory show what is in the way",
                code="no_memory",
                retry_after=10.0,
            ) from None
        finally:
            if not held:
                self.release(view.id)

    def plan(self, memory: int, device: str | None) -> PlanView:
        """What asking for this would do now."""
        decision = self._admission.explain(PREFIX, _need(memory, device))
        return self._planner.view_of("", decision, Footprint(device=memory, error=0.0))

    def list(self) -> Sequence[LeaseView]:
        """Those that wait or are held, oldest first."""
        return [lease.view for lease in self._leases.values()]

    def release(self, id: str) -> None:
        """Give one back, or withdraw it; one that is not there is no error."""
        lease = self._leases.pop(id, None)
        if lease is None:
            return
        if lease.timer is not None:
            lease.timer.cancel()
        if lease.answer is not None and not lease.answer.done():
            lease.answer.set_exception(
                Unavailable("the lease was withdrawn before it was given", hint="ask again", code="no_memory")
            )
        self._admission.give_back(lease)
        self._save()

    def close(self) -> None:
        """Leave them to the next control process."""
        for lease in self._leases.values():
            if lease.timer is not None:
                lease.timer.cancel()

    # ---- from the admission

    def given(self, lease: Lease, place: Place) -> None:
        """It has the memory: its time begins."""
        device = next(iter(place.accelerators), HOST)
        until = self._clock.unix() + lease.seconds
        lease.view = msgspec.structs.replace(lease.view, device=device, until=until, state=LeaseState.HELD)
        self._admission.lent(lease)
        self._end_at(lease, until)
        self._save()
        if lease.answer is not None and not lease.answer.done():
            lease.answer.set_result(lease.view)

    def refused(self, lease: Lease, failure: Failure) -> None:
        """It cannot have it."""
        if lease.answer is not None and not lease.answer.done():
            lease.answer.set_exception(
                Unavailable(failure.message, hint=failure.hint, code="no_memory", retry_after=10.0)
            )

    def _end_at(self, lease: Lease, until: float) -> None:
        def over() -> None:
            lease.timer = None
            log.info("the lease %s (%s) is over", lease.view.id, lease.view.note or "no note")
            self.release(lease.view.id)

        lease.timer = self._clock.call_later(max(until - self._clock.unix(), 0.0), over)

    def _save(self) -> None:
        held = [
            Kept(lease.view, self._admission.base_of(lease))
            for lease in self._leases.values()
            if lease.view.state is LeaseState.HELD
        ]
        write_whole(self._path, msgspec.json.encode(held))


def _need(memory: int, device: str | None) -> Need:
    return Need(device=memory, devices=(device,) if device else (), spread=False)
