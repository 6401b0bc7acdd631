"""Metrics as values and as Prometheus text.  Pure.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).  A family has a name, a type and
a help text, which its row says; its samples come from whoever counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from math import fsum
from typing import Final, NamedTuple

import msgspec

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
)  # fmt: skip
"""Upper bounds for what takes as long as a model's answer."""
SHORT: Final = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip
"""Upper bounds for what should take no time."""

Labels = tuple[tuple[str, str], ...]


class Row(NamedTuple):
    """What a family is."""

    kind: str
    """`counter`, `gauge` or `histogram`."""
    help: str


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One series of a family, as of now."""

    labels: Labels
    value: float
    suffix: str = ""
    """`_bucket`, `_sum` or `_count` of a histogram."""


Families = dict[str, list[Sample]]
"""Name of the family → its series."""


class Histogram:
    """Counts by upper bound, in seconds.

    What is observed so often that a call costs too much is appended to `pending` instead; whoever does that calls
    `settle` now and then.
    """

    __slots__ = ("_bounds", "_counts", "_total", "pending")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self.pending: list[float] = []

    @property
    def counts(self) -> list[int]:
        """By bound, with what is above the last of them at the end."""
        self.settle()
        return self._counts

    @property
    def total(self) -> float:
        """Seconds, all together."""
        self.settle()
        return self._total

    @property
    def count(self) -> int:
        """Of everything observed."""
        return sum(self._counts) + len(self.pending)

    def observe(self, seconds: float) -> None:
        self.pending.append(seconds)
        self.settle()

    def settle(self) -> None:
        """Count what is pending: sorted once, each bound is looked up once instead of each value."""
        if not (pending := self.pending):
            return
        pending.sort()
        below = 0
        for number, bound in enumerate(self._bounds):
            upto = bisect_right(pending, bound, below)
            self._counts[number] += upto - below
            below = upto
        self._counts[-1] += len(pending) - below
        self._total += fsum(pending)
        pending.clear()

    def samples(self, labels: Labels = ()) -> list[Sample]:
        """Its series; the buckets add up, as the format wants it."""
        out = []
        running = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self.counts, strict=True):
            running += count
            out.append(Sample((*labels, ("le", bound)), running, "_bucket"))
        return [*out, Sample(labels, self.total, "_sum"), Sample(labels, running, "_count")]


def labelled(families: Families, name: str, value: str) -> Families:
    """The same series with one more label."""
    return {
        family: [Sample(((name, value), *sample.labels), sample.value, sample.suffix) for sample in samples]
        for family, samples in families.items()
    }


def joined(parts: Iterable[Families]) -> Families:
    """All series; those of a family stand together."""
    out: Families = {}
    for part in parts:
        for name, samples in part.items():
            out.setdefault(name, []).extend(samples)
    return out


def render(rows: Mapping[str, Row], families: Families) -> bytes:
    """The text, in the order of the rows; a row without series is announced all the same."""
    out = []
    for name, row in rows.items():
        out += [f"# HELP {name} {row.help}", f"# TYPE {name} {row.kind}"]
        out += [_line(name, sample) for sample in families.get(name, ())]
    return ("\n".join(out) + "\n").encode()


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in sample.labels)
    body = f"{{{labels}}}" if labels else ""
    return f"{name}{sample.suffix}{body} {_number(sample.value)}"


def _number(value: float) -> str:
    whole = int(value)
    return str(whole) if whole == value else f"{value:.9g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
