"""Estimates of memory that were far from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.footprint import Source
from glowplug.lifecycle.learned import COUNTED, Run, RunBook
from glowplug.units import format_size

BARS: Final[Mapping[Source, float]] = {
    Source.ENGINE: 0.15, Source.HEADER: 0.25, Source.DECLARED: 0.25, Source.SIZE: 0.5,
}  # fmt: skip
"""By how much an estimate may be off before it is worth a word: a little more than the error bars it comes with."""
_WORTH: Final = 256 << 20
"""Bytes; a small model's estimate is off by more than its bar for nothing."""


@dataclass(frozen=True)
class Measured:
    """A model's last run, and how it was estimated before it."""

    model: str
    run: Run


class Estimates(Check[tuple[Measured, ...]]):
    """What was measured wins from the second load on; a first load that was underestimated finds the memory full."""

    name = "ourselves-estimates"
    title = "Estimates of memory are near what was measured"
    group = Group.OURSELVES

    def gather(self, site: Site) -> tuple[Measured, ...]:
        book = RunBook(site.real(site.paths.instances))
        found = []
        for model in site.loaded.local_models:
            # The last one that was estimated; from the next on it is what was learned.
            told = [run for run in book.runs(model.name)[-COUNTED:] if run.source in BARS and run.error is not None]
            found += [Measured(model.name, told[-1])] if told else []
        if not found:
            raise NothingToLookAt("nothing was measured yet")
        return tuple(found)

    def inspect(self, facts: tuple[Measured, ...]) -> Sequence[Finding]:
        return [self._finding(one) for one in facts if _off(one.run)]

    def _finding(self, one: Measured) -> Finding:
        error = one.run.error or 0.0
        held = (one.run.device or 0) + (one.run.host or 0)
        estimate = one.run.estimate_device + one.run.estimate_host
        return Finding(
            check=self.name,
            severity=Severity.NOTE,
            subject=f"model {one.model}",
            summary=f"was estimated {abs(error):.0%} too {'high' if error > 0 else 'low'}",
            evidence=(f"estimated {format_size(estimate)} ({one.run.source}), held {format_size(held)}",),
            consequence="The next load uses what was measured; the first one elsewhere makes this mistake again."
            if one.run.source is not Source.DECLARED
            else "Other models are unloaded for memory that it does not need, or it finds too little.",
            advice=f"Correct models.{one.model}.memory, or remove it."
            if one.run.source is Source.DECLARED
            else f"Say what it needs in models.{one.model}.memory, and report the estimate.",
        )


def _off(run: Run) -> bool:
    error = run.error
    if error is None or abs(error) <= BARS[run.source]:
        return False
    measured = run.device or run.host or 0
    return abs(error) * measured > _WORTH
