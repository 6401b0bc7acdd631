"""Models that a daemon loads: each looks to its slot like a process of its own.

    hosts = Hosts(engine, launcher, clock, folder, logs)
    keep = hosts.recover()                          # at the start: launcher.sweep() must spare these instances
    running, endpoint = hosts.launch(model, instance, log, on_exit)
    running = hosts.adopt(record, on_exit)          # for a record whose launcher is `hosted`; None: it is gone
    prober = HostProber(HttpProber(), hosts)        # a listed model may still be loading; the hosts know
    await hosts.close(stop=True)                    # after all slots

What a process would say by ending is said through `on_exit`; why, stands in the model's log, where the engine's
`classify` finds it.  Nothing here blocks: whatever is asked of a daemon is asked in a task.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Engine, Readiness
from glowplug.engines.ollama import LOADING_LINE, LOG_PREFIX, STARTING_LINE, address, runner_options
from glowplug.launchers import procfs
from glowplug.launchers.base import Launcher, OnExit, Sample
from glowplug.lifecycle.daemon import Daemon, DaemonDown, DaemonKit
from glowplug.lifecycle.daemon_api import DaemonError
from glowplug.lifecycle.daemon_record import forget, records_in
from glowplug.lifecycle.ports import OnProbe, Prober, Scheduler
from glowplug.lifecycle.records import InstanceRecord
from glowplug.wire.ollama import Loaded, OptionValue

LAUNCHER = "hosted"
"""`Running.launcher` of these, and so of their records."""
PREFIX = "/api"
REPEAT = 2.0
"""Seconds between two requests to unload: one that was under way meanwhile may have said to keep it."""
_SOON, _LATE = 0.02, 0.5
_LOST = (OSError, TimeoutError)


class HostedModel:
    """One model in a daemon; fulfils `launchers.base.Running`."""

    launcher = LAUNCHER
    unit = ""

    def __init__(self, daemon: Daemon, instance: str, id: str, log: Path, on_exit: OnExit) -> None:
        self.instance = instance
        self.id = id
        self.loading = False
        self._daemon = daemon
        self._log = log
        self._on_exit: OnExit | None = on_exit
        self._entry = Loaded()
        self._leaving = False
        self._gone = False
        self._began = 0.0
        self._load: asyncio.Task[None] | None = None
        self._unload: asyncio.Task[None] | None = None
        self._kill: asyncio.Task[None] | None = None

    # ---- as a process

    @property
    def pid(self) -> int:
        """The daemon's; 0 while it is not known, or when the daemon is somebody else's."""
        return self._daemon.pid

    @property
    def start_time(self) -> int:
        return self._daemon.group.start_time if self._daemon.group else 0

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """Unload it: a load is cancelled, running requests are let end."""
        if self._gone or self._leaving:
            return
        self._leaving = True
        if self._load is not None:
            self._load.cancel()
        self._unload = asyncio.get_running_loop().create_task(self._until_unloaded())

    def kill(self) -> None:
        """Unload it, and kill its runner where the daemon is ours."""
        self.terminate()
        if not self._gone and (self._kill is None or self._kill.done()):
            self._kill = asyncio.get_running_loop().create_task(self._kill_runner())

    def survivors(self) -> tuple[int, ...]:
        """The daemon as long as the model is loaded in it; of a daemon that ended, what it left behind."""
        if not self._gone:
            return (self.pid,)
        group = self._daemon.group
        return group.survivors() if group is not None and not self._daemon.answers else ()

    def processes(self) -> tuple[int, ...]:
        """All processes of its daemon where that is ours; they serve its other models as well."""
        group = self._daemon.group
        return group.survivors() if group is not None else ()

    def sample(self) -> Sample:
        """What the daemon has done.  One that is not ours cannot be seen into: while it loads it counts as working,
        because it ends a load that stands still by itself (OLLAMA_LOAD_TIMEOUT)."""
        if self._daemon.group is not None:
            seen = self._daemon.group.sample()
            return seen._replace(log_bytes=seen.log_bytes + self._daemon.log_bytes())
        passed = self._daemon.clock.monotonic() - self._began
        return Sample(int(passed * 100) if self.loading else 0, 0, 0, self._entry.size)

    def memory(self) -> int | None:
        """Bytes it holds altogether, as the daemon said last."""
        return self._entry.size or None

    @property
    def device_memory(self) -> int | None:
        """Bytes it holds on accelerators, as the daemon said last; None before it said anything."""
        return self._entry.size_vram if self._entry.size else None

    def close(self) -> None:
        """Let go: a model that is loaded stays loaded, and recorded for the next control process."""
        self._on_exit = None
        for task in (self._load, self._unload, self._kill):
            if task is not None:
                task.cancel()

    @property
    def over(self) -> bool:
        """It is loaded no more."""
        return self._gone

    # ---- loading

    def load(self, model: LocalModel) -> None:
        """Begin to load it."""
        self._began = self._daemon.clock.monotonic()
        self.loading = True
        embeddings = not {Capability.CHAT, Capability.COMPLETIONS} & set(model.capabilities)
        task = self._loaded_by(model, runner_options(model), embeddings=embeddings)
        self._load = asyncio.get_running_loop().create_task(task)
        self._daemon.enter(self)

    async def _loaded_by(self, model: LocalModel, options: Mapping[str, OptionValue], *, embeddings: bool) -> None:
        name = self._daemon.api.name
        try:
            self._say(f"{STARTING_LINE}with Ollama at {name}")
            await self._daemon.ensure(model, self.instance)
            self._say(f"{LOADING_LINE}{self.id} with {dict(options)} at {name}")
            await self._daemon.api.load(self.id, options, embeddings=embeddings)
            await self._remember()
        except DaemonDown as error:
            self._fail(str(error))
        except DaemonError as error:
            self._fail(f"loading {self.id} failed: {error}")
        except _LOST as error:
            self._fail(f"loading {self.id} failed: {error or 'no answer'}")
        else:
            self.loading = False
            self._say(f"{LOG_PREFIX}loaded {self.id}")

    async def _remember(self) -> None:
        """How it was loaded: the figures are wanted as soon as it is ready."""
        with suppress(*_LOST, DaemonError):
            entry = (await self._daemon.api.running()).find(self.id)
            self._entry = entry or self._entry

    def _fail(self, why: str) -> None:
        if not self._leaving and not self._gone:
            self._say(f"{LOG_PREFIX}{why}")
            self._end(None)

    # ---- going

    async def _until_unloaded(self) -> None:
        wait, asked = _SOON, 0.0
        clock = self._daemon.clock
        while True:
            try:
                if not asked or clock.monotonic() - asked >= REPEAT:
                    asked = clock.monotonic()
                    with suppress(DaemonError):  # it does not have the model: nothing is loaded
                        await self._daemon.api.unload(self.id)
                if (await self._daemon.api.running()).find(self.id) is None:
                    break
            except TimeoutError:
                pass  # it is busy, or hangs: then it is killed
            except DaemonError:
                break
            except OSError:
                break
            await asyncio.sleep(wait)
            wait = min(wait * 1.4, _LATE)
        self._say(f"{LOG_PREFIX}unloaded {self.id}")
        self._end(0)

    async def _kill_runner(self) -> None:
        group = self._daemon.group
        if group is None:
            return
        try:
            weights = (await self._daemon.api.show(self.id)).weights
        except (*_LOST, DaemonError):
            self._daemon.kill()
            return
        members = [pid for pid in group.survivors() if pid != group.pid]
        runners = [pid for pid in members if weights and procfs.command_has(pid, weights.encode())]
        for pid in runners:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not runners and set(self._daemon.tenants) <= {self.instance}:
            self._daemon.kill()

    def _end(self, code: int | None) -> None:
        """It is loaded no more; said once."""
        if self._gone:
            return
        self._gone, self.loading = True, False
        self._daemon.leave(self)
        callback, self._on_exit = self._on_exit, None
        if callback is not None:
            callback(code)

    # ---- what the daemon tells

    @property
    def expected(self) -> bool:
        return not (self.loading or self._leaving or self._gone)

    def seen(self, entry: Loaded) -> None:
        self._entry = entry

    def missed(self, why: str) -> None:
        self._fail(why)

    def evicted(self, code: int | None) -> None:
        if not self._gone:
            self._say(f"{LOG_PREFIX}the daemon ended")
            for task in (self._load, self._unload):
                if task is not None:
                    task.cancel()
            self._end(code)

    def _say(self, line: str) -> None:
        with suppress(OSError), self._log.open("a") as file:
            file.write(f"{line}\n")


class Hosts:
    """All daemons, by address."""

    def __init__(self, engine: Engine, launcher: Launcher, clock: Scheduler, folder: Path, logs: Path) -> None:
        """`folder` is for the records of daemons alone; daemons of ours write their output into `logs`."""
        self._kit = DaemonKit(engine, launcher, clock, folder, logs)
        self._daemons: dict[tuple[str, int], Daemon] = {}
        self._models: dict[str, HostedModel] = {}

    def recover(self) -> frozenset[str]:
        """Take over the daemons that an earlier control process left.  Returns the launcher's instances among them."""
        kept = set()
        for record in records_in(self._kit.folder):
            daemon = self._daemon(record.host, record.port)
            if daemon.adopt(record):
                kept |= {record.instance} - {""}
            else:
                forget(self._kit.folder, record)
        return frozenset(kept)

    def launch(self, model: LocalModel, instance: str, log: Path, on_exit: OnExit) -> tuple[HostedModel, Endpoint]:
        """Begin to load a model, with a daemon that is found or started for it.  Returns at once; failures are told
        by `on_exit`, with the reason in `log`."""
        host, port = address(model)
        hosted = HostedModel(self._daemon(host, port), instance, model.id, log, on_exit)
        self._models[instance] = hosted
        hosted.load(model)
        return hosted, Endpoint(instance=instance, model=model.name, host=host, port=port, key="", prefix=PREFIX)

    def adopt(self, record: InstanceRecord, on_exit: OnExit) -> HostedModel | None:
        """Take over a model that an earlier control process loaded; None when its daemon is not there any more.  That
        it is still loaded is looked up at once; if not, `on_exit` tells."""
        daemon = self._daemons.get((record.host, record.port))
        id = daemon.remembered.get(record.instance) if daemon is not None else None
        if daemon is None or id is None:
            return None
        hosted = HostedModel(daemon, record.instance, id, Path(record.log), on_exit)
        self._models[record.instance] = hosted
        daemon.enter(hosted, inside=True)
        daemon.look()
        return hosted

    def loading(self, instance: str) -> bool:
        """Whether this instance is a model whose load has not been answered."""
        hosted = self._models.get(instance)
        return hosted is not None and hosted.loading

    async def close(self, *, stop: bool) -> None:
        """The control process ends, all slots have let go.  `stop`: daemons of ours end too."""
        await asyncio.gather(*(daemon.close(stop=stop) for daemon in self._daemons.values()))

    def _daemon(self, host: str, port: int) -> Daemon:
        known = self._daemons.get((host, port))
        if known is None:
            known = self._daemons[host, port] = Daemon(self._kit, host, port)
        self._models = {instance: hosted for instance, hosted in self._models.items() if not hosted.over}
        return known


class HostProber:
    """Probes as another prober does, except that a hosted model is loading until its daemon has said otherwise."""

    def __init__(self, prober: Prober, hosts: Hosts) -> None:
        self._prober = prober
        self._hosts = hosts

    def probe(self, engine: Engine, model: LocalModel, endpoint: Endpoint, done: OnProbe) -> None:
        if engine.hosted and self._hosts.loading(endpoint.instance):
            asyncio.get_running_loop().call_soon(done, Readiness.LOADING, "")
        else:
            self._prober.probe(engine, model, endpoint, done)

    def close(self) -> None:
        self._prober.close()
