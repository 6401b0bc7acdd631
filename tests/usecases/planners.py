"""Whoever decides about memory, for tests: answers that a test sets, and what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from glowplug.domain.fit import FitChoice, FitView, OptionValue
from glowplug.domain.footprint import Source
from glowplug.domain.plan import DeviceView, LeaseState, LeaseView, MemoryView, PlanView, RunView, Verdict
from glowplug.errors import Unavailable

GIB = 1 << 30
GPU = DeviceView(id="gpu0", name="card", total=24 * GIB, used=GIB, reserve=GIB, free=22 * GIB)
SMALL = DeviceView(id="gpu1", name="small", total=8 * GIB)
HOST = DeviceView(id="host", name="memory", total=16 * GIB, reserve=2 * GIB)


class FakePlanner:
    """Everything fits; leases are held when `room` is set, and refused when `refusing`."""

    def __init__(self) -> None:
        self.devices: tuple[DeviceView, ...] = (GPU, SMALL, HOST)
        self.planned: list[str] = []
        self.room = asyncio.Event()
        self.asked = asyncio.Event()
        self.refusing = False
        self.withdrawn = 0
        self.leases: dict[str, LeaseView] = {}
        self.wanted: list[tuple[int, str | None, float, str, float]] = []

    def plan(self, name: str) -> PlanView:
        self.planned.append(name)
        return PlanView(model=name, verdict=Verdict.FITS, why=f"{name} fits", devices=self.devices)

    def runs(self, name: str) -> tuple[RunView, ...]:
        run = RunView(
            at=len(name), estimate_device=3 * GIB, estimate_host=0, source=Source.ENGINE, measured_device=2 * GIB,
            measured_host=None, error=0.5, seconds=4.0, short=False,
        )  # fmt: skip
        return (run,)

    async def fit(self, name: str, options: Mapping[str, OptionValue], written: Mapping[str, object]) -> FitView:
        choices = tuple(FitChoice(name=one, help="", value=value) for one, value in options.items())
        return FitView(engine="llamacpp", plan=self.plan(name), command=(f"serve {name}",), choices=choices)

    def memory(self) -> MemoryView:
        return MemoryView(data=self.devices, problems=("gpu2 is lost",))


class FakeLeases:
    """The same person with the questions about leases (`plan` takes a size here)."""

    def __init__(self, planner: FakePlanner) -> None:
        self._planner = planner

    async def ask(self, memory: int, device: str | None, seconds: float, note: str, wait: float) -> LeaseView:
        planner = self._planner
        planner.wanted.append((memory, device, seconds, note, wait))
        id = f"lease_{len(planner.wanted)}"
        waiting = LeaseView(id=id, device=device or "", bytes=memory, note=note, since=5.0, state=LeaseState.WAITING)
        planner.leases[id] = waiting
        planner.asked.set()
        try:
            if planner.refusing:
                raise Unavailable("chat is in use", hint="wait longer", code="no_room", retry_after=3.0)
            await planner.room.wait()
        except BaseException:
            planner.withdrawn += 1
            del planner.leases[id]
            raise
        held = LeaseView(id=id, device=device or "gpu0", bytes=memory, note=note, since=5.0, until=5.0 + seconds)
        planner.leases[id] = held
        return held

    def plan(self, memory: int, device: str | None) -> PlanView:
        return PlanView(model="", verdict=Verdict.FITS, why="there is room", claim={device or "gpu0": memory})

    def list(self) -> list[LeaseView]:
        return list(self._planner.leases.values())

    def release(self, id: str) -> None:
        self._planner.leases.pop(id, None)
