"""Figures of a kind of their own in one table: what was measured, how it spread, what it may be.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.table import number


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table."""

    part: str
    name: str
    value: float | None
    """The median where there are rounds; None where it could not be had."""
    unit: str = ""
    digits: int = 1
    least: float | None = None
    most: float | None = None
    rounds: int = 1
    budget: float | None = None
    """What it may be at most."""

    @property
    def verdict(self) -> str:
        if self.budget is None or self.value is None:
            return ""
        return "kept" if self.value <= self.budget else "missed"


def of_rounds(
    part: str, name: str, values: Sequence[float], unit: str, *, digits: int = 1, budget: float | None = None
) -> Figure:
    """The median of the rounds, and between what they lie."""
    if not values:
        return Figure(part=part, name=name, value=None, unit=unit, rounds=0, budget=budget)
    return Figure(
        part=part, name=name, value=median(values), unit=unit, digits=digits, least=min(values), most=max(values),
        rounds=len(values), budget=budget,
    )  # fmt: skip


_HEADS = ("part", "figure", "value", "unit", "least", "most", "rounds", "budget", "")


def render(figures: Sequence[Figure], facts: Mapping[str, str]) -> str:
    """The table under the facts it depends on; a part is named once."""
    body = []
    last = ""
    for figure in figures:
        body.append(
            (
                figure.part if figure.part != last else "",
                figure.name,
                number(figure.value, figure.digits),
                figure.unit,
                number(figure.least, figure.digits),
                number(figure.most, figure.digits),
                str(figure.rounds),
                number(figure.budget, figure.digits),
                figure.verdict,
            )
        )
        last = figure.part
    widths = [max(len(line[i]) for line in (_HEADS, *body)) for i in range(len(_HEADS))]
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines.append("")
    for line in (_HEADS, tuple("-" * w for w in widths), *body):
        cells = [
            c.ljust(w) if i in (0, 1, 3, 8) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
