"""Segments that nobody folds, that nobody can read, that were damaged."""

from __future__ import annotations

import os
from pathlib import Path

from glowplug.doctor.checks.ourselves_journal import LATE_S, Journal, JournalState, SegmentState
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.ledger.journal import JournalWriter
from glowplug.ledger.segments import DAMAGED_SUFFIX
from tests.doctor.museum import STATE, Exhibit, Machine
from tests.ledger.builders import closed
from tests.support.sqlite import put

FOLDER = f"{STATE}/journal"
SEGMENT = "w0-1-1-1700000000000-1.gpj"


def written(machine: Machine) -> None:
    """A segment that was begun, with nothing in it yet."""
    put(machine.path(f"{STATE}/glowplug.db"))
    machine.path(FOLDER).mkdir(parents=True, exist_ok=True)
    writer = JournalWriter(machine.path(FOLDER), "w0-1-1", machine.clock, segment_bytes=4096)
    writer.seal()
    touch(machine, 0.0)


def touch(machine: Machine, ago: float) -> None:
    for file in machine.path(FOLDER).iterdir():
        os.utime(file, (machine.clock.unix() - ago,) * 2)


def forgotten(machine: Machine) -> None:
    writer = JournalWriter(machine.path(FOLDER), "w1-1-1", machine.clock, segment_bytes=4096)
    writer.closed(closed("r"))
    writer.seal()
    touch(machine, LATE_S + 10)


def unreadable(machine: Machine) -> None:
    machine.write(f"{FOLDER}/{SEGMENT}", b"GPX" + b"\0" * 200)
    touch(machine, 0.0)


def damaged(machine: Machine) -> None:
    machine.write(f"{FOLDER}/w0-1-1-1700000000000-1{DAMAGED_SUFFIX}", b"x")


EXHIBITS = [
    Exhibit("records wait since yesterday", "ourselves-journal", forgotten, ("w1-1-1-",), repaired=False,
            healthy=written),
    Exhibit("a segment is none", "ourselves-journal", unreadable, (SEGMENT,), Severity.ERROR, repaired=False,
            healthy=written),
    Exhibit("a segment was damaged", "ourselves-journal", damaged, (DAMAGED_SUFFIX,), repaired=False, healthy=written),
]  # fmt: skip


def test_records_of_this_minute_are_no_finding(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    written(machine)
    forgotten(machine)
    touch(machine, 60.0)
    assert look(Journal(), machine.site)[0].findings == ()


def test_many_records_that_wait_are_one() -> None:
    state = JournalState("/j", tuple(SegmentState(f"s{n}", 4 << 20, 5.0) for n in range(20)), ())
    (finding,) = Journal().inspect(state)
    assert finding.summary.startswith("has 80 MiB") and finding.severity is Severity.WARNING


def test_an_empty_journal(tmp_path: Path) -> None:
    assert look(Journal(), Machine(tmp_path).site)[0].skipped == "the journal is empty"
