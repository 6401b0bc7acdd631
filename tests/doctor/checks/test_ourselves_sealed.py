"""Sealed values that do not open."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.ourselves_sealed import SealedValues
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.keyring import KeyRing
from glowplug.secret import Secret
from glowplug.store import credentials
from glowplug.store.tables import credentials as table
from tests.doctor.museum import STATE, Exhibit, Machine

RING = f"{STATE}/keyring.json"


def healthy(machine: Machine) -> None:
    ring = KeyRing.new()
    machine.write(RING, ring.encode())
    with machine.store().begin() as connection:
        for name in ("openai", "groq"):
            credentials.put(connection, name, Secret("sk-hidden"), ring, 1.0)


def copied(machine: Machine) -> None:
    """A value that was put into another row."""
    with machine.store().begin() as connection:
        value = {one.name: data for one, data in credentials.every(connection)}["groq"]
        connection.exec_driver_sql(f"UPDATE {table.name} SET value = ? WHERE name = 'openai'", (value,))


EXHIBITS = [
    Exhibit("the ring is another one", "ourselves-sealed", lambda m: m.write(RING, KeyRing.new().encode()) and None,
            ("[groq].value", "[openai].value"), Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("the ring is gone", "ourselves-sealed", lambda m: m.path(RING).unlink(),
            ("[groq].value", "[openai].value"), Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("a value is in another's row", "ourselves-sealed", copied, ("[openai].value",), Severity.ERROR,
            repaired=False, healthy=healthy),
]  # fmt: skip


def test_no_secret_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    copied(machine)
    looked, _ = look(SealedValues(), machine.site)
    assert "hidden" not in str(looked)


def test_a_ring_that_is_none_cannot_be_used(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    machine.write(RING, "{}")
    assert look(SealedValues(), machine.site)[0].could_not
    with machine.store().begin() as connection:
        connection.execute(table.delete())
    assert look(SealedValues(), machine.site)[0].skipped
