"""Admission: the scheduler's hands.  Reads the devices when something is decided, tells the models what came of it, and
sees to it that what is promised is what is there.

Models and leases are its clients.  Everything that happens is put through `Scheduler.handle`; outcomes are carried out
one after the other, and what they cause in turn waits for its turn.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from glowplug.domain.footprint import Place
from glowplug.domain.hardware import HOST, Reading
from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle import accounting
from glowplug.lifecycle.deciding import Decision
from glowplug.lifecycle.placement import Need, Room, most, rooms_of
from glowplug.lifecycle.ports import Scheduler as Clock
from glowplug.lifecycle.ports import Timer
from glowplug.lifecycle.queueing import (
    Admit,
    Evict,
    Happening,
    Looked,
    Outcome,
    Phase,
    Queued,
    Refuse,
    Rules,
    Stands,
    Traits,
    Wanted,
    Withdrawn,
)
from glowplug.lifecycle.scheduler import Scheduler

log = logging.getLogger(__name__)

FRESH = 0.25
"""A reading this young, in seconds, need not be taken again: many decisions fall into one moment."""
LOOK_EVERY = 2.0
"""Seconds between two looks at the devices while something is loaded; nothing looks when nothing is."""
REST_AFTER = 30.0
"""Seconds without anything loaded after which the drivers are let go of."""
REFUSED_FOR = 2.0
"""Seconds for which a refusal for lack of room stands, so that a stream of requests does not ask each time."""
TOO_LARGE_FOR = 10.0


class Hardware(Protocol):
    def read(self) -> Reading:
        """All devices now; takes milliseconds and never fails."""
        ...

    def close(self) -> None:
        """Let go of the drivers until the next reading, so that devices nobody uses can sleep."""
        ...


class Client(Protocol):
    """Somebody who asks for memory: a model's slot, or a lease."""

    @property
    def name(self) -> str: ...

    def admitted(self, place: Place) -> None: ...

    def refused(self, failure: Failure, retry_at: float) -> None: ...

    def evict(self, why: str) -> None:
        """Give it back; the client reports how it stands before this returns."""
        ...

    def queued(self, position: int, why: str) -> None: ...

    def pids(self) -> frozenset[int]:
        """Its processes now."""
        ...

    def told(self) -> dict[str, int]:
        """What it says it holds, by device, where its processes do not tell."""
        ...

    def private_bytes(self) -> int:
        """Host memory its processes hold, without what is mapped from files."""
        ...


class Admission:
    """One for all models.  To be called on the event loop's thread."""

    def __init__(self, clock: Clock, hardware: Hardware) -> None:
        self._clock = clock
        self._hardware = hardware
        self._scheduler = Scheduler()
        self._clients: dict[str, Client] = {}
        self._reserve, self._host_reserve = 1 << 30, 2 << 30
        self._reading: Reading | None = None
        self._read_at = -FRESH
        self._todo: deque[Happening] = deque()
        self._busy = False
        self._gone = ""
        """The client whose memory counts as back, at this moment."""
        self._timer: Timer | None = None
        self._timer_at: float | None = None
        self._look_timer: Timer | None = None
        self._rest_timer: Timer | None = None
        self._bases: dict[str, dict[str, int]] = {}
        self._watchers: list[Watcher] = []

    # ---- configuration

    def configure(
        self,
        rules: Rules,
        traits: Mapping[str, Traits],
        groups: Iterable[Group],
        reserve: int,
        host_reserve: int,
    ) -> None:
        """The rules now."""
        self._reserve, self._host_reserve = reserve, host_reserve
        lent = {name: self._scheduler.traits[name] for name in self._bases}
        self._scheduler.configure(rules, {**traits, **lent}, groups)
        self._reading = None
        self._happened(Looked())

    def watch(self, watcher: Watcher) -> None:
        """Let somebody see every look at the devices while something is loaded."""
        self._watchers.append(watcher)

    def hold(self, why: str) -> None:
        """Give nobody anything until this is said again without a reason; who asks waits meanwhile."""
        self._scheduler.held = why
        if not why:
            self._reading = None  # what was read before may not be there any more
        self._happened(Looked())

    # ---- clients

    def want(
        self, client: Client, need: Need, priority: int, *, evict: bool, reload_seconds: float | None = None
    ) -> None:
        """It needs memory; `admitted` or `refused` is called, now or later, unless it withdraws."""
        self._clients[client.name] = client
        self._happened(Wanted(client.name, need, priority, evict, reload_seconds))

    def withdraw(self, client: Client) -> None:
        self._happened(Withdrawn(client.name))

    def stands(
        self,
        client: Client,
        phase: Phase | None,
        *,
        wanted: bool,
        claim: Mapping[str, int] | None = None,
        reload_seconds: float | None = None,
        awaited: bool = True,
    ) -> None:
        """How it stands now; None: it holds no memory any more."""
        known = self._scheduler.holdings.get(client.name)
        if known is None and (phase is None or claim is None):
            return
        same = known is not None and (known.phase, known.wanted) == (phase, wanted)
        if same and claim is None and reload_seconds is None:
            return
        self._clients[client.name] = client
        self._happened(Stands(client.name, phase, wanted, claim, reload_seconds, awaited))
        if known is None:
            self._reading = None  # adopted: what it holds was taken for somebody else's

    def lend(self, client: Client, need: Need, *, evict: bool = True) -> None:
        """A lease asks: nobody may take it back from it before it ends."""
        self._scheduler.traits[client.name] = Traits(pinned=True)
        self._bases[client.name] = {}
        self.want(client, need, 0, evict=evict)

    def lend_again(self, client: Client, claim: Mapping[str, int], base: Mapping[str, int]) -> None:
        """A lease that an earlier control process gave is still held."""
        self._scheduler.traits[client.name] = Traits(pinned=True)
        self._bases[client.name] = dict(base)
        self.stands(client, Phase.LOADED, wanted=True, claim=claim)

    def lent(self, client: Client) -> None:
        """The lease was given: what the devices hold now is not its doing."""
        rooms = {room.id: room.others for room in self._scheduler.rooms}
        self._bases[client.name] = rooms
        self.stands(client, Phase.LOADED, wanted=True)

    def base_of(self, client: Client) -> dict[str, int]:
        """What others held when the lease was given, by device."""
        return dict(self._bases.get(client.name, {}))

    def give_back(self, client: Client) -> None:
        """The lease is over, or was never given."""
        self._bases.pop(client.name, None)
        if client.name in self._scheduler.wishes:
            self.withdraw(client)
        self.stands(client, None, wanted=False)
        self._scheduler.traits.pop(client.name, None)
        self._clients.pop(client.name, None)

    def claim_of(self, name: str) -> dict[str, int]:
        held = self._scheduler.holdings.get(name)
        return dict(held.claim) if held is not None else {}

    def most(self, need: Need) -> int:
        """The largest part on its devices that a need could ever be met with, bytes."""
        self._look()
        return most(need, self._scheduler.rooms)

    # ---- the loop

    def _happened(self, happening: Happening) -> None:
        self._todo.append(happening)
        if self._busy:
            return
        self._busy = True
        try:
            while self._todo:
                happening = self._todo.popleft()
                if isinstance(happening, Stands) and happening.phase is None:
                    self._gone, self._reading = happening.model, None  # what it has not given back is lost
                self._look()
                self._gone = ""
                for outcome in self._scheduler.handle(self._clock.monotonic(), happening):
                    self._carry_out(outcome)
        finally:
            self._busy = False
        self._set_timers()

    def _carry_out(self, outcome: Outcome) -> None:
        client = self._clients.get(outcome.model)
        if client is None:
            return
        now = self._clock.monotonic()
        match outcome:
            case Admit(_, place):
                client.admitted(place)
            case Evict(model, why):
                log.info("%s: unloading %s", model, why)
                client.evict(why)
            case Refuse(_, failure, stands):
                short = REFUSED_FOR if failure.kind is FailureKind.NO_ROOM else TOO_LARGE_FOR
                client.refused(failure, now + (short if stands else 0.0))
            case Queued(_, position, why):
                client.queued(position, why)

    def _set_timers(self) -> None:
        now = self._clock.monotonic()
        deadline = self._scheduler.deadline(now)
        if deadline != self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_at = None, deadline
            if deadline is not None:
                self._timer = self._clock.call_later(deadline - now, self._tick)
        if self._look_timer is None and self._scheduler.holdings:
            self._look_timer = self._clock.call_later(LOOK_EVERY, self._look_again)
        elif self._look_timer is not None and not self._scheduler.holdings:
            self._look_timer.cancel()
            self._look_timer = None
        self._plan_rest()

    def _plan_rest(self) -> None:
        """Let go of the drivers in a while, unless something is loaded or waits."""
        if self._scheduler.holdings or self._scheduler.wishes:
            if self._rest_timer is not None:
                self._rest_timer.cancel()
                self._rest_timer = None
        elif self._rest_timer is None and self._reading is not None:
            self._rest_timer = self._clock.call_later(REST_AFTER, self._rest)

    def _rest(self) -> None:
        self._rest_timer = self._reading = None
        self._hardware.close()

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self._happened(Looked())

    def _look_again(self) -> None:
        self._look_timer = None
        if not self._scheduler.holdings:
            return
        reading = self.reading(FRESH)
        for watcher in self._watchers:
            watcher.looked(reading)
        self._happened(Looked())

    def close(self) -> None:
        """No more looks."""
        for timer in (self._timer, self._look_timer, self._rest_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._look_timer = self._rest_timer = self._timer_at = None

    # ---- the devices

    def reading(self, age: float = 0.0) -> Reading:
        """All devices, read anew unless the last reading is at most `age` seconds old.

        Whose memory it is can only be told at the moment of the reading, while the processes are there that held it: so
        the scheduler gets its rooms here and nowhere else, whoever asked.
        """
        if self._reading is None or self._clock.monotonic() - self._read_at > age:
            self._reading = self._hardware.read()
            now = self._read_at = self._clock.monotonic()  # a driver that took its time is not asked again for that
            self._scheduler.set_rooms(now, self._rooms(self._reading), _left(self._reading))
            self._plan_rest()  # somebody who only looks takes the drivers up as well
        return self._reading

    def _look(self) -> None:
        """Let the scheduler know what the machine has at this moment."""
        self.reading(FRESH)

    def _rooms(self, reading: Reading) -> tuple[Room, ...]:
        ours, private = self.ours(reading)
        claims: dict[str, int] = {}
        for held in self._scheduler.holdings.values():
            for id, bytes_ in held.claim.items():
                claims[id] = claims.get(id, 0) + bytes_
        others = accounting.others(reading, ours, claims, private)
        for name, client in self._clients.items():
            if name in self._scheduler.holdings:
                for id, bytes_ in client.told().items():
                    others[id] = max(others.get(id, 0) - bytes_, 0)
        for id in others:
            others[id] = max(others[id] - self._on_its_way(reading, id), 0)
            others[id] = max(others[id] - self._lent_and_used(id, others[id]), 0)
        return rooms_of(reading, others, accounting.names(reading, ours), self._reserve, self._host_reserve)

    def ours(self, reading: Reading) -> tuple[frozenset[int], int]:
        """Our processes, as far as the reading needs them told apart, and what they hold of the host's memory."""
        loaded = [client for name, client in self._clients.items() if name in self._scheduler.holdings]
        private = sum(client.private_bytes() for client in loaded)
        if not any(device.holders for device in reading.devices if device.id != HOST):
            return frozenset(), private
        return frozenset().union(*(client.pids() for client in loaded)), private

    def _on_its_way(self, reading: Reading, id: str) -> int:
        """What models that leave still claim of a device and no living process of theirs is listed for.  A driver takes
        a moment to give back what the dead held; that is theirs until it is back, or named as a leak."""
        device = reading.device(id)
        if device is None or not device.accelerator or accounting.listed(device) is None:
            return 0
        coming = 0
        for name, held in self._scheduler.holdings.items():
            if held.phase is Phase.LEAVING and held.claim.get(id) and name != self._gone and name in self._clients:
                living = accounting.held_by(reading, self._clients[name].pids()).get(id, 0)
                coming += max(held.claim[id] - living, 0)
        return coming

    def _lent_and_used(self, device: str, others: int) -> int:
        """What of the others' memory is a lease being used: everything above what was there when it was given, up to
        its size.  It must not count twice."""
        leases = [(base.get(device, others), self.claim_of(name).get(device, 0)) for name, base in self._bases.items()]
        lent = sum(size for _, size in leases)
        base = min((base for base, size in leases if size), default=others)
        return max(min(others - base, lent), 0)

    # ---- looking

    def look(self) -> None:
        """See to it that rooms and claims are as they are now."""
        self._look()

    def explain(self, name: str, need: Need, *, evict: bool = True, anew: bool = False) -> Decision:
        """What would become of it now, behind those who wait.  Changes nothing."""
        self._reading = None
        self._look()
        return self._scheduler.explain(self._clock.monotonic(), name, need, evict=evict, anew=anew)

    @property
    def scheduler(self) -> Scheduler:
        """To be looked at, not to be changed."""
        return self._scheduler


def _left(reading: Reading) -> dict[str, int]:
    """What the drivers say is free, by device."""
    return {
        device.id: device.total - device.used
        for device in reading.devices
        if device.total is not None and device.used is not None
    }


class Watcher(Protocol):
    def looked(self, reading: Reading) -> None:
        """The devices were read while something is loaded."""
        ...
