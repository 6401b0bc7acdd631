"""One model's instance being looked after: carries out what its machine asks for and tells it what happened.

Events are queued and handled one after the other, so an effect that causes an event at once (a launch that fails, say)
never re-enters the machine.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from glowplug import ids
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, LoadReport
from glowplug.engines.placeholders import launch_environment
from glowplug.engines.programs import FlagCatalogue
from glowplug.errors import EngineFailed
from glowplug.launchers import procfs
from glowplug.launchers.base import Launcher, LaunchError, LaunchSpec, Running
from glowplug.lifecycle import events as ev
from glowplug.lifecycle import view
from glowplug.lifecycle.admission import Admission
from glowplug.lifecycle.digest import file_stamp, policy_of
from glowplug.lifecycle.events import Effect, Event
from glowplug.lifecycle.footprint import Footprints
from glowplug.lifecycle.hosted import LAUNCHER as HOSTED
from glowplug.lifecycle.hosted import Hosts
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.moves import COMING, GRANTED
from glowplug.lifecycle.ports import Outbox, Prober, Scheduler, Timer
from glowplug.lifecycle.records import InstanceRecord, Records, file_name, record_of
from glowplug.lifecycle.talks import Talks
from glowplug.lifecycle.tenancy import Tenancy
from glowplug.lifecycle.watch import Watches

log = logging.getLogger(__name__)

_OF_A_PROCESS = (FailureKind.HANG, FailureKind.CRASH, FailureKind.PORT_TAKEN, FailureKind.CPU_FALLBACK)
"""Failures that something ran for, so that its log says more."""


@dataclass(frozen=True)
class Kit:
    """What every slot works with."""

    launcher: Launcher
    engines: Mapping[str, Engine]
    records: Records
    clock: Scheduler
    outbox: Outbox
    prober: Prober
    catalogue: FlagCatalogue
    admission: Admission
    footprints: Footprints
    hosts: Hosts | None
    """The daemons, where an engine is hosted by one."""
    logs: Path
    pick_port: Callable[[], int]


class Slot:
    """Owns the machine, the process and the timers of one model."""

    def __init__(self, kit: Kit, model: LocalModel, on_gone: Callable[[str], None]) -> None:
        self.kit = kit
        self.model = model
        self.engine = kit.engines[model.engine]
        self.machine = Machine(policy_of(self.engine, model), expected=kit.records.expected_load(model.name))
        self.log = LogBook(kit.logs / f"{file_name(model.name)}.log")
        self.endpoint: Endpoint | None = None
        self.running: Running | None = None
        self.load_seconds: float | None = None
        self.retired = False
        """The configuration has it no more: it goes when its process is gone."""
        self.tenancy = Tenancy(self)
        self._on_gone = on_gone
        self._watches = Watches(self)
        self.talks = Talks(self)
        self._record: InstanceRecord | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._queue: deque[Event] = deque()
        self._handling = False
        self._timer: Timer | None = None
        self._timer_at: float | None = None
        self._ready: list[asyncio.Future[None]] = []
        self._stopped: list[asyncio.Future[None]] = []

    @property
    def instance(self) -> str:
        return self.endpoint.instance if self.endpoint else ""

    # ---- the loop

    def post(self, event: Event) -> None:
        """Something happened.  Returns when everything that follows from it at once has been done."""
        self._queue.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._queue:
                before = self.machine.state
                for effect in self.machine.handle(self.kit.clock.monotonic(), self._queue.popleft()):
                    self._do(effect)
                if self.machine.state is not before:
                    self._note_sleep(before)
                    if self.machine.state in GRANTED and before in COMING:
                        self.tenancy.ready()
                    self.kit.outbox.changed(self.view())
        finally:
            self._handling = False
        self.tenancy.report()
        self._set_timer()
        self._resolve()

    def _do(self, effect: Effect) -> None:
        match effect:
            case ev.Admit():
                self.tenancy.ask()
            case ev.Withdraw():
                self.tenancy.withdraw()
            case ev.Sleep():
                self.talks.sleep()
            case ev.Wake():
                self.talks.wake()
            case ev.Launch():
                self._launch()
            case ev.Probe():
                self._watches.watch_load()
            case ev.Grant(worker):
                assert self.endpoint is not None
                self.kit.outbox.grant(worker, self.endpoint)
            case ev.Revoke(worker):
                self.kit.outbox.revoke(self.instance, worker)
            case ev.Terminate():
                self._terminate()
            case ev.Kill():
                self._watches.kill()
            case ev.WatchRelease():
                self._watches.watch_release()
            case ev.CheckAlive():
                self._watches.check_alive()
            case ev.Loaded(seconds):
                self._loaded(seconds)
            case ev.AnnounceProgress():
                self.told()
            case ev.AnnounceFailure(failure, retry_at):
                self._announce(self.public(failure, retry_at))
            case ev.Forget():
                self._forget()

    def _set_timer(self) -> None:
        deadline = self.machine.deadline()
        if deadline == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, deadline
        if deadline is not None:
            self._timer = self.kit.clock.call_later(deadline - self.kit.clock.monotonic(), self._tick)

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self.post(ev.Tick())

    # ---- starting

    def _launch(self) -> None:
        command = self.model.command
        if self.engine.help_argument and not self.kit.catalogue.asked(command):
            self._preparing = asyncio.get_running_loop().create_task(self._learn_and_spawn())
        else:
            self._spawn()

    async def _learn_and_spawn(self) -> None:
        await self.learn_flags()
        self._preparing = None
        self._spawn()

    def _spawn(self) -> None:
        model, stamp = self.model, file_stamp(self.model)
        known = self.kit.catalogue.flags(model.command)
        if failure := self.engine.preflight(model, known):
            self.post(ev.LaunchFailed(failure, stamp))
            return
        self.log.begin()
        try:
            self.running, self.endpoint = self._started(known)
        except LaunchError as error:
            kind = FailureKind.MISSING_PROGRAM if error.missing else FailureKind.CRASH
            failure = Failure(kind=kind, message=str(error), hint="check the engine's command in the configuration")
            self.post(ev.LaunchFailed(failure, stamp))
            return
        self._save(self.endpoint)
        self.post(ev.Launched(stamp))

    def _started(self, known: frozenset[str] | None) -> tuple[Running, Endpoint]:
        """A process of its own on a port and with a key of its own, or a model in a daemon.  Raises LaunchError."""
        model, instance = self.model, ids.short_id("inst")
        if self.engine.hosted:
            assert self.kit.hosts is not None
            return self.kit.hosts.launch(model, instance, self.log.path, self._exited)
        port = model.port or self.kit.pick_port()
        endpoint = Endpoint(instance=instance, model=model.name, host="127.0.0.1", port=port, key=ids.engine_key())
        return self.kit.launcher.launch(self._spec(endpoint, known), self._exited), endpoint

    def _spec(self, endpoint: Endpoint, known: frozenset[str] | None) -> LaunchSpec:
        model, place = self.model, self.tenancy.place
        return LaunchSpec(
            instance=endpoint.instance,
            argv=self.engine.argv(model, endpoint, known, place),
            env=launch_environment(self.engine, model, endpoint, place),
            log=self.log.path,
            model=model.name,
            launcher=model.launcher,
            memory_max=model.memory_max or self.kit.admission.scheduler.host_budget,
            image=model.image,
            port=endpoint.port,
            mounts=(model.path,) if model.path else (),
            unit=model.unit,
            stop_timeout=model.stop_timeout,
        )

    def _save(self, endpoint: Endpoint) -> None:
        assert self.running is not None
        digest, claim = self.machine.policy.digest, self.tenancy.place.claim
        self._keep(record_of(self.model, endpoint, self.running, digest, self.log.path, claim))

    def _keep(self, record: InstanceRecord) -> None:
        self._record = record
        self.kit.records.save(record)

    def _note_sleep(self, before: State) -> None:
        """The next control process has to know that an engine it finds is asleep."""
        asleep = self.machine.state is State.ASLEEP
        if self._record is not None and asleep is not (before is State.ASLEEP):
            self._keep(msgspec.structs.replace(self._record, asleep=asleep))

    def claimed(self, claim: dict[str, int]) -> None:
        """The next control process has to know what an engine it finds holds."""
        if self._record is not None and self._record.claim != claim:
            self._keep(msgspec.structs.replace(self._record, claim=claim))

    def adopt(self, record: InstanceRecord, *, fits: bool) -> bool:
        """Take over the process of a record; False when it is not there any more."""
        log = Path(record.log)
        running: Running | None
        if record.launcher == HOSTED:
            running = self.kit.hosts.adopt(record, self._exited) if self.kit.hosts is not None else None
        else:
            running = self.kit.launcher.adopt(
                record.instance, record.pid, record.start_time, log, self._exited, record.launcher, record.argv_hash
            )
        if running is None:
            return False
        self.running, self.endpoint, self._record = running, record.endpoint, record
        self.load_seconds = record.load_seconds
        self.log.resume()
        self.post(ev.Adopted(fits, record.asleep))
        self.tenancy.adopt(record.claim)
        return True

    def _loaded(self, seconds: float) -> None:
        self.load_seconds = seconds
        self.tenancy.ready(seconds)
        self.kit.records.remember_load(self.model.name, seconds)
        self.machine.expected = self.kit.records.expected_load(self.model.name)
        if self._record is not None:
            command = procfs.argv_hash(self._record.pid)
            self._keep(msgspec.structs.replace(self._record, load_seconds=seconds, argv_hash=command))

    def _exited(self, code: int | None) -> None:
        self.log.poll()
        failure = self.engine.classify(code, self.log.of_launch())
        if failure.kind is FailureKind.PORT_TAKEN and self.model.port and self.endpoint:
            failure = view.name_holder(failure, self.endpoint.port)
        if failure.kind is FailureKind.OUT_OF_MEMORY and self.machine.state in (*COMING, *GRANTED):
            self.tenancy.fell_short()
        self.post(ev.Exited(failure))

    # ---- stopping

    def _terminate(self) -> None:
        if self.running is not None:
            self.talks.end()
            return
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
        self.post(ev.GroupGone())

    async def learn_flags(self) -> frozenset[str] | None:
        """The flags its program lists, or None when it does not say; it is asked once."""
        environment = self.kit.launcher.environment(self.engine.env(self.model, self.tenancy.place))
        return await self.kit.catalogue.learn(self.model.command, self.engine.help_argument, environment)

    def reported(self, report: LoadReport) -> None:
        """Keep what the engine says of its load for people; a run that was shrunk tells nothing about the next one."""
        self.tenancy.why = "; ".join(report.warnings)
        for warning in report.warnings:
            log.warning("%s: %s", self.model.name, warning)

    def leaked(self, missing: dict[str, int]) -> None:
        """Say which memory did not come back; from now on it counts as held by others, for that is what it is."""
        self.kit.outbox.leaked(self.model.name, missing)

    def _forget(self) -> None:
        self._watches.stop()
        self.talks.stop()
        if self.running is not None:
            self.running.close()
            self.kit.records.remove(self.model.name)
        self.running = self.endpoint = self._record = None
        self.tenancy.forget()

    def detach(self) -> None:
        """Let go of everything and leave the process alone."""
        self._watches.stop()
        self.talks.stop()
        self.tenancy.close()
        for timer in (self._timer, self._preparing):
            if timer is not None:
                timer.cancel()
        self._timer = self._timer_at = self._preparing = None
        if self.running is not None:
            self.running.close()
            self.running = None
        for future in (*self._ready, *self._stopped):
            future.cancel()

    # ---- telling

    def told(self) -> None:
        """Tell whoever waits how far it is."""
        now, tenancy = self.kit.clock.monotonic(), self.tenancy
        self.kit.outbox.progress(view.loading(self.model.name, self.machine, now, tenancy.position, tenancy.why))

    def public(self, failure: Failure, retry_at: float) -> Failure:
        """A failure as clients see it: with the model's name, the last log lines, and times people can read."""
        tail = failure.log_tail
        if not tail and (self.running is not None or failure.kind in _OF_A_PROCESS):
            tail = tuple(self.log.last(20))
        return view.public_failure(self.model.name, failure, tail, retry_at, self.kit.clock)

    def view(self, *, memory: bool = False) -> InstanceView:
        """The row of `glowplug ps`."""
        row = view.instance_view(self.model, self.machine, self.endpoint, self.running, self.kit.clock, memory=memory)
        failure = self.public(self.machine.failure, self.machine.retry_at) if self.machine.failure else None
        return msgspec.structs.replace(
            row, load_seconds=self.load_seconds, failure=failure, **view.memory_fields(self.tenancy, self.running)
        )

    def _announce(self, failure: Failure) -> None:
        self.kit.outbox.failed(self.model.name, failure)
        waiting, self._ready = self._ready, []
        for future in waiting:
            if not future.done():
                future.set_exception(
                    EngineFailed(failure.message, reason=failure.kind, log_tail=failure.log_tail, hint=failure.hint)
                )

    def _resolve(self) -> None:
        state = self.machine.state
        if state in (State.READY, State.BUSY):
            _finish(self._ready)
        if state in (State.STOPPED, State.FAILED) or self.machine.stuck:
            _finish(self._stopped)
        if self.retired and state in (State.STOPPED, State.FAILED):
            self._on_gone(self.model.name)

    def when_ready(self) -> asyncio.Future[None]:
        """Done when it is ready; EngineFailed when it cannot be had.  Ask before posting what should bring it about."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready.append(future)
        return future

    def when_stopped(self) -> asyncio.Future[None]:
        """Done when no process is left, or when what is left cannot be killed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopped.append(future)
        return future


def _finish(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()
