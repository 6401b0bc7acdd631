"""Estimates that were far off."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.ourselves_estimates import Estimates
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.domain.footprint import Source
from glowplug.lifecycle.learned import Run, RunBook
from tests.doctor.museum import STATE, Exhibit, Machine

GIB = 1 << 30


def measured(machine: Machine, estimate: int, held: int, source: Source = Source.HEADER) -> None:
    machine.models()
    folder = machine.path(f"{STATE}/instances")
    folder.mkdir(exist_ok=True)
    run = Run(key="k", at=1.0, estimate_device=estimate, estimate_host=0, source=source, ready_device=held,
              ready_host=0)  # fmt: skip
    RunBook(folder).add("chat-hermes-llamacpp", run)


EXHIBITS = [
    Exhibit("an estimate is too low", "ourselves-estimates", lambda m: measured(m, 4 * GIB, 8 * GIB),
            ("chat-hermes-llamacpp",), Severity.NOTE, repaired=False, healthy=lambda m: measured(m, 9 * GIB, 8 * GIB)),
    Exhibit("what was declared is too high", "ourselves-estimates",
            lambda m: measured(m, 16 * GIB, 8 * GIB, Source.DECLARED), ("chat-hermes-llamacpp",), Severity.NOTE,
            repaired=False, healthy=lambda m: measured(m, 9 * GIB, 8 * GIB, Source.DECLARED)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("estimate", "held", "source"),
    [(GIB >> 4, GIB >> 3, Source.HEADER), (2 * GIB, 8 * GIB, Source.POLICY), (GIB, 8 * GIB, Source.LEARNED)],
)
def test_what_is_small_or_was_told_or_learned_is_not_judged(
    tmp_path: Path, estimate: int, held: int, source: Source
) -> None:
    machine = Machine(tmp_path)
    measured(machine, estimate, held, source)
    assert look(Estimates(), machine.site)[0].findings == ()


def test_the_finding_says_by_how_much(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    measured(machine, 4 * GIB, 8 * GIB)
    (finding,) = look(Estimates(), machine.site)[0].findings
    assert finding.summary == "was estimated 50% too low"
