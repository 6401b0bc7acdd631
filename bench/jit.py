"""The figures of just-in-time and of answers anyway: which there are, how much is measured, and their table."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench import burst, cold, fallback, fleet, procfs, rest, swap
from bench.figures import Figure
from glowplug.gateway.upstream import KEEP_ALIVE
from glowplug.lifecycle.admission import REST_AFTER


@dataclass(frozen=True)
class Effort:
    """How often each part is measured."""

    cold: int
    swap: int
    burst: int
    scheduler: int
    fallback: int
    rest_seconds: float
    settle_seconds: float
    """Before the watch of a rest: until the drivers have been let go of and idle connections closed."""


FULL = Effort(
    cold=21,
    swap=11,
    burst=3,
    scheduler=3,
    fallback=60,
    rest_seconds=60.0,
    settle_seconds=max(REST_AFTER, KEEP_ALIVE) + 5,
)
QUICK = Effort(cold=3, swap=2, burst=1, scheduler=1, fallback=8, rest_seconds=5.0, settle_seconds=REST_AFTER + 2)

Part = Callable[[Effort, Path, Path | None], list[Figure]]


def _cold(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return cold.figures(cold.measure(effort.cold, work, llama_swap))


def _swap(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return swap.figures(*swap.measure(effort.swap, work))


def _burst(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return burst.figures(*burst.measure(effort.burst, work))


def _scheduler(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return fleet.figures(fleet.measure(effort.scheduler))


def _rest(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return rest.figures(rest.measure(work, effort.settle_seconds, effort.rest_seconds))


def _fallback(effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    return fallback.figures(fallback.measure(effort.fallback, work))


PARTS: Mapping[str, Part] = MappingProxyType(
    {"cold": _cold, "swap": _swap, "burst": _burst, "scheduler": _scheduler, "fallback": _fallback, "rest": _rest}
)


def measure(names: Sequence[str], effort: Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
    """The parts one after the other.  Raises BenchError."""
    out: list[Figure] = []
    for name in names:
        place = work / f"jit-{name}"
        place.mkdir()
        out += PARTS[name](effort, place, llama_swap)
        print(f"{name} done", file=sys.stderr)
    return out


def facts(load_before: float) -> dict[str, str]:
    """What the figures depend on."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return {
        "CPU": f"{procfs.cpu_model()}, {cores} cores, load average {load_before:.2f} before, {load:.2f} after",
        "System": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Pinning": "none: engine, Glowplug and client share the cores",
        "Unit": "medians; differences are formed inside a round; CPU is what the system charged to the process",
    }
