"""Differences inside a round, and one real round."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.cold import Round, figures, measure
from bench.engine import Alone


def round_of(ready: float, token: float, glowplug: float, llama_swap: float | None = None) -> Round:
    return Round(alone=Alone(ready=ready, first_token=token, stop=0.1), glowplug=glowplug, llama_swap=llama_swap)


def test_overheads_are_formed_inside_a_round() -> None:
    rounds = [round_of(0.1, 0.01, 0.13), round_of(0.5, 0.01, 0.52), round_of(0.2, 0.01, 0.9)]
    named = {figure.name: figure for figure in figures(rounds)}
    beyond = named["glowplug: beyond the engine's ready"]
    assert beyond.value == pytest.approx(30.0)  # of 30, 20, 700; medians apart would say 320
    assert (beyond.budget, beyond.verdict) == (50.0, "kept")
    assert named["glowplug: and beyond its first token"].value == pytest.approx(20.0)
    assert not [name for name in named if name.startswith("llama-swap")]


def test_llama_swap_is_measured_against_the_same_engine() -> None:
    named = {figure.name: figure for figure in figures([round_of(0.1, 0.01, 0.13, 1.1)])}
    assert named["llama-swap: beyond the engine's ready"].value == pytest.approx(1000.0)


def test_a_real_round(tmp_path: Path) -> None:
    (only,) = measure(1, tmp_path)
    assert only.glowplug > 0
    assert only.alone.ready > 0
    assert only.llama_swap is None
