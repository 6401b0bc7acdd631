"""Servers that go when their user does."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_linger import Linger
from glowplug.doctor.examine import look
from tests.doctor.museum import HOME, Exhibit, Machine

UNITS = f"{HOME}/.config/systemd/user"


def lingering(machine: Machine) -> None:
    machine.write(f"{UNITS}/glowplug.service", "[Service]\nExecStart=/usr/bin/glowplug up\n")
    machine.link(f"{UNITS}/default.target.wants/glowplug.service", "../glowplug.service")
    machine.write("/var/lib/systemd/linger/ann", b"")


EXHIBITS = [
    Exhibit("the user does not linger", "machine-linger", lambda m: m.path("/var/lib/systemd/linger/ann").unlink(),
            ("user ann",), repaired=False, healthy=lingering),
]  # fmt: skip


def test_what_serves_nothing_need_not_stay(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(f"{UNITS}/x.service", "[Service]\nExecStart=/usr/bin/true\n")
    machine.link(f"{UNITS}/default.target.wants/x.service", "../x.service")
    assert look(Linger(), machine.site)[0].skipped
