"""What a cold start costs beyond the engine's own: request to first token, less the engine's own time to ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import llama_swap
from bench.candidates import free_port
from bench.engine import Alone, first_token, run_alone
from bench.figures import Figure, of_rounds
from bench.installation import A, install, local_config
from bench.llama_swap import LlamaSwap

PART = "cold start"
BUDGET_MS = 50.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round, in seconds: each candidate once, one after the other."""

    alone: Alone
    glowplug: float
    """From the request to the first token of a model that was not loaded."""
    llama_swap: float | None = None


def measure(rounds: int, work: Path, swap_program: Path | None = None) -> list[Round]:
    """Paired rounds in an order that turns.  The first round warms the files and is not counted.  Raises BenchError."""
    there = install(work, local_config([A]))
    swap: LlamaSwap | None = None
    try:
        there.start_model(A)
        launch = there.launch_of(A)
        there.stop_model(A)
        if swap_program is not None:
            swap = llama_swap.start(swap_program, launch, A, work / "llama-swap")
        out = []
        for turn in range(rounds + 1):
            alone, ours, theirs = None, 0.0, None
            order = ("alone", "glowplug", "llama-swap")
            for who in (*order[turn % 3 :], *order[: turn % 3]):
                if who == "alone":
                    alone = run_alone(launch, free_port(), A, work / "engine.log")
                elif who == "glowplug":
                    ours = first_token(there.port, A, there.key)
                    there.stop_model(A)
                elif swap is not None:
                    theirs = first_token(swap.port, A)
                    swap.unload()
            assert alone is not None
            out.append(Round(alone=alone, glowplug=ours, llama_swap=theirs))
        return out[1:]
    finally:
        if swap is not None:
            swap.close()
        there.close()


def figures(rounds: Sequence[Round]) -> list[Figure]:
    """Medians; differences are formed inside a round first."""

    def line(name: str, values: Sequence[float], budget: float | None = None) -> Figure:
        return of_rounds(PART, name, [value * 1000 for value in values], "ms", budget=budget)

    out = [
        line("engine alone: start to ready", [r.alone.ready for r in rounds]),
        line("engine alone: its first token", [r.alone.first_token for r in rounds]),
        line("glowplug: request to first token", [r.glowplug for r in rounds]),
        line("glowplug: beyond the engine's ready", [r.glowplug - r.alone.ready for r in rounds], BUDGET_MS),
        line(
            "glowplug: and beyond its first token",
            [r.glowplug - r.alone.ready - r.alone.first_token for r in rounds],
        ),
    ]
    theirs = [(r.llama_swap, r.alone.ready) for r in rounds if r.llama_swap is not None]
    if theirs:
        out.append(line("llama-swap: request to first token", [took for took, _ in theirs]))
        out.append(line("llama-swap: beyond the engine's ready", [took - ready for took, ready in theirs]))
    return out
