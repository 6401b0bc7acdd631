"""What the data path may cost, and whether it does: from the samples of a run.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figure, of_rounds
from bench.table import Sample

PART = "budgets"
_GLOWPLUG = "glowplug"


@dataclass(frozen=True)
class Budget:
    """One promise: a figure of one workload, beside that of `against` (candidate, workload) in the same round."""

    name: str
    workload: str
    most: float
    unit: str
    of: Callable[[Sample, Sample], float | None]
    against: tuple[str, str]
    """An empty candidate: the same one."""


def _ratio(mine: Sample, theirs: Sample) -> float | None:
    return mine.cpu_us / theirs.cpu_us if mine.cpu_us is not None and theirs.cpu_us else None


def _p50(mine: Sample, theirs: Sample) -> float | None:
    return (mine.p50_us - theirs.p50_us) / 1000


def _p99(mine: Sample, theirs: Sample) -> float | None:
    return (mine.p99_us - theirs.p99_us) / 1000


def _lost(mine: Sample, theirs: Sample) -> float | None:
    return float(mine.lost + mine.errors)


BUDGETS = (
    Budget("CPU of a request, 1 KB", "1KB-c32", 2.2, "× nginx", _ratio, ("nginx", "1KB-c32")),
    Budget("CPU of an event, 500 streams", "sse-500", 1.5, "× nginx", _ratio, ("nginx", "sse-500")),
    Budget("CPU of a translated event", "messages-sse-500", 2.0, "× forwarded", _ratio, ("", "sse-500")),
    Budget("added p50, one connection", "1KB-c1", 0.3, "ms", _p50, ("direct", "1KB-c1")),
    Budget("added p99, one connection", "1KB-c1", 0.7, "ms", _p99, ("direct", "1KB-c1")),
    Budget("events lost of 1,000 paced streams", "sse-1000", 0.0, "", _lost, ("", "sse-1000")),
)


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """A line for each promise and each way Glowplug was configured; no value where the other side was not measured."""
    there = {(one.candidate, one.workload, one.round): one for one in samples}
    out = []
    for candidate in dict.fromkeys(one.candidate for one in samples if one.candidate.startswith(_GLOWPLUG)):
        for budget in BUDGETS:
            mine = [one for one in samples if (one.candidate, one.workload) == (candidate, budget.workload)]
            if not mine:
                continue
            who, workload = budget.against
            pairs = [(one, there[key]) for one in mine if (key := (who or candidate, workload, one.round)) in there]
            values = [value for pair in pairs if (value := budget.of(*pair)) is not None]
            name = f"{candidate}: {budget.name}"
            out.append(of_rounds(PART, name, values, budget.unit, digits=2, budget=budget.most))
    return out
