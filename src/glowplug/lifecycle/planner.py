"""Explaining: what a load would do, and who holds which memory.  Looks, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from glowplug.domain.fit import FitView, OptionValue
from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.instance import State
from glowplug.domain.plan import DeviceView, EvictionView, MemoryView, PlanView, RunView, Verdict
from glowplug.lifecycle import deciding, fitting
from glowplug.lifecycle.admission import Admission
from glowplug.lifecycle.deciding import Decision, in_words
from glowplug.lifecycle.footprint import Footprints
from glowplug.lifecycle.placement import need_of, place_of
from glowplug.lifecycle.ports import Scheduler
from glowplug.lifecycle.queueing import PREFIX
from glowplug.lifecycle.slot import Slot
from glowplug.units import format_duration

_LOADED = (State.READY, State.BUSY)
_ON_THE_WAY = (State.STARTING, State.LOADING)


class Planner:
    """Answers `glowplug plan` and `glowplug memory`."""

    def __init__(
        self, slots: Mapping[str, Slot], admission: Admission, footprints: Footprints, clock: Scheduler
    ) -> None:
        self._slots = slots
        self._admission = admission
        self._footprints = footprints
        self._clock = clock

    # ---- a model

    def plan(self, name: str) -> PlanView:
        """What a load of this local model would do now."""
        slot = self._slots[name]
        reading = self._admission.reading(age=0.5)
        footprint = self._footprints.known(slot.engine, slot.model, reading)
        footprint = footprint or self._footprints.quick(slot.engine, slot.model, reading)
        state = slot.machine.state
        if state in (*_LOADED, *_ON_THE_WAY):
            return self._there(slot, footprint)
        decision = self._admission.explain(name, slot.tenancy.need(footprint))
        view = self.view_of(name, decision, footprint)
        eta = slot.machine.expected if view.verdict in (Verdict.FITS, Verdict.AFTER_EVICTING) else None
        machine = slot.machine
        failure = slot.public(machine.failure, machine.retry_at) if machine.failure is not None else None
        return msgspec.structs.replace(
            view,
            eta_s=eta,
            queue_position=slot.tenancy.position,
            failure=failure,
            estimate_error=self._footprints.typical_error(name),
        )

    def runs(self, name: str) -> tuple[RunView, ...]:
        """What loads of this model really took, the newest first."""
        return tuple(
            RunView(
                at=run.at,
                estimate_device=run.estimate_device,
                estimate_host=run.estimate_host,
                source=run.source,
                measured_device=None if run.short else run.device,
                measured_host=None if run.short else run.host,
                error=run.error,
                seconds=run.seconds,
                short=run.short,
            )
            for run in reversed(self._footprints.history(name))
        )

    async def fit(self, name: str, options: Mapping[str, OptionValue], written: Mapping[str, object]) -> FitView:
        """What a load would do with these options beside its own, as if it were not loaded.  `written` are its settings
        as the configuration shows them.  Raises RequestError for options that cannot be supposed."""
        slot = self._slots[name]
        engine = slot.engine
        model = fitting.supposed(engine, slot.model, options)
        reading = self._admission.reading(age=0.5)
        footprint = await asyncio.to_thread(self._footprints.imagined, engine, model, reading)
        need = need_of(footprint, model.devices, spread=footprint.source is not Source.POLICY)
        decision = self._admission.explain(name, need, anew=True)
        scheduler = self._admission.scheduler
        return FitView(
            engine=engine.name,
            plan=self.view_of(name, decision, footprint),
            command=fitting.command(
                engine, model, written, options, place_of(decision.claim, scheduler.rooms, scheduler.free())
            ),
            choices=fitting.choices(engine, model),
        )

    def _there(self, slot: Slot, footprint: Footprint) -> PlanView:
        machine = slot.machine
        claim = slot.tenancy.place.claim
        what = "is loaded" if machine.state in _LOADED else "is loading"
        eta = 0.0
        if machine.state in _ON_THE_WAY and machine.expected is not None:
            eta = max(machine.expected - (self._clock.monotonic() - machine.load.started), 0.1)
        return PlanView(
            model=slot.model.name,
            verdict=Verdict.READY,
            why=f"{slot.model.name} {what} with {in_words(claim)}",
            claim=claim,
            footprint=footprint,
            eta_s=round(eta, 1),
            devices=self.memory().data,
        )

    def view_of(self, name: str, decision: Decision, footprint: Footprint) -> PlanView:
        """A decision for people."""
        verdicts = {
            deciding.Verdict.ADMIT: Verdict.FITS,
            deciding.Verdict.EVICT: Verdict.AFTER_EVICTING,
            deciding.Verdict.WAIT: Verdict.WAITS,
            deciding.Verdict.REFUSE: Verdict.NEVER,
        }
        verdict = verdicts[decision.verdict]
        words = in_words(decision.claim)
        why = {
            Verdict.FITS: f"it needs {words}, and that is free",
            Verdict.AFTER_EVICTING: f"it needs {words}; {', '.join(decision.victims)} would be unloaded for it",
        }.get(verdict, decision.why)
        return PlanView(
            model=name,
            verdict=verdict,
            why=why,
            claim=decision.claim,
            footprint=footprint,
            evict=tuple(self._eviction(victim) for victim in decision.victims),
            devices=self.memory().data,
        )

    def _eviction(self, victim: str) -> EvictionView:
        slot = self._slots.get(victim)
        held = self._admission.scheduler.holdings[victim]
        idle = "in use" if held.wanted else f"idle for {format_duration(round(self._clock.monotonic() - held.used_at))}"
        again = "" if held.reload_seconds is None else f", loads again in {held.reload_seconds:.1f} s"
        return EvictionView(
            model=victim,
            why=idle + again,
            frees=dict(held.claim),
            state=slot.machine.state if slot else State.READY,
            reload_seconds=held.reload_seconds,
        )

    # ---- the devices

    def memory(self) -> MemoryView:
        """All devices as they are now, the machine's own memory last."""
        reading = self._admission.reading(age=0.5)
        self._admission.look()
        rooms = {room.id: room for room in self._admission.scheduler.rooms}
        free = self._admission.scheduler.free()
        views = []
        for device in reading.devices:
            room = rooms.get(device.id)
            claims = {
                name: held.claim[device.id]
                for name, held in self._admission.scheduler.holdings.items()
                if held.claim.get(device.id)
            }
            views.append(
                DeviceView(
                    id=device.id,
                    name=device.name,
                    total=device.total,
                    used=device.used,
                    ours={name: size for name, size in claims.items() if not name.startswith(PREFIX)},
                    others=room.others if room else None,
                    other_names=room.holders if room else (),
                    leases={
                        name.removeprefix(PREFIX): size for name, size in claims.items() if name.startswith(PREFIX)
                    },
                    reserve=room.reserve if room else 0,
                    free=max(free[device.id], 0) if room else None,
                    problem=device.problem or _shared(device.unified),
                )
            )
        return MemoryView(data=tuple(views), problems=reading.problems)


def _shared(unified: bool) -> str:
    return "it shares the machine's memory and is counted there" if unified else ""
