"""The real manager over the fake driver: real launcher, real prober, real reading of the devices, fake engines as
processes that allocate on the fake card, and a worker that serves what it is granted."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import glowplug
from glowplug.domain.instance import Endpoint, Failure, InstanceView, State
from glowplug.domain.model import Group, Loading, LocalModel
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.engines.base import Engine, Request
from glowplug.engines.registry import ENGINES
from glowplug.hardware.machine import Machine
from glowplug.launchers import procfs
from glowplug.launchers.process import ProcessLauncher
from glowplug.lifecycle.asking import send
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.ports import LoopScheduler, free_port
from glowplug.lifecycle.probe import HttpProber
from glowplug.lifecycle.records import Records
from glowplug.testing.fake_nvml import FakeNvml
from tests.support.gguf_files import write

GIB, MIB = 1 << 30, 1 << 20
SOURCE = str(Path(glowplug.__file__).parents[1])
FAKE = (sys.executable, "-m", "glowplug.testing.fake_engine")
VLLM = (sys.executable, "-m", "glowplug.testing.fake_vllm", "serve")
PATIENCE = 30.0


class Worker:
    """A gateway worker: uses what it is granted for as long as the test wants, and drains when it is told to."""

    def __init__(self) -> None:
        self.manager: Manager | None = None
        self.waiting: dict[str, int] = {}
        self.serves = 0.0
        """Seconds its requests take."""
        self.endpoints: dict[str, Endpoint] = {}
        self.served: list[str] = []
        self.failures: dict[str, Failure] = {}
        self.loading: list[Loading] = []
        self.leaks: list[tuple[str, dict[str, int]]] = []
        self.states: list[tuple[str, State]] = []
        self._busy: set[str] = set()

    @property
    def _manager(self) -> Manager:
        assert self.manager is not None
        return self.manager

    def request(self, *models: str, count: int = 1) -> None:
        for model in models:
            self.waiting[model] = self.waiting.get(model, 0) + count
            self._manager.ensure("w", model, self.waiting[model])

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        self.endpoints[endpoint.model] = endpoint
        if self.waiting.pop(endpoint.model, 0):
            self._busy.add(endpoint.instance)
            loop = asyncio.get_running_loop()
            loop.call_soon(self._manager.activity, "w", endpoint.instance, True)
            loop.call_later(self.serves, self._answered, endpoint)

    def _answered(self, endpoint: Endpoint) -> None:
        self._busy.discard(endpoint.instance)
        self.served.append(endpoint.model)
        self._manager.activity("w", endpoint.instance, False)
        if endpoint.model not in self.endpoints:
            self._manager.drained("w", endpoint.instance)

    def revoke(self, instance: str, worker: str | None = None) -> None:
        assert worker is not None
        for model, endpoint in tuple(self.endpoints.items()):
            if endpoint.instance == instance:
                del self.endpoints[model]
        if instance not in self._busy:
            asyncio.get_running_loop().call_soon(self._manager.drained, worker, instance)

    def progress(self, loading: Loading) -> None:
        self.loading.append(loading)

    def failed(self, model: str, failure: Failure) -> None:
        self.waiting.pop(model, None)
        self.failures[model] = failure

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        self.leaks.append((model, missing))

    def changed(self, view: InstanceView) -> None:
        self.states.append((view.model, view.state))


class MemoryBench:
    """One machine with one card."""

    def __init__(self, directory: Path, nvml: FakeNvml, card: int = 24 * GIB) -> None:
        self.directory, self.nvml = directory, nvml
        self.gpu = nvml.add_gpu("NVIDIA RTX 4090", "GPU-1", card)
        self.launcher = ProcessLauncher(directory)
        self.machine = Machine.here()
        self.worker = Worker()
        self.engines: dict[str, Engine] = dict(ENGINES)
        self.managers: list[Manager] = []

    @property
    def manager(self) -> Manager:
        return self.managers[-1]

    def model(
        self, name: str, gib: float = 0, *switches: str, takes: float | None = None, **more: object
    ) -> LocalModel:
        """A model that declares `gib` and takes that much, or `takes`, of the card."""
        weights = self.directory / f"{name}.gguf"
        if not weights.exists():
            write(weights, {"general.name": name})
        size = gib if takes is None else takes
        settings: dict[str, object] = {
            "name": name, "engine": "llamacpp", "path": str(weights), "command": FAKE, "memory": int(gib * GIB),
            "args": (*(("--allocate", str(int(size * 1024))) if size else ()), *switches),
            "env": {"PYTHONPATH": SOURCE}, "stop_timeout": 1.0,
        }  # fmt: skip
        return LocalModel(**{**settings, **more})  # type: ignore[arg-type]

    def vllm(self, name: str, gib: float, *switches: str, **more: object) -> LocalModel:
        """A model of vLLM's that may sleep."""
        weights = self.directory / name
        weights.mkdir(exist_ok=True)
        (weights / "config.json").write_text("{}")
        settings: dict[str, object] = {"engine": "vllm", "path": str(weights), "command": VLLM, "sleep": True}
        return self.model(name, gib, *switches, takes=0, **{**settings, **more})

    async def start(
        self,
        *models: LocalModel,
        memory: MemorySettings | None = None,
        scheduling: SchedulingSettings | None = None,
        groups: Iterable[Group] = (),
    ) -> Manager:
        """A new manager that knows these models, joined by the worker."""
        manager = Manager(
            self.launcher, self.engines, Records(self.directory), LoopScheduler(), self.worker, self.machine,
            logs=self.directory, prober=HttpProber(timeout=0.5), pick_port=free_port,
        )  # fmt: skip
        self.managers.append(manager)
        self.worker.manager = manager
        self.worker.endpoints.clear()
        memory = memory or MemorySettings(reserve=GIB, host_reserve=0)
        await manager.start(models, memory, scheduling, groups)
        manager.worker_joined("w")
        return manager

    # ---- looking

    def view(self, name: str) -> InstanceView:
        return next(view for view in self.manager.views() if view.model == name)

    def state(self, name: str) -> State:
        return self.view(name).state

    def used(self) -> float:
        """GiB of the card in use by anybody."""
        return self.nvml.used(self.gpu) / GIB

    def others(self) -> float | None:
        """GiB of the card that belong to others, as the admission has it; None when it does not know."""
        device = next(device for device in self.manager.planner.memory().data if device.id == "gpu0")
        return None if device.total is None or device.others is None else device.others / GIB

    def claims(self) -> Mapping[str, float]:
        """GiB of the card by model, as the admission has them."""
        device = next(device for device in self.manager.planner.memory().data if device.id == "gpu0")
        return {name: size / GIB for name, size in device.ours.items()}

    def alive(self) -> tuple[int, ...]:
        """Every process of this installation."""
        owner = f"{self.launcher._owner}:".encode()
        return tuple(
            stat.pid
            for stat in procfs.processes()
            if not stat.dead and (procfs.environ_value(stat.pid, b"GLOWPLUG_ENGINE") or b"").startswith(owner)
        )

    async def until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    async def until_state(self, name: str, *states: State) -> InstanceView:
        await self.until(lambda: self.state(name) in states)
        return self.view(name)

    async def load(self, *names: str) -> None:
        """Ask for these, and go on when they have been served and measured."""
        self.worker.request(*names)
        for name in names:
            await self.until(lambda name=name: name in self.worker.failures or self.view(name).measured)
            assert name not in self.worker.failures, self.worker.failures[name]

    async def chat(self, name: str) -> int:
        """One generation; the status of its answer."""
        body = b'{"messages": [{"role": "user", "content": "hi"}]}'
        return (await send(self.worker.endpoints[name], Request("POST", "/v1/chat/completions", body)))[0]

    # ---- the world outside

    @contextmanager
    def hog(self, gib: float) -> Iterator[int]:
        """Another program that holds so much of the card; its pid."""
        process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        try:
            self.nvml.allocate(self.gpu, process.pid, int(gib * GIB))
            yield process.pid
        finally:
            process.kill()
            process.communicate()

    def kill(self, name: str) -> int:
        pid = self.view(name).pid
        assert pid is not None
        os.kill(pid, 9)
        return pid

    async def crash(self) -> None:
        """The control process is gone; its engines are not."""
        await self.manager.close(stop_engines=False)

    async def close(self) -> None:
        """Stop everything, and see that nothing is left: no process, no record, no claim."""
        manager = self.manager
        await manager.close()
        assert self.alive() == ()
        assert not list(self.directory.glob("*.json")), "a record was left"
        assert not [name for name in manager._kit.admission.scheduler.holdings if not name.startswith("lease:")]
        self.machine.close()
