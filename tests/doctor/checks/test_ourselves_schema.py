"""Databases of other releases, of others, of nobody."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from glowplug.doctor.checks.ourselves_schema import SchemaRevision
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import STATE, Exhibit, Machine
from tests.support.sqlite import put

FILE = f"{STATE}/glowplug.db"


def whole(machine: Machine) -> None:
    """An empty database of this release."""
    put(machine.path(FILE))


def tell(machine: Machine, *statements: str) -> None:
    with sqlite3.connect(machine.path(FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def older(machine: Machine) -> None:
    tell(machine, "UPDATE alembic_version SET version_num = '0012'")


def newer(machine: Machine) -> None:
    tell(machine, "UPDATE alembic_version SET version_num = '9999'",
         "INSERT OR REPLACE INTO meta (name, value) VALUES ('written_by', '99.1')")  # fmt: skip


def of_somebody_else(machine: Machine) -> None:
    machine.path(FILE).unlink()
    tell(machine, "CREATE TABLE theirs (a)")
    machine.path(FILE).chmod(0o600)


def empty(machine: Machine) -> None:
    machine.path(FILE).write_bytes(b"")


EXHIBITS = [
    Exhibit("an older release left it", "ourselves-schema", older, ("glowplug.db",), repaired=False, healthy=whole),
    Exhibit("a newer release wrote it", "ourselves-schema", newer, ("glowplug.db",), Severity.ERROR, repaired=False,
            healthy=whole),
    Exhibit("it is somebody else's", "ourselves-schema", of_somebody_else, ("glowplug.db",), Severity.ERROR,
            repaired=False, healthy=whole),
    Exhibit("it is empty", "ourselves-schema", empty, ("glowplug.db",), Severity.ERROR, repaired=False, healthy=whole),
]  # fmt: skip


def test_who_wrote_it_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    whole(machine)
    newer(machine)
    (finding,) = look(SchemaRevision(), machine.site)[0].findings
    assert "revision 9999 (Glowplug 99.1 wrote it)" in finding.summary


def test_what_is_no_database_could_not_be_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(SchemaRevision(), machine.site)[0].skipped == "there is no database yet"
    machine.write(FILE, b"not a database at all, but long enough to look like a file" * 100)
    looked = look(SchemaRevision(), machine.site)[0]
    assert "could not be read" in looked.could_not and looked.findings == ()
