"""Nothing at rest: what Glowplug costs, and holds, when its models have left.

The graphics card is a fake one under the real binding (`glowplug.testing.fake_nvml`), and so is the engine, which takes
memory there.  A model is loaded and leaves; when everything is quiet the processes are watched.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import procfs
from bench.engine import first_token
from bench.figures import Figure
from bench.installation import A, Installation, install
from bench.programs import HERE, BenchError
from bench.startup import ProcessCost, cost_of
from glowplug.testing.fake_nvml import FakeNvml

PART = "at rest"
PSS_BUDGET_MIB = 100.0
_HELD_MIB = 2048
_LEAVING = 10.0
"""Seconds that the last process of an engine may take to end."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """One watch."""

    seconds: float
    costs: dict[str, ProcessCost]
    """By what the process is: control, worker, supervisor."""
    loaded_bytes: int
    """Of device memory while the model was loaded: shows that the fake device counts."""
    held_bytes: int
    """And at the end of the watch."""
    holders_loaded: int
    """Processes that had the driver open while the model was loaded, and at the end of the watch."""
    holders: int


def config() -> str:
    """One model on a fake engine that takes device memory."""
    return f"""engines:
  llamacpp:
    command: ["{sys.executable}", "-m", "glowplug.testing.fake_engine"]
    env: {{PYTHONPATH: "{HERE.parent / "src"}"}}
    launcher: process
models:
  {A}:
    engine: llamacpp
    path: "{HERE.parent / "src" / "glowplug" / "demo" / "chat-demo.gguf"}"
    args: ["--allocate", "{_HELD_MIB}"]
    memory: {_HELD_MIB}MiB
"""


def measure(work: Path, settle: float, seconds: float) -> Rest:
    """Load, unload, wait, watch.  Raises BenchError."""
    nvml = FakeNvml(work)
    try:
        nvml.build()
    except OSError:
        raise BenchError("a C compiler is needed: apt-get install gcc") from None
    gpu = nvml.add_gpu("NVIDIA GeForce RTX 4090", "GPU-00000000-0000-0000-0000-000000000001", 24 << 30)
    there = install(work, config(), nvml.env)
    try:
        first_token(there.port, A, there.key)
        loaded, holders_loaded = nvml.used(gpu), len(nvml.users())
        there.stop_model(A)
        _until_alone(there)
        time.sleep(settle)
        costs = watch(there, seconds)
        return Rest(
            seconds=seconds, costs=costs, loaded_bytes=loaded, held_bytes=nvml.used(gpu),
            holders_loaded=holders_loaded, holders=len(nvml.users()),
        )  # fmt: skip
    finally:
        there.close()


def _ours(there: Installation) -> dict[int, str]:
    """The processes that stay, and what they are."""
    names = {there.supervisor: "supervisor", there.control: "control"}
    return names | dict.fromkeys(there.workers, "worker")


def _strangers(there: Installation) -> list[int]:
    names = _ours(there)
    return [pid for pid in procfs.descendants(there.supervisor) if pid not in names]


def _until_alone(there: Installation) -> None:
    """Until what kept watch over the engine has ended too, which takes a busy machine a while; `watch` refuses what
    stays."""
    end = time.monotonic() + _LEAVING
    while _strangers(there) and time.monotonic() < end:
        time.sleep(0.05)


def watch(there: Installation, seconds: float) -> dict[str, ProcessCost]:
    """The processes of an installation for a while, by what they are."""
    names = _ours(there)
    strangers = _strangers(there)
    if strangers:
        raise BenchError(f"at rest there are more processes: {[procfs.command_line(pid) for pid in strangers]}")
    return {names[pid]: cost for pid, cost in cost_of(tuple(names), seconds).items()}


def figures(rest: Rest) -> list[Figure]:
    """Per process; device memory in bytes, for nothing is nothing."""

    def line(name: str, value: float, unit: str, digits: int = 1, budget: float | None = None) -> Figure:
        return Figure(part=PART, name=name, value=value, unit=unit, digits=digits, budget=budget)

    out = []
    for name, cost in rest.costs.items():
        out += [
            line(f"{name}: CPU in {rest.seconds:g} s", cost.cpu_ms_per_second * rest.seconds / 1000, "s", 3),
            line(f"{name}: wake-ups", cost.wakeups_per_second, "/s"),
            line(f"{name}: RSS", cost.rss_mib, "MiB"),
            line(f"{name}: PSS", cost.pss_mib, "MiB"),
        ]
    return [
        *out,
        line("all: PSS", sum(cost.pss_mib for cost in rest.costs.values()), "MiB", budget=PSS_BUDGET_MIB),
        line("device memory while loaded", rest.loaded_bytes, "bytes", 0),
        line("device memory at rest", rest.held_bytes, "bytes", 0, 0),
        line("processes with the driver open, loaded", rest.holders_loaded, "", 0),
        line("processes with the driver open at rest", rest.holders, "", 0, 0),
    ]
