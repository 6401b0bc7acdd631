"""Both swaps against the engines' own times, and one real round."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.engine import Alone
from bench.installation import A, B
from bench.swap import Round, figures, measure


def test_the_engines_own_time_is_two_stops_and_two_starts() -> None:
    a = Alone(ready=0.1, first_token=9.0, stop=0.02)
    b = Alone(ready=0.3, first_token=9.0, stop=0.04)
    round_ = Round(to_b=0.4, to_a=0.2, a=a, b=b)
    assert round_.own == pytest.approx(0.46)
    named = {figure.name: figure for figure in figures([round_], [1.5])}
    assert named["glowplug: beyond the engines, a swap"].value == pytest.approx(70.0)
    assert named["glowplug: both, default residency"].value == pytest.approx(1500.0)


def test_a_real_round_starts_each_model_in_turn(tmp_path: Path) -> None:
    (only,), (default,) = measure(1, tmp_path)
    assert only.swap > 0
    assert default > 0
    log = (tmp_path / "default" / "glowplug.log").read_text()
    story = [line.split("INFO ")[1] for line in log.splitlines() if "make room" in line]
    assert story[:2] == [f"{A}: unloading to make room for {B}", f"{B}: unloading to make room for {A}"]
