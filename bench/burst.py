"""A thousand requests at once to one model that is not loaded: one start, none lost, and what that costs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import procfs
from bench.figures import Figure, of_rounds
from bench.installation import SLOW_ENGINE, SLOW_SECONDS, A, Installation, install, local_config
from bench.programs import BenchError, build, load_command

PART, SLOW_PART = "burst", f"burst, {SLOW_SECONDS} s load"
REQUESTS = 1000
CONTROL_BUDGET = 50.0
"""Percent of one core."""
LIMIT = 180.0
SLICE = 0.5
"""Seconds over which the busiest moment is looked for."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """One burst."""

    answered: int
    lost: int
    starts: int
    seconds: float
    p50_ms: float
    p99_ms: float
    control_share: float
    """Percent of one core over the whole burst."""
    control_peak: float
    """And over its busiest half second."""
    worker_share: float


def request_body(model: str) -> bytes:
    message = {"role": "user", "content": "Who are you?"}
    return json.dumps({"model": model, "messages": [message], "max_tokens": 1, "temperature": 0}).encode()


def measure(rounds: int, work: Path, requests: int = REQUESTS) -> tuple[list[Burst], list[Burst]]:
    """At llama.cpp, where most of the time is the engine's; and at an engine that loads for two seconds and answers at
    once, where all requests wait at the same time.  Raises BenchError."""
    build()
    return (
        several(rounds, work / "llamacpp", local_config([A]), requests),
        several(rounds, work / "slow", local_config([A], engine=SLOW_ENGINE), requests),
    )


def several(rounds: int, work: Path, config: str, requests: int) -> list[Burst]:
    there = install(work, config)
    try:
        body = work / "burst.json"
        body.write_bytes(request_body(A))
        there.start_model(A)  # the first start ever also asks the program for its flags
        there.stop_model(A)
        out = []
        for _ in range(rounds):
            out.append(one(there, body, requests))
            there.stop_model(A)
        return out
    finally:
        there.close()


def one(there: Installation, body: Path, requests: int) -> Burst:
    """Send all at once to a model that is not loaded, and wait for the last answer."""
    starts = there.starts_of(A)
    control, workers = procfs.CpuMeter((there.control,)), procfs.CpuMeter(there.workers)
    command = load_command(there.port, body, there.key, "-c", str(requests), "-n", str(requests), "-d", str(LIMIT))
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0.0
    try:
        while process.poll() is None:
            meter, at = procfs.CpuMeter((there.control,)), time.monotonic()
            try:
                process.wait(SLICE)
            except subprocess.TimeoutExpired:
                peak = max(peak, share(meter.spent(), time.monotonic() - at))
            if time.monotonic() - began > LIMIT + 30:
                raise BenchError("the load client did not end")
        text = process.communicate()[0]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    took = time.monotonic() - began
    return reading(
        text, requests, took, share(control.spent(), took), peak, share(workers.spent(), took),
        there.starts_of(A) - starts,
    )  # fmt: skip


def share(nanoseconds: int, seconds: float) -> float:
    """Percent of one core."""
    return nanoseconds / 1e7 / seconds if seconds else 0.0


def reading(text: str, requests: int, took: float, control: float, peak: float, worker: float, starts: int) -> Burst:
    """What the load client says, and what was read beside it.  Raises BenchError."""
    try:
        report = json.loads(text)
    except ValueError:
        raise BenchError(f"the load client said {text!r}") from None
    if starts < 1:
        raise BenchError("the model was loaded before the burst, or its start is not in the log")
    answered = int(report["completed"])
    return Burst(
        answered=answered, lost=requests - answered, starts=starts, seconds=took,
        p50_ms=float(report["first_p50_us"]) / 1000, p99_ms=float(report["first_p99_us"]) / 1000,
        control_share=control, control_peak=max(peak, control), worker_share=worker,
    )  # fmt: skip


def figures(quick: Sequence[Burst], slow: Sequence[Burst]) -> list[Figure]:
    """Of both kinds of engine."""
    return [*_figures(PART, quick), *_figures(SLOW_PART, slow)]


def _figures(part: str, bursts: Sequence[Burst]) -> list[Figure]:
    """Losses and starts are never averaged away: the worst round stands."""

    def worst(name: str, values: Sequence[int], budget: float) -> Figure:
        return Figure(
            part=part, name=name, value=max(values, default=None), digits=0, rounds=len(bursts), budget=budget
        )

    def line(name: str, values: Sequence[float], unit: str, budget: float | None = None) -> Figure:
        return of_rounds(part, name, values, unit, budget=budget)

    return [
        worst("lost, of all requests", [b.lost for b in bursts], 0),
        worst("starts of the engine", [b.starts for b in bursts], 1),
        line("all answered after", [b.seconds * 1000 for b in bursts], "ms"),
        line("p50 of the answers", [b.p50_ms for b in bursts], "ms"),
        line("p99 of the answers", [b.p99_ms for b in bursts], "ms"),
        line("control process", [b.control_share for b in bursts], "% core", CONTROL_BUDGET),
        line("control process, busiest half second", [b.control_peak for b in bursts], "% core"),
        line("gateway worker", [b.worker_share for b in bursts], "% core"),
    ]
