"""A journal that is behind, damaged, or without room."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.ourselves_journal import Facts, Journal, Segment
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.ledger.journal import JournalWriter
from glowplug.ledger.segments import HEADER
from tests.doctor.museum import STATE, Exhibit, Machine
from tests.ledger.builders import opened

JOURNAL = f"{STATE}/journal"


def written(machine: Machine, *, ago: float = 0.0) -> Path:
    """A segment with two records that nobody writes to any more."""
    folder = machine.path(JOURNAL)
    folder.mkdir(parents=True, exist_ok=True)
    writer = JournalWriter(folder, "w0-1-1", machine.clock, 8192)
    writer.opened(opened("a"))
    writer.opened(opened("b"))
    writer.seal()
    machine.clock.advance(ago)
    (path,) = folder.glob("*.gpj")
    path.chmod(0o600)
    return path


def broken(machine: Machine) -> None:
    (path,) = machine.path(JOURNAL).glob("*.gpj")
    data = bytearray(path.read_bytes())
    data[HEADER + 9] ^= 255
    path.write_bytes(data)


EXHIBITS = [
    Exhibit("nobody folds it", "ourselves-journal", lambda m: m.clock.advance(7200.0), (JOURNAL,), repaired=False,
            healthy=lambda m: written(m) and None),
    Exhibit("a frame is broken", "ourselves-journal", broken, (".gpj",), repaired=False,
            healthy=lambda m: written(m) and None),
    Exhibit("a segment was put aside", "ourselves-journal",
            lambda m: m.write(f"{JOURNAL}/w-1-1.gpj.damaged", b"x") and None, (".gpj.damaged",), repaired=False,
            healthy=lambda m: m.path(JOURNAL).mkdir(parents=True)),
    Exhibit("a file that is no segment", "ourselves-journal", lambda m: m.write(f"{JOURNAL}/w-1-1.gpj", b"x") and None,
            ("w-1-1.gpj",), repaired=False, healthy=lambda m: m.path(JOURNAL).mkdir(parents=True)),
]  # fmt: skip


def test_records_are_counted(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    written(machine, ago=7200.0)
    (finding,) = look(Journal(), machine.site)[0].findings
    assert finding.summary.startswith("has 2 records")
    assert finding.evidence[0] == "the oldest is from 2h ago"


def test_what_is_folded_is_not_behind(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    path = written(machine, ago=7200.0)
    with machine.store().begin() as connection:
        sql = "INSERT INTO journal_cursor (segment, position) VALUES (?, ?)"
        connection.exec_driver_sql(sql, (path.name, 8192))
    looked, _ = look(Journal(), machine.site)
    assert [finding.evidence for finding in looked.findings if "not in the ledger" in finding.summary] == []


@pytest.mark.parametrize(("free", "worst"), [(1 << 20, Severity.ERROR), (100 << 20, Severity.WARNING), (1 << 30, None)])
def test_a_disk_that_is_full(free: int, worst: Severity | None) -> None:
    found = Journal().inspect(Facts(JOURNAL, (), free))
    assert [finding.severity for finding in found] == ([worst] if worst else [])


def test_much_that_is_not_folded() -> None:
    (finding,) = Journal().inspect(Facts(JOURNAL, (Segment("a", pending=20 << 20, records=5),), 1 << 40))
    assert finding.summary == "has 5 records that are not in the ledger"
