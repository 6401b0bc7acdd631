"""A launcher, a prober, devices and an outbox that do what a test says and write down what they were asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from glowplug.domain.footprint import Footprint
from glowplug.domain.hardware import Device, DeviceKind, Reading
from glowplug.domain.instance import Endpoint, Failure, InstanceView, State
from glowplug.domain.model import Loading, LocalModel
from glowplug.engines.base import Engine, Readiness
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.launchers.base import LaunchError, LaunchSpec, OnExit, Sample
from glowplug.lifecycle.footprint import Footprints
from glowplug.lifecycle.ports import OnProbe
from glowplug.testing.clock import VirtualClock

MODEL = LocalModel(name="chat-x", engine="llamacpp", path="/w", command=("srv",), keep_alive=300.0)


class Scripted(LlamaCpp):
    """llama.cpp without looking at the file system."""

    help_argument = ""
    problem: Failure | None = None

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        return self.problem


class FakeProcess:
    launcher, unit = "process", ""
    device_memory: int | None = None

    def __init__(self, spec: LaunchSpec, pid: int, on_exit: OnExit) -> None:
        self.spec, self.pid, self.start_time, self.on_exit = spec, pid, pid * 10, on_exit
        self.signals: list[str] = []
        self.left: tuple[int, ...] = (pid,)
        self.closed = False
        self.work = 0
        self.resident = 0

    def terminate(self, number: int = 15) -> None:
        self.signals.append("TERM")

    def kill(self) -> None:
        self.signals.append("KILL")

    def survivors(self) -> tuple[int, ...]:
        return self.left

    def sample(self) -> Sample:
        return Sample(self.work, 0, 0, self.resident)

    def memory(self) -> int | None:
        return 1234

    def close(self) -> None:
        self.closed = True

    def end(self, code: int | None = 0, left: tuple[int, ...] = ()) -> None:
        self.left = left
        self.on_exit(code)


class FakeLauncher:
    def __init__(self) -> None:
        self.started: list[FakeProcess] = []
        self.running: dict[int, FakeProcess] = {}
        self.swept: list[frozenset[str]] = []
        self.adopting: list[tuple[str, str]] = []
        """Launcher and command-line hash of each that was to be adopted."""
        self.error = ""

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return dict(extra)

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> FakeProcess:
        if self.error:
            raise LaunchError(self.error, missing=True)
        process = FakeProcess(spec, 100 + len(self.started), on_exit)
        self.started.append(process)
        self.running[process.pid] = process
        return process

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "process",
        argv_hash: str = "",
    ) -> FakeProcess | None:
        self.adopting.append((launcher, argv_hash))
        process = self.running.get(pid)
        if process is None or process.start_time != start_time:
            return None
        process.on_exit = on_exit
        return process

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        self.swept.append(keep)
        return ()


class FakeProber:
    def __init__(self) -> None:
        self.answer: tuple[Readiness, str] = (Readiness.REFUSED, "")
        self.asked: list[float] = []
        self.clock = VirtualClock()

    def probe(self, engine: Engine, model: LocalModel, endpoint: Endpoint, done: OnProbe) -> None:
        self.asked.append(self.clock.monotonic())
        done(*self.answer)

    def close(self) -> None:
        pass


class FakeHardware:
    """A machine without accelerators, unless a test adds some; what is used is what the test says."""

    def __init__(self, *devices: Device, host: int = 64 << 30) -> None:
        self.devices = list(devices)
        self.host = Device(id="host", kind=DeviceKind.HOST, name="memory", total=host, used=1 << 30)
        self.reads = 0
        self.closed = False

    def read(self) -> Reading:
        self.reads += 1
        return Reading(devices=(*self.devices, self.host))

    def close(self) -> None:
        self.closed = True


class KnownFootprints(Footprints):
    """Footprints that need no thread to be found, so that a virtual clock is all that moves."""

    def known(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint | None:
        return super().known(engine, model, reading) or self.find(engine, model, reading)


class Outbox:
    def __init__(self) -> None:
        self.sent: list[tuple[object, ...]] = []
        self.endpoints: dict[str, Endpoint] = {}
        self.failures: list[Failure] = []
        self.loading: list[Loading] = []
        self.states: list[State] = []
        self.leaks: list[dict[str, int]] = []

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        self.sent.append(("leaked", model))
        self.leaks.append(missing)

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        self.sent.append(("grant", worker))
        self.endpoints[endpoint.model] = endpoint

    def revoke(self, instance: str, worker: str | None = None) -> None:
        self.sent.append(("revoke", worker, instance))

    def progress(self, loading: Loading) -> None:
        self.loading.append(loading)

    def failed(self, model: str, failure: Failure) -> None:
        self.sent.append(("failed", model))
        self.failures.append(failure)

    def changed(self, view: InstanceView) -> None:
        self.states.append(view.state)
