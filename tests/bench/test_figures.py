"""Medians with their spread, verdicts by budget, and a table that lines up."""

from __future__ import annotations

import pytest
from bench.figures import Figure, of_rounds, render


def test_rounds_become_their_median_and_their_edges() -> None:
    figure = of_rounds("cold", "overhead", [30.0, 90.0, 40.0], "ms", budget=50)
    assert (figure.value, figure.least, figure.most, figure.rounds, figure.verdict) == (40.0, 30.0, 90.0, 3, "kept")


def test_no_round_is_no_figure_and_no_verdict() -> None:
    figure = of_rounds("cold", "overhead", [], "ms", budget=50)
    assert (figure.value, figure.rounds, figure.verdict) == (None, 0, "")


@pytest.mark.parametrize(("value", "verdict"), [(50.0, "kept"), (50.1, "missed")])
def test_a_budget_is_a_most(value: float, verdict: str) -> None:
    assert Figure(part="p", name="n", value=value, budget=50.0).verdict == verdict


def test_the_table_lines_up_and_names_a_part_once() -> None:
    figures = [
        Figure(part="burst", name="lost", value=0, digits=0, budget=0),
        Figure(part="burst", name="p99", value=12345.678, unit="ms"),
        Figure(part="rest", name="control", value=None, unit="MiB"),
    ]
    facts, gap, heads, rule, *body = render(figures, {"CPU": "two"}).splitlines()
    assert (facts, gap) == ("CPU: two", "")
    assert heads.split() == ["part", "figure", "value", "unit", "least", "most", "rounds", "budget"]
    assert set(rule) <= {"-", " "}
    assert body[0].split() == ["burst", "lost", "0", "-", "-", "1", "0", "kept"]
    assert body[1].split() == ["p99", "12,345.7", "ms", "-", "-", "1", "-"]
    assert body[2].split()[:3] == ["rest", "control", "-"]
    assert body[0].index("1 ") > body[0].index("lost")
