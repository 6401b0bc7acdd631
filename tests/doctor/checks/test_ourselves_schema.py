"""A database of another release."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from glowplug.doctor.checks.ourselves_schema import Schema
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import DATABASE, Exhibit, Machine


def at(machine: Machine, revision: str) -> None:
    with machine.store().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": revision})


EXHIBITS = [
    Exhibit("an older one", "ourselves-schema", lambda m: at(m, "0001"), ("glowplug.db",), repaired=False,
            healthy=lambda m: m.store() and None),
    Exhibit("a newer one", "ourselves-schema", lambda m: at(m, "9999"), ("glowplug.db",), Severity.ERROR,
            repaired=False, healthy=lambda m: m.store() and None),
]  # fmt: skip


def test_what_is_no_database_cannot_be_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(Schema(), machine.site)[0].skipped
    machine.write(DATABASE, b"")
    assert look(Schema(), machine.site)[0].skipped
    machine.write(DATABASE, b"no database at all, and long enough to be read as one" * 100)
    assert look(Schema(), machine.site)[0].could_not
