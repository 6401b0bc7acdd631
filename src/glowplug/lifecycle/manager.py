"""The lifecycle manager: what the control process calls.

Everything about one model happens in its slot's own queue; the manager finds the slot.  All methods are to be called on
the event loop's thread.  What is loaded beside what is decided by `lifecycle.admission`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from glowplug.domain.hardware import Reading
from glowplug.domain.instance import Failure, FailureKind, InstanceView
from glowplug.domain.model import Group, LocalModel
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.engines.base import Engine
from glowplug.engines.programs import FlagCatalogue
from glowplug.errors import NotFound
from glowplug.launchers.base import Launcher
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.admission import Admission, Hardware
from glowplug.lifecycle.digest import file_stamp, policy_of
from glowplug.lifecycle.footprint import Footprints
from glowplug.lifecycle.hosted import HostProber, Hosts
from glowplug.lifecycle.learned import RunBook
from glowplug.lifecycle.lending import Lending
from glowplug.lifecycle.planner import Planner
from glowplug.lifecycle.ports import Outbox, Prober, Scheduler, Timer, free_port
from glowplug.lifecycle.probe import HttpProber
from glowplug.lifecycle.queueing import Rules, Traits
from glowplug.lifecycle.reconcile import Found, reconcile
from glowplug.lifecycle.records import Records
from glowplug.lifecycle.slot import Kit, Slot
from glowplug.wire.link import Held

log = logging.getLogger(__name__)

LEARN_AFTER = 3.0
"""Seconds after a start or a reload at which programs are asked for their flags, when nothing asked before."""
REMOVED = "it was removed from the configuration"


class Manager:
    """Owns one slot for each local model."""

    def __init__(
        self,
        launcher: Launcher,
        engines: Mapping[str, Engine],
        records: Records,
        clock: Scheduler,
        outbox: Outbox,
        hardware: Hardware,
        *,
        logs: Path,
        prober: Prober | None = None,
        pick_port: Callable[[], int] = free_port,
        footprints: Footprints | None = None,
    ) -> None:
        daemons = next((engine for engine in engines.values() if engine.hosted), None)
        hosts = None if daemons is None else Hosts(daemons, launcher, clock, records.directory / "daemons", logs)
        prober = prober or HttpProber()
        self._kit = Kit(
            hosts=hosts,
            launcher=launcher,
            engines=engines,
            records=records,
            clock=clock,
            outbox=outbox,
            prober=prober if hosts is None else HostProber(prober, hosts),
            catalogue=FlagCatalogue(),
            admission=Admission(clock, hardware),
            footprints=footprints or Footprints(RunBook(records.directory)),
            logs=logs,
            pick_port=pick_port,
        )
        self._kit.admission.watch(self)
        self._slots: dict[str, Slot] = {}
        self.planner = Planner(self._slots, self._kit.admission, self._kit.footprints, clock)
        self.lending = Lending(self._kit.admission, self.planner, clock, records.directory)
        self._workers: set[str] = set()
        self._learn_timer: Timer | None = None
        self._learning: asyncio.Task[None] | None = None

    # ---- configuration

    async def start(
        self,
        models: Iterable[LocalModel],
        memory: MemorySettings | None = None,
        scheduling: SchedulingSettings | None = None,
        groups: Iterable[Group] = (),
    ) -> None:
        """Take the models on, adopt the engines that an earlier control process left, stop what does not fit."""
        self.configure(models, memory, scheduling, groups)
        digests = {name: slot.machine.policy.digest for name, slot in self._slots.items()}
        adopted = set(self._kit.hosts.recover()) if self._kit.hosts is not None else set()
        for found in reconcile(self._kit.records.load(), digests):
            if self._adopt(found):
                adopted.add(found.record.instance)
            else:
                self._kit.records.remove(found.record.model)
        self.lending.restore()
        if strays := self._kit.launcher.sweep(frozenset(adopted)):
            log.warning("killed processes that no record knows: %s", ", ".join(map(str, strays)))

    def _adopt(self, found: Found) -> bool:
        record = found.record
        slot = self._slots.get(record.model)
        if slot is None:
            engine = record.engine if record.engine in self._kit.engines else next(iter(self._kit.engines))
            ghost = LocalModel(name=record.model, engine=engine, path="", command=(), stop_timeout=record.stop_timeout)
            slot = self._add(ghost)
            slot.retired = True
        taken = slot.adopt(record, fits=found.fits)
        if taken and found.fits:
            log.info("adopted %s (pid %d)", record.model, record.pid)
        elif taken:
            log.warning("stopping %s (pid %d): %s", record.model, record.pid, found.why)
        return taken

    def configure(
        self,
        models: Iterable[LocalModel],
        memory: MemorySettings | None = None,
        scheduling: SchedulingSettings | None = None,
        groups: Iterable[Group] = (),
    ) -> None:
        """The models there are now, and the rules for their memory.  Only changed and removed models are touched."""
        wanted = {model.name: model for model in models}
        self._rule(wanted, memory or MemorySettings(), scheduling or SchedulingSettings(), groups)
        for name, slot in list(self._slots.items()):
            if name not in wanted and not slot.retired:
                slot.retired = True
                slot.post(ev.StopAsked(why=REMOVED))
        for name, model in wanted.items():
            known = self._slots.get(name)
            if known is None:
                self._add(model)
            elif known.model != model or known.retired:
                self._change(known, model)
        if self._learn_timer is not None:
            self._learn_timer.cancel()
        self._learn_timer = self._kit.clock.call_later(LEARN_AFTER, self._learn)

    def _rule(
        self,
        models: Mapping[str, LocalModel],
        memory: MemorySettings,
        scheduling: SchedulingSettings,
        groups: Iterable[Group],
    ) -> None:
        rules = Rules(scheduling.min_residency, scheduling.starvation, scheduling.queue, memory.pressure)
        traits = {
            name: Traits(model.priority, model.pinned, model.groups, model.keep_alive) for name, model in models.items()
        }
        self._kit.footprints.learn = scheduling.learn
        self._kit.admission.configure(rules, traits, groups, memory.reserve, memory.host_reserve)

    def _change(self, slot: Slot, model: LocalModel) -> None:
        slot.retired = False
        slot.model = model
        slot.engine = self._kit.engines[model.engine]
        slot.post(ev.Reconfigured(policy_of(slot.engine, model)))

    def _add(self, model: LocalModel) -> Slot:
        slot = Slot(self._kit, model, self._drop)
        self._slots[model.name] = slot
        for worker in self._workers:
            slot.post(ev.WorkerJoined(worker))
        return slot

    def _drop(self, name: str) -> None:
        """A retired model's process is gone."""
        self._slots.pop(name).detach()

    def _learn(self) -> None:
        """Ask the programs for their flags, and find the footprints, before a first request has to wait for that."""
        slots = [slot for slot in self._slots.values() if not slot.retired]
        footprints, reading = self._kit.footprints, self._kit.admission.reading(age=60.0)

        async def ask() -> None:
            for slot in slots:
                if footprints.known(slot.engine, slot.model, reading) is None:
                    await asyncio.to_thread(footprints.find, slot.engine, slot.model, reading)
                if not slot.engine.help_argument:
                    continue
                environment = self._kit.launcher.environment(slot.engine.env(slot.model))
                await self._kit.catalogue.learn(slot.model.command, slot.engine.help_argument, environment)

        if slots:
            self._learning = asyncio.get_running_loop().create_task(ask())

    # ---- workers

    def worker_joined(self, worker: str, held: Sequence[Held] = ()) -> None:
        """A worker connected, with the grants it still holds; those that cannot be confirmed are taken back."""
        self._workers.add(worker)
        leases = {entry.endpoint.instance: entry.active > 0 for entry in held}
        for slot in list(self._slots.values()):
            slot.post(ev.WorkerJoined(worker, leases.pop(slot.instance, None)))
        for instance in leases:
            self._kit.outbox.revoke(instance, worker)

    def worker_left(self, worker: str) -> None:
        """A worker's process is gone (a mere lost connection is not that: it may still be serving)."""
        self._workers.discard(worker)
        for slot in list(self._slots.values()):
            slot.post(ev.WorkerLeft(worker))

    def ensure(self, worker: str, model: str, waiting: int, priority: int = 0, *, evict: bool = True) -> None:
        """A worker needs the model ready; `waiting` of its requests wait (0: warm it).  `priority` is the highest of
        their keys; `evict`: one of them may unload other models for it."""
        slot = self._slots.get(model)
        if slot is None or slot.retired:
            gone = Failure(kind=FailureKind.STOPPED, message=f"{model}: {REMOVED}", permanent=True)
            self._kit.outbox.failed(model, gone)
            return
        if worker not in self._workers:
            log.warning("worker %s asks for %s but has not joined", worker, model)
        slot.post(ev.Ensure(worker, waiting, stamp=file_stamp(slot.model), priority=priority, evict=evict))

    def waiting(self, worker: str, model: str, waiting: int) -> None:
        """The number of this worker's waiting requests changed."""
        if slot := self._slots.get(model):
            slot.post(ev.WaitersChanged(worker, waiting))

    def activity(self, worker: str, instance: str, busy: bool, keep_alive: float | None = None) -> None:
        """A worker's leases on an instance went 0→1 (`busy`) or 1→0, and then the last request may have said how
        long it is to be kept."""
        if slot := self._by_instance(instance):
            slot.post(ev.LeaseReport(worker, busy, keep_alive))

    def drained(self, worker: str, instance: str) -> None:
        """A worker's last lease on a revoked instance has ended."""
        if slot := self._by_instance(instance):
            slot.post(ev.Drained(worker))

    def suspect(self, instance: str, why: str) -> None:
        """A worker had trouble with an instance: look whether it is alive."""
        if slot := self._by_instance(instance):
            log.info("looking at %s: %s", slot.model.name, why)
            slot.post(ev.Suspected(why))

    def _by_instance(self, instance: str) -> Slot | None:
        return next((slot for slot in self._slots.values() if instance and slot.instance == instance), None)

    def looked(self, reading: Reading) -> None:
        """The devices were read while something is loaded."""
        for slot in list(self._slots.values()):
            slot.tenancy.looked(reading)

    # ---- people

    def _slot(self, name: str) -> Slot:
        slot = self._slots.get(name)
        if slot is None or slot.retired:
            raise NotFound(f"there is no local model {name}", hint="glowplug models lists them")
        return slot

    async def start_model(self, name: str) -> InstanceView:
        """Ensure ready, back-off or not.  Raises NotFound, EngineFailed."""
        slot = self._slot(name)
        ready = slot.when_ready()
        slot.post(ev.Ensure(explicit=True, stamp=file_stamp(slot.model)))
        await ready
        return slot.view(memory=True)

    async def stop_model(self, name: str, force: bool = False) -> InstanceView:
        """Revoke, drain (not with `force`), stop; back when its processes are gone.  Raises NotFound."""
        slot = self._slot(name)
        stopped = slot.when_stopped()
        slot.post(ev.StopAsked(force))
        await stopped
        return slot.view(memory=True)

    def views(self) -> list[InstanceView]:
        """One row for each local model, in the order of the configuration."""
        return [slot.view(memory=True) for slot in self._slots.values()]

    def log_file(self, name: str) -> Path:
        """Where the engine of a model writes to.  Raises NotFound."""
        return self._slot(name).log.path

    # ---- suspend

    async def rest(self, why: str, drain: float) -> None:
        """Stop everything and start nothing until `resume`: streams may go on for `drain` seconds.  What is asked for
        meanwhile waits."""
        self._kit.admission.hold(why)
        slots = [slot for slot in self._slots.values() if slot.machine.state.alive]
        stopped = [slot.when_stopped() for slot in slots]
        for slot in slots:
            slot.post(ev.StopAsked(why=why))
        if stopped:
            await asyncio.wait(stopped, timeout=drain)
        for slot in slots:
            slot.post(ev.StopAsked(force=True, why=why))
        await asyncio.gather(*stopped)

    def resume(self) -> None:
        """Read the devices anew and give memory again."""
        self._kit.admission.hold("")

    # ---- end

    async def close(self, *, stop_engines: bool = True, drain: float = 0.0) -> None:
        """Stop everything (streams may go on for `drain` seconds), or leave the engines to the next control process."""
        slots = list(self._slots.values())
        if stop_engines:
            stopped = [slot.when_stopped() for slot in slots]
            for slot in slots:
                slot.post(ev.StopAsked(force=drain <= 0, why="Glowplug is shutting down"))
            if drain > 0 and stopped:
                await asyncio.wait(stopped, timeout=drain)
                for slot in slots:
                    slot.post(ev.StopAsked(force=True, why="Glowplug is shutting down"))
            await asyncio.gather(*stopped)
        for slot in slots:
            slot.detach()
        if self._kit.hosts is not None:
            await self._kit.hosts.close(stop=stop_engines)
        self.lending.close()
        self._kit.admission.close()
        for pending in (self._learn_timer, self._learning):
            if pending is not None:
                pending.cancel()
        self._kit.prober.close()
