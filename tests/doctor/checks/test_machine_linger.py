"""Servers that go when their user does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from glowplug.doctor.checks.machine_linger import Linger
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import HOME, Exhibit, Machine

LINGERS = "/var/lib/systemd/linger/ann"
UNITS = f"{HOME}/.config/systemd/user"


def lingering(machine: Machine) -> None:
    machine.write(f"{UNITS}/glowplug.service", "[Service]\nExecStart=/usr/bin/glowplug up\n")
    machine.link(f"{UNITS}/default.target.wants/glowplug.service", "../glowplug.service")
    file = machine.write(LINGERS, b"")

    def loginctl(argv: Sequence[str]) -> Ran:
        if argv[1] == "enable-linger":
            file.touch(0o600)
            file.chmod(0o600)
        else:
            file.unlink()
        return Ran(code=0, out="")

    machine.programs.known["loginctl"] = loginctl
    machine.programs.known["stat"] = lambda argv: Ran(code=int(not file.exists()), out=LINGERS * file.exists())


EXHIBITS = [
    Exhibit("the user does not linger", "machine-linger", lambda m: m.path(LINGERS).unlink(),
            ("user ann",), healthy=lingering),
]  # fmt: skip


def test_what_serves_nothing_need_not_stay(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(f"{UNITS}/x.service", "[Service]\nExecStart=/usr/bin/true\n")
    machine.link(f"{UNITS}/default.target.wants/x.service", "../x.service")
    assert look(Linger(), machine.site)[0].skipped
