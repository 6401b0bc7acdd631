"""Two models that may not be loaded together, asked in turn: A → B → A, against what their engines take themselves.

A model that came back after it was unloaded for another one stays, by default, until it has been quiet for as long as
its load takes, so that two that alternate do not load all the time.  That is a choice and no cost, so it is measured
apart: `min_residency: 0s` shows what the mechanism takes, the default what a client sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.candidates import free_port
from bench.engine import Alone, first_token, run_alone
from bench.figures import Figure, of_rounds
from bench.installation import A, B, Installation, install, local_config

PART = "swap A→B→A"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round, in seconds."""

    to_b: float
    """From the request to B's first token while A is loaded."""
    to_a: float
    a: Alone
    b: Alone

    @property
    def swap(self) -> float:
        return self.to_b + self.to_a

    @property
    def own(self) -> float:
        """What the engines take for the same: A ends, B starts, B ends, A starts."""
        return self.a.stop + self.b.ready + self.b.stop + self.a.ready


def measure(rounds: int, work: Path) -> tuple[list[Round], list[float]]:
    """Paired rounds, and both swaps under the default residency.  The first round of each warms up and is not counted.
    Raises BenchError."""
    there = install(work / "at-once", local_config([A, B], together=False, residency="0s"))
    try:
        launches = {}
        for model in (B, A):
            there.start_model(model)
            launches[model] = there.launch_of(model)
        paired = []
        for _ in range(rounds + 1):
            to_b, to_a = both(there)
            there.stop_model(A)
            a, b = (run_alone(launches[model], free_port(), model, work / "engine.log") for model in (A, B))
            paired.append(Round(to_b=to_b, to_a=to_a, a=a, b=b))
            there.start_model(A)
    finally:
        there.close()
    there = install(work / "default", local_config([A, B], together=False))
    try:
        there.start_model(A)
        return paired[1:], [sum(both(there)) for _ in range(rounds + 1)][1:]
    finally:
        there.close()


def both(there: Installation) -> tuple[float, float]:
    """Ask B while A is loaded, then A: seconds to the first token of each."""
    return first_token(there.port, B, there.key), first_token(there.port, A, there.key)


def figures(rounds: Sequence[Round], default: Sequence[float]) -> list[Figure]:
    """Medians; differences are formed inside a round first."""

    def line(name: str, values: Sequence[float]) -> Figure:
        return of_rounds(PART, name, [value * 1000 for value in values], "ms")

    return [
        line("engines alone: two stops, two starts", [r.own for r in rounds]),
        line("glowplug: both swaps, to first tokens", [r.swap for r in rounds]),
        line("glowplug: beyond the engines, a swap", [(r.swap - r.own) / 2 for r in rounds]),
        line("glowplug: both, default residency", default),
    ]
