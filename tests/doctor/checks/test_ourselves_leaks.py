"""Memory that did not come back."""

from __future__ import annotations

from pathlib import Path

from glowplug.control.metrics import CONTROL_METRICS
from glowplug.doctor.checks.ourselves_leaks import Leaks
from glowplug.doctor.examine import look
from glowplug.wire.exposition import Sample, render
from tests.doctor.checks.test_ourselves_snapshot import served
from tests.doctor.museum import Exhibit, Machine

LEAKED = "glowplug_leaked_bytes_total"


def scraped(machine: Machine, lost: int = 0) -> None:
    """A server that tells its figures as ours does."""
    served(machine)
    samples = [Sample((("model", model), ("device", "cuda:0")), size) for model, size in (("chat-a", lost), ("b", 0))]
    machine.answers["/metrics"] = render({LEAKED: CONTROL_METRICS[LEAKED]}, {LEAKED: samples})


EXHIBITS = [
    Exhibit("two GiB are lost", "ourselves-leaks", lambda m: scraped(m, 2 << 30), ("model chat-a",),
            repaired=False, healthy=scraped),
]  # fmt: skip


def test_how_much_and_where(bare: Machine) -> None:
    scraped(bare, 2 << 30)
    (finding,) = look(Leaks(), bare.site)[0].findings
    assert finding.summary == "did not give back 2 GiB of cuda:0"


def test_where_none_runs_nothing_is_lost(tmp_path: Path) -> None:
    assert look(Leaks(), Machine(tmp_path).site)[0].skipped
