"""A model's dealings with memory: asks for it, knows what it was given, measures what it takes, gives it back.

One of these belongs to each slot; towards the admission it is the client.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import msgspec

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import Reading
from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine
from glowplug.launchers import procfs
from glowplug.launchers.base import Running
from glowplug.lifecycle import accounting
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.admission import FRESH, Admission
from glowplug.lifecycle.events import Event
from glowplug.lifecycle.footprint import Footprints
from glowplug.lifecycle.hosted import HostedModel
from glowplug.lifecycle.learned import Run
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.measuring import Measure, settled, shortage
from glowplug.lifecycle.placement import Need, need_of
from glowplug.lifecycle.ports import Scheduler, Timer
from glowplug.lifecycle.queueing import Phase
from glowplug.units import format_size

log = logging.getLogger(__name__)

AFTER_READY = 0.2
"""Seconds after readiness at which a run is measured: the requests that waited go first."""
_PHASES = {
    State.STARTING: Phase.LOADING,
    State.LOADING: Phase.LOADING,
    State.READY: Phase.LOADED,
    State.BUSY: Phase.LOADED,
    State.ASLEEP: Phase.ASLEEP,
    State.DRAINING: Phase.LEAVING,
    State.STOPPING: Phase.LEAVING,
    State.RELEASING: Phase.LEAVING,
}
_SETTLED = (State.READY, State.BUSY, State.ASLEEP)
_USABLE = (State.READY, State.BUSY)


class Kit(Protocol):
    @property
    def clock(self) -> Scheduler: ...
    @property
    def admission(self) -> Admission: ...
    @property
    def footprints(self) -> Footprints: ...


class Tenant(Protocol):
    """The part of a slot that is used here."""

    model: LocalModel
    engine: Engine
    machine: Machine
    running: Running | None
    load_seconds: float | None

    @property
    def kit(self) -> Kit: ...
    def post(self, event: Event) -> None: ...
    def claimed(self, claim: dict[str, int]) -> None:
        """What it holds has changed: a later control process has to know."""
        ...

    def told(self) -> None:
        """Position or reason have changed: tell whoever waits."""
        ...


class Tenancy:
    """The client of the admission for one model."""

    def __init__(self, slot: Tenant) -> None:
        self._slot = slot
        self.place = Place()
        self.footprint = Footprint()
        self.position: int | None = None
        self.why = ""
        self.measure = Measure()
        self._run: Run | None = None
        self._finding: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._awaited = False

    @property
    def name(self) -> str:
        return self._slot.model.name

    # ---- asking

    def ask(self) -> None:
        """The machine wants memory.  The footprint is looked up in a thread the first time; then it is known."""
        kit, slot = self._slot.kit, self._slot
        if self._finding is not None:
            return
        reading = kit.admission.reading(age=5.0)
        known = kit.footprints.known(slot.engine, slot.model, reading)
        if known is not None:
            self._want(known)
        else:
            self._finding = asyncio.get_running_loop().create_task(self._find(reading))

    async def _find(self, reading: Reading) -> None:
        kit, slot = self._slot.kit, self._slot
        model = slot.model
        try:
            found = await asyncio.to_thread(kit.footprints.find, slot.engine, model, reading)
        except OSError as error:  # a file that vanishes while it is read: the launch will say what is wrong
            log.warning("%s: its footprint could not be found: %s", model.name, error)
            found = Footprint()
        self._finding = None
        if slot.model is model:
            self._want(found)
        else:
            self.ask()

    def _want(self, footprint: Footprint) -> None:
        slot = self._slot
        self.footprint = slot.kit.footprints.with_weights(slot.engine, slot.model, footprint)
        demand = slot.machine.demand
        priority = slot.model.priority + demand.priority
        slot.kit.admission.want(
            self, self.need(footprint), priority, evict=demand.evict, reload_seconds=slot.machine.expected
        )

    def need(self, footprint: Footprint) -> Need:
        """The footprint in the terms of a placement; one that woke up stays on the devices it has."""
        model = self._slot.model
        devices = self.place.accelerators if self._slot.machine.state is State.ASLEEP else model.devices
        return need_of(footprint, devices, spread=footprint.source is not Source.POLICY)

    def withdraw(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
            self._finding = None
        self.position, self.why = None, ""
        self._slot.kit.admission.withdraw(self)

    # ---- what the admission says

    def admitted(self, place: Place) -> None:
        waking = self._slot.machine.state is State.ASLEEP
        self.place, self.position, self.why = place, None, ""
        if not waking:
            self.measure, self._run = Measure(), None
            self.measure.begin(self._slot.kit.admission.reading(age=1.0))
        self._slot.post(ev.Admitted())

    def refused(self, failure: Failure, retry_at: float) -> None:
        self.position, self.why = None, ""
        self._slot.post(ev.NotAdmitted(failure, retry_at))

    def evict(self, why: str) -> None:
        self.why = why
        self._slot.post(ev.EvictAsked(why))

    def queued(self, position: int, why: str) -> None:
        self.position, self.why = position, why
        self._slot.told()

    def pids(self) -> frozenset[int]:
        """Anew while they come and go; as last seen while it is loaded."""
        running = self._slot.running
        if running is None:
            return frozenset()
        if isinstance(running, HostedModel):
            return frozenset(running.processes())
        if self._slot.machine.state not in _SETTLED or not self.measure.pids:
            return frozenset(running.survivors())
        return self.measure.pids

    def told(self) -> dict[str, int]:
        """What a daemon that is not ours says it holds for this model, by device: its processes are not known."""
        return {} if self.pids() else self._told()

    def _told(self) -> dict[str, int]:
        """What a daemon says it holds for this model, by device: its processes serve others as well."""
        running = self._slot.running
        size = running.device_memory if running is not None else None
        accelerators = self.place.accelerators
        return {id: size // len(accelerators) for id in accelerators} if size else {}

    def device_bytes(self) -> int:
        """What it holds on accelerators, all together, as far as the drivers, or its daemon, tell.  A second old
        at most: this is for showing how far a load is."""
        if not self.place.accelerators:
            return 0
        held = self.told() if self._slot.engine.hosted else self._held(age=1.0)
        return sum(held.get(id, 0) for id in self.place.accelerators)

    def private_bytes(self) -> int:
        running = self._slot.running
        if self._slot.engine.hosted:
            return ((running.memory() or 0) - (running.device_memory or 0)) if running is not None else 0
        if self._slot.machine.state in _SETTLED and self.measure.pids:
            return self.measure.private
        return procfs.private_bytes(self.pids())

    # ---- how it stands

    def report(self) -> None:
        """Tell the admission how the machine stands; it hears of it after everything that happened."""
        machine = self._slot.machine
        phase = _PHASES.get(machine.state)
        wanted = machine.demand.busy > 0 if machine.state in (State.READY, State.BUSY) else machine.demand.wanted
        if phase is Phase.LOADING:
            self._awaited = machine.demand.waiting > 0
        self._slot.kit.admission.stands(self, phase, wanted=wanted, awaited=self._awaited)

    def adopt(self, claim: dict[str, int]) -> None:
        """An engine of an earlier control process holds this."""
        reading = self._slot.kit.admission.reading(age=1.0)
        devices = {device.id: device for device in reading.devices}
        there = {id: bytes_ for id, bytes_ in claim.items() if id in devices}
        self.place = Place(
            claim=there,
            totals={id: devices[id].total or 0 for id in there},
            indexes={id: devices[id].index for id in there if devices[id].accelerator},
            kind=next((devices[id].kind.value for id in there if devices[id].accelerator), ""),
        )
        phase = _PHASES.get(self._slot.machine.state, Phase.LOADING)
        self._slot.kit.admission.stands(self, phase, wanted=False, claim=there)

    def forget(self) -> None:
        """Its memory is back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.place, self.why = Place(), ""
        self._slot.kit.admission.stands(self, None, wanted=False)

    def close(self) -> None:
        """Nothing more is asked or measured."""
        for pending in (self._finding, self._timer):
            if pending is not None:
                pending.cancel()
        self._finding = self._timer = None

    # ---- measuring

    def ready(self, seconds: float | None = None) -> None:
        """It can be used: measure it in a moment.  `seconds`: how long it took to load, and then the run is remembered;
        None: it was adopted, or woke up."""

        def measure() -> None:
            self._timer = None
            self._measured(seconds)

        if self._timer is None:
            self._timer = self._slot.kit.clock.call_later(AFTER_READY, measure)

    def _measured(self, seconds: float | None) -> None:
        slot, kit = self._slot, self._slot.kit
        # What drains still has its memory, unless it is about to sleep.
        holds = _USABLE if slot.model.sleep else (*_USABLE, State.DRAINING)
        if slot.running is None or slot.machine.state not in holds:
            return
        reading = kit.admission.reading()
        self._see(reading)
        key = kit.footprints.key(slot.engine, slot.model, reading)
        if seconds is not None:
            self.measure.ready = dict(self.measure.peak)
            self._run = self.measure.run(key, self.footprint, kit.clock.unix(), seconds)
            kit.footprints.remember(slot.model, self._run)
            kit.footprints.find(slot.engine, slot.model, reading)  # so that the next start need not
        elif self._run is None:
            self.measure.ready = self.measure.ready or dict(self.measure.peak)
            self._run = kit.footprints.last_run(slot.model, key)
            self._note_growth()
        self._settle(seconds)

    def _see(self, reading: Reading) -> None:
        running = self._slot.running
        assert running is not None
        if self._slot.engine.hosted:
            self.measure.seen(reading, frozenset(), self.private_bytes(), self.private_bytes(), self._told())
            return
        pids = frozenset(running.survivors())
        self.measure.seen(reading, pids, running.memory(), procfs.private_bytes(pids))

    def _settle(self, seconds: float | None = None) -> None:
        if self._slot.machine.state is State.ASLEEP:
            return  # it went to sleep before it was measured, and claims what it holds asleep
        claim = settled(self.place.claim, self.measure.peak, self.footprint)
        if claim != self.place.claim or seconds is not None:
            self._hold(claim, seconds)

    def _hold(self, claim: dict[str, int], seconds: float | None = None) -> None:
        """From now on it claims this."""
        self.place = msgspec.structs.replace(self.place, claim=claim)
        self._slot.claimed(claim)
        machine = self._slot.machine
        phase = _PHASES.get(machine.state)
        if phase is not None:
            wanted = machine.demand.busy > 0
            self._slot.kit.admission.stands(self, phase, wanted=wanted, claim=claim, reload_seconds=seconds)

    def looked(self, reading: Reading) -> None:
        """The devices were read again while it is loaded: does it hold more than it was seen to?"""
        slot = self._slot
        if slot.running is None:
            return
        if failure := lost_device(reading, self.place):
            slot.post(ev.Reported(failure))
        if slot.machine.state not in _USABLE or self._timer is not None:
            return
        before = dict(self.measure.peak)
        self._see(reading)
        if self.measure.peak != before:
            self._note_growth()
            self._settle()

    def _note_growth(self) -> None:
        if self._run is None:
            return
        fresh = self._run.grown_to(self.measure.run(self._run.key, self.footprint, self._run.at, self._run.seconds))
        if fresh.outgrew(self._run):
            self._run = fresh
            self._slot.kit.footprints.grown(self._slot.model.name, fresh)

    def fell_short(self) -> None:
        """It found the memory full and ended: the next attempt asks for more, so that more makes room for it."""
        kit, slot = self._slot.kit, self._slot
        key = kit.footprints.key(slot.engine, slot.model, kit.admission.reading(age=1.0))
        most = kit.admission.most(self.need(self.footprint))
        run = shortage(key, kit.clock.unix(), self.footprint, self.place.claim, self.measure.peak, most)
        kit.footprints.remember(slot.model, run)

    # ---- sleeping

    def before_sleep(self) -> None:
        """It is about to give its memory back: see what it holds, so that what is left can be judged."""
        self._see(self._slot.kit.admission.reading())

    def still_held(self, residual: float) -> str:
        """Why it does not count as asleep: it holds more than this share of what it held awake.  Empty when it does,
        and where the driver does not say what it holds."""
        held = self._held()
        for id in self.place.accelerators:
            most = self.measure.peak.get(id, 0)
            if held.get(id, 0) > most * residual:
                return f"it still holds {format_size(held[id])} of {format_size(most)} of {id}"
        return ""

    def fell_asleep(self, residual: float) -> None:
        """From now on it claims what it was seen to hold asleep; where the driver does not say, the share of what it
        had that it may keep."""
        reading, held, claim = self._slot.kit.admission.reading(FRESH), self._held(), dict(self.place.claim)
        for id in self.place.accelerators:
            device = reading.device(id)
            told = device is not None and accounting.listed(device) is not None
            claim[id] = held.get(id, 0) if told else int(claim[id] * residual)
        self._hold(claim)

    def _held(self, age: float = 0.0) -> dict[str, int]:
        running = self._slot.running
        pids = frozenset(running.survivors()) if running is not None else frozenset()
        return accounting.held_by(self._slot.kit.admission.reading(age), pids)

    def missing(self) -> dict[str, int]:
        """What its devices have not got back although its processes are gone."""
        if not self.place.accelerators:
            return {}
        return self.measure.missing(self._slot.kit.admission.reading())


def lost_device(reading: Reading, place: Place) -> Failure | None:
    """The failure of an instance whose device or driver has gone, or None."""
    for id in place.accelerators:
        device = reading.device(id)
        if device is not None and device.accelerator and device.total is None:
            return Failure(
                kind=FailureKind.DRIVER_LOST,
                message=f"{id} is lost: {device.problem or 'its driver does not answer'}",
                hint="see to the driver; the model is not run without the device it was given",
            )
    return None
