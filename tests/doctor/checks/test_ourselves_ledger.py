"""A ledger that does not say what happened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, update

from glowplug.doctor.checks.ourselves_ledger import Ledger
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.domain.price import Price, Rates
from glowplug.ledger.fold import Folder
from glowplug.ledger.journal import JournalWriter
from glowplug.store import prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import attempts, spend
from tests.doctor.museum import DATABASE, STATE, Exhibit, Machine
from tests.ledger.builders import closed, opened


def healthy(machine: Machine) -> None:
    """Two attempts that went into the ledger, whose segment is still there."""
    price = Price(version="t", rates=Rates(prompt=3_000_000), request=1)
    with machine.store().begin() as connection:
        prices.note(connection, {"m": price}, 1.0)
    folder = machine.path(f"{STATE}/journal")
    folder.mkdir()
    writer = JournalWriter(folder, "w0-1-1", machine.clock, 8192)
    for name in ("a", "b"):
        writer.opened(opened(name))
        writer.closed(closed(name))
    database = Database(machine.path(DATABASE))
    database.open()
    Folder(folder, AttemptStore(database), lambda _worker: False).fold()
    database.close()
    for path in folder.iterdir():
        path.chmod(0o600)
    with machine.store().connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")


def sums(machine: Machine) -> None:
    with machine.store().begin() as connection:
        connection.execute(delete(spend))


def line(machine: Machine) -> None:
    with machine.store().begin() as connection:
        connection.execute(update(attempts).where(attempts.c.request == "a").values(status=404))


EXHIBITS = [
    Exhibit("a line is not what the journal says", "ourselves-ledger", line, ("request a", "request a"), Severity.ERROR,
            repaired=False, healthy=healthy),
]  # fmt: skip


def test_sums_that_are_gone_are_told_with_how_they_come_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    assert look(Ledger(), machine.site)[0].findings == ()
    sums(machine)
    looked, _ = look(Ledger(), machine.site)
    assert looked.findings
    assert all("rebuild" in finding.advice for finding in looked.findings)


def test_without_a_database_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert look(Ledger(), Machine(tmp_path).site)[0].skipped
