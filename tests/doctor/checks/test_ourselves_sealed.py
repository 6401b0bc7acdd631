"""Secrets and the ring that opens them."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.ourselves_sealed import SealedValues
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.keyring import KeyRing
from glowplug.secret import Secret
from glowplug.store import credentials
from tests.doctor.museum import STATE, Exhibit, Machine
from tests.support.sqlite import opened

FILE, RING = f"{STATE}/glowplug.db", f"{STATE}/keyring.json"


def two_secrets(machine: Machine) -> None:
    """An installation with two secrets, and the ring that opens them."""
    ring = KeyRing.new()
    machine.write(RING, ring.encode())
    database = opened(machine.path(FILE))
    for name in ("openai", "lab"):
        database.call(lambda c, name=name: credentials.put(c, name, Secret(f"sk-{name}"), ring, 1.0))  # type: ignore[misc]
    database.close()


def another_ring(machine: Machine) -> None:
    machine.write(RING, KeyRing.new().encode())


EXHIBITS = [
    Exhibit("the ring is gone", "ourselves-sealed", lambda m: m.path(RING).unlink(), ("[lab]", "[openai]"),
            Severity.ERROR, repaired=False, healthy=two_secrets),
    Exhibit("it is another ring", "ourselves-sealed", another_ring, ("[lab]", "[openai]"), Severity.ERROR,
            repaired=False, healthy=two_secrets),
]  # fmt: skip


def test_no_secret_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    two_secrets(machine)
    another_ring(machine)
    assert "sk-" not in str(look(SealedValues(), machine.site))


def test_where_there_is_nothing_to_open(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert "no database yet" in look(SealedValues(), machine.site)[0].skipped
    opened(machine.path(FILE)).close()
    assert look(SealedValues(), machine.site)[0].skipped == "the database has no secrets"


def test_a_ring_that_is_none_opens_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    two_secrets(machine)
    machine.write(RING, "{")
    assert all("cannot be read" in one.summary for one in look(SealedValues(), machine.site)[0].findings)
