"""Unit files as they lie there."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.units import commands, enabled, find, services, timers, values
from tests.doctor.museum import HOME, Machine

UNIT = """\
[Unit]
Description=x
ExecStart=/not/here
[Service]
# ExecStart=/nor/here
ExecStartPre=-/bin/true
ExecStart=/bin/a \\
  --b c
Environment=A=1
Environment=B=2
[Install]
WantedBy=default.target
"""


def test_what_a_unit_says() -> None:
    assert commands(UNIT) == ["/bin/true", "/bin/a  --b c"]
    assert values(UNIT, "Service", "Environment") == ["A=1", "B=2"]
    assert values(UNIT, "Install", "WantedBy") == ["default.target"]
    assert values("", "Service", "ExecStart") == []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.write(f"{HOME}/.config/systemd/user/a.service", UNIT)
    machine.write("/usr/lib/systemd/system/b@.service", UNIT)
    machine.write("/etc/systemd/system/c.service", UNIT)
    machine.link(f"{HOME}/.config/systemd/user/default.target.wants/a.service", "../a.service")
    machine.link("/etc/systemd/system/multi-user.target.wants/b@one.service", "/usr/lib/systemd/system/b@.service")
    machine.link("/etc/systemd/system/multi-user.target.wants/gone.service", "/nowhere.service")
    return machine


def test_what_is_enabled(machine: Machine) -> None:
    found = {unit.name: unit for unit in enabled(machine.site)}
    assert list(found) == ["a.service", "b@one.service", "gone.service"]
    assert found["a.service"].user and found["a.service"].target == "../a.service"
    assert found["b@one.service"].file == "/usr/lib/systemd/system/b@.service"
    assert (found["gone.service"].file, found["gone.service"].text) == ("", "")


def test_what_somebody_put_there(machine: Machine) -> None:
    assert [(unit.name, bool(unit.link)) for unit in services(machine.site)] == [
        ("a.service", True),
        ("c.service", False),
    ]
    assert find(machine.site, "nobody.service", user=True) == ""


def test_timers_that_go_off_after_a_start(machine: Machine) -> None:
    folder = f"{HOME}/.config/systemd/user"
    for name, text in (("a", "OnBootSec=5"), ("b", "OnStartupSec=1\nUnit=a.service"), ("c", "OnCalendar=daily")):
        machine.write(f"{folder}/{name}.timer", f"[Timer]\n{text}\n")
        machine.link(f"{folder}/timers.target.wants/{name}.timer", f"../{name}.timer")
    machine.link(f"{folder}/timers.target.wants/gone.timer", "../gone.timer")
    assert [(timer.name, unit.text == UNIT) for timer, unit in timers(machine.site)] == [
        ("a.timer", True),
        ("b.timer", True),
    ]


def test_what_is_beside_a_unit_belongs_to_it(machine: Machine) -> None:
    folder = f"{HOME}/.config/systemd/user"
    for where, text in (
        (f"{folder}/a.service.d/b.conf", "[Service]\nExecStart=\nExecStart=/opt/mine\n"),
        ("/usr/lib/systemd/user/a.service.d/a.conf", "[Service]\nExecStart=/opt/theirs\n"),
    ):
        machine.write(where, text)
    (one,) = [one for one in services(machine.site) if one.name == "a.service"]
    assert one.text.startswith(UNIT)
    assert [command for command in commands(one.text) if command.startswith("/opt")] == ["/opt/mine"]
