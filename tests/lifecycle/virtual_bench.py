"""A manager on a virtual clock with one card, whose processes hold what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import Device, DeviceKind, Holder, Reading
from glowplug.domain.instance import InstanceView, State
from glowplug.domain.model import LocalModel
from glowplug.domain.scheduling import MemorySettings
from glowplug.engines.base import LoadReport, Readiness
from glowplug.lifecycle.learned import RunBook
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.records import Records
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.fakes import (
    FakeHardware,
    FakeLauncher,
    FakeProber,
    FakeProcess,
    KnownFootprints,
    Outbox,
    Scripted,
)

GIB = 1 << 30


class Engine(Scripted):
    """Needs what is declared, and says of its load what the test says."""

    report_path = ""
    says = LoadReport()

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        return None

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        return self.says


class Card(FakeHardware):
    """24 GiB; processes by pid, in GiB."""

    def __init__(self) -> None:
        super().__init__()
        self.holds: dict[int, float] = {}
        self.lost = ""
        self.lists = True

    def read(self) -> Reading:
        held = {pid: int(size * GIB) for pid, size in self.holds.items()}
        self.devices = [
            Device(
                id="gpu0",
                kind=DeviceKind.NVIDIA,
                name="RTX",
                total=None if self.lost else 24 * GIB,
                used=None if self.lost else sum(held.values()),
                holders=tuple(Holder(pid=pid, memory=size, name=f"p{pid}") for pid, size in held.items())
                if self.lists
                else None,
                problem=self.lost,
            )
        ]
        return super().read()


class VirtualBench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock, self.outbox, self.launcher = VirtualClock(), Outbox(), FakeLauncher()
        self.prober, self.engine, self.card = FakeProber(), Engine(), Card()
        self.prober.clock = self.clock
        self.prober.answer = (Readiness.READY, "")

    def new_manager(self) -> Manager:
        self.manager = Manager(
            self.launcher, {"llamacpp": self.engine}, Records(self.directory), self.clock, self.outbox, self.card,
            logs=self.directory, prober=self.prober, pick_port=iter(range(5000, 6000)).__next__,
            footprints=KnownFootprints(RunBook(self.directory)),
        )  # fmt: skip
        return self.manager

    async def start(self, *models: LocalModel, reserve: int = GIB) -> VirtualBench:
        await self.new_manager().start(models, MemorySettings(reserve=reserve, host_reserve=0))
        self.manager.worker_joined("w")
        return self

    def model(self, name: str, gib: float, **more: object) -> LocalModel:
        settings: dict[str, object] = {"engine": "llamacpp", "path": "/w", "command": ("srv",), "keep_alive": 300.0}
        return LocalModel(name=name, memory=int(gib * GIB), **{**settings, **more})  # type: ignore[arg-type]

    def view(self, name: str) -> InstanceView:
        return next(view for view in self.manager.views() if view.model == name)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0)

    async def load(self, name: str, takes: float) -> FakeProcess:
        """Ask for it; its process holds so many GiB; back when it was measured."""
        self.manager.ensure("w", name, 1)
        process = self.launcher.started[-1]
        self.card.holds[process.pid] = takes
        self.clock.advance(0.05)
        await self.until(lambda: self.view(name).state is State.READY)
        self.clock.advance(0.3)
        assert self.view(name).measured
        instance = self.view(name).instance
        self.manager.activity("w", instance, True)  # who asked for it comes, and goes
        self.manager.activity("w", instance, False)
        return process

    def drained(self, name: str) -> None:
        self.manager.drained("w", self.view(name).instance)

    def end(self, process: FakeProcess, code: int = 0) -> None:
        """Its process ends, and its memory is back."""
        self.card.holds.pop(process.pid, None)
        process.end(code)
        self.clock.advance(0.05)
