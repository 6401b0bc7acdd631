"""Granted instances, leases on them, and the requests that wait for one.

A warm request asks nobody: the grant is here.  Control hears only of 0→1 and 1→0, of waiters, and of suspicions.
While control is away everything here goes on; what is waited for is asked again when it is back.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, Protocol

from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Loading
from glowplug.gateway.queue import Slots
from glowplug.gateway.tables import Tables
from glowplug.gateway.targets import Instance, Target, Waiter
from glowplug.gateway.upstream import tcp
from glowplug.routing.fair import Line
from glowplug.wire import link

_WARM_EVERY: Final = 1.0
"""Seconds between two requests to warm the same target; one load needs one, the rest only repeat it."""
_CONNECT_TIMEOUT: Final = 2.0


class Uplink(Protocol):
    """The way to the control process; drops what it cannot send, `resend` makes up for it."""

    def send(self, message: link.ToControl) -> None: ...


class Grants:
    """All of one worker's grants."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tables: Tables, uplink: Uplink) -> None:
        self._loop = loop
        self._tables = tables
        self._uplink = uplink
        self.instances: dict[str, Instance] = {}
        self.slots = Slots(loop)

    # ---- from the control process

    def grant(self, endpoint: Endpoint) -> None:
        """This instance may be used; everybody who waited for its model goes ahead, in the order of `routing.fair`."""
        instance = self.instances.get(endpoint.instance)
        target = self._tables.targets.get(endpoint.model)
        if instance is None:
            pool = tcp(self._loop, endpoint.host, endpoint.port, None, _CONNECT_TIMEOUT)
            instance = self.instances[endpoint.instance] = Instance(endpoint, pool)
        instance.revoked = instance.suspect = False
        instance.granted_at = monotonic()
        if target is None:
            return
        if target.lacking:  # another version may have come up
            target.lacks(frozenset())
        instance.put(target.roads)
        target.instance = instance
        target.failure = target.loading = None
        waiters, target.waiters = list(target.waiters), Line()
        for waiter in waiters:
            waiter.granted()

    def sized(self, name: str, size: int, size_vram: int) -> None:
        """What an instance holds, in bytes."""
        instance = self.instances.get(name)
        if instance is not None:
            instance.size, instance.size_vram = size, size_vram

    def revoke(self, name: str) -> None:
        """Admit nothing new; answer when the last lease has ended."""
        instance = self.instances.get(name)
        if instance is None:
            self._uplink.send(link.Drained(name))
            return
        instance.revoked = True
        if instance.leases == 0:
            self._drained(instance)
        self._lost(instance)

    def fail(self, model: str, failure: Failure) -> None:
        """The model cannot be had now; everybody who waited for it hears why."""
        target = self._tables.targets.get(model)
        if target is None:
            return
        target.failure = failure
        target.loading = None
        self.slots.look(target)
        waiters, target.waiters = list(target.waiters), Line()
        for waiter in waiters:
            waiter.refused()

    def progress(self, loading: Loading) -> None:
        """News of a model that may be had: an earlier failure does not stand any more."""
        target = self._tables.targets.get(loading.model)
        if target is not None:
            target.loading = loading
            target.failure = None

    def rebind(self, orphans: list[Target]) -> None:
        """A new snapshot came: targets it still names find their instances and perhaps have more slots, waiters of the
        others hear that they are gone."""
        for instance in self.instances.values():
            target = self._tables.targets.get(instance.endpoint.model)
            if target is not None and target.instance is None and not instance.revoked:
                target.instance = instance
                instance.put(target.roads)
        self.slots.look_at(self._tables.targets.values())
        for target in orphans:
            self.slots.clear(target)
            waiters, target.waiters = list(target.waiters), Line()
            for waiter in waiters:
                waiter.orphaned()

    # ---- from requests

    def lease(self, instance: Instance) -> None:
        instance.leases += 1
        if instance.leases == 1:
            self._uplink.send(link.Activity(instance.endpoint.instance, True))

    def release(self, instance: Instance, keep_alive: float | None) -> None:
        """Give a lease back; `keep_alive` are the seconds its request asks for, if it does (the last one decides)."""
        instance.leases -= 1
        if instance.leases == 0:
            if instance.unload:
                instance.unload, keep_alive = False, 0.0
            self._uplink.send(link.Activity(instance.endpoint.instance, False, keep_alive))
            if instance.revoked:
                self._drained(instance)

    def wait(self, target: Target, waiter: Waiter) -> None:
        """Ask for this target and be told once."""
        others = target.asked if target.waiters else None
        target.waiters.join(waiter)
        target.asked = _either(others, waiter.priority, waiter.evict)
        self._ask(target, *target.asked)

    def leave(self, target: Target, waiter: Waiter) -> None:
        """Stop waiting."""
        if not target.waiters.leave(waiter):
            return
        before, target.asked = target.asked, _asked(target)
        if target.asked is not None and target.asked != before:
            self._ask(target, *target.asked)
        else:
            self._uplink.send(link.Waiting(target.name, len(target.waiters)))

    def warm(self, target: Target, priority: int, evict: bool) -> None:
        """Ask for this target without waiting."""
        now = monotonic()
        if now - target.warmed_at >= _WARM_EVERY:
            target.warmed_at = now
            self._ask(target, *_either(target.asked if target.waiters else None, priority, evict))

    def _ask(self, target: Target, priority: int, evict: bool) -> None:
        self._uplink.send(link.Ensure(target.name, len(target.waiters), priority, evict))

    def suspect(self, instance: Instance, why: str) -> None:
        """This instance broke something: use it no more until control has looked at it."""
        if instance.usable:
            instance.suspect = True
            self._uplink.send(link.Suspect(instance.endpoint.instance, why))
            self._lost(instance)

    # ---- for the link

    def held(self) -> tuple[link.Held, ...]:
        return tuple(link.Held(i.endpoint, i.leases) for i in self.instances.values())

    def resend(self) -> None:
        """The control process is new or back: say again what is waited for."""
        for target in self._tables.targets.values():
            if target.waiters and (asked := _asked(target)) is not None:
                self._ask(target, *asked)

    def _lost(self, instance: Instance) -> None:
        """Who waits for a slot of this instance's target must choose again."""
        target = self._tables.targets.get(instance.endpoint.model)
        if target is not None:
            self.slots.look(target)

    def _drained(self, instance: Instance) -> None:
        name = instance.endpoint.instance
        self.instances.pop(name, None)
        instance.pool.close()
        target = self._tables.targets.get(instance.endpoint.model)
        if target is not None and target.instance is instance:
            target.instance = None
        self._uplink.send(link.Drained(name))


def _either(others: tuple[int, bool] | None, priority: int, evict: bool) -> tuple[int, bool]:
    """The most that these and one more may ask for."""
    return (priority, evict) if others is None else (max(others[0], priority), others[1] or evict)


def _asked(target: Target) -> tuple[int, bool] | None:
    """The most that those who wait may ask for."""
    asked = None
    for waiter in target.waiters:
        asked = _either(asked, waiter.priority, waiter.evict)
    return asked
