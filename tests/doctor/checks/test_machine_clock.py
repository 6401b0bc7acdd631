"""Clocks that nobody keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_clock import Clock
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import Exhibit, Machine


def says(machine: Machine, out: str) -> None:
    machine.programs.known["timedatectl"] = lambda argv: Ran(code=0, out=out)


TRACKING = """\
Reference ID    : 2D40B9B4 (45.64.185.180)
System time     : {off} seconds {way} of NTP time
Last offset     : +0.003852981 seconds
Leap status     : {leap}
"""


def chrony(machine: Machine, off: str = "0.001983523", way: str = "fast", leap: str = "Normal") -> None:
    machine.programs.known["chronyc"] = lambda argv: Ran(code=0, out=TRACKING.format(off=off, way=way, leap=leap))


EXHIBITS = [
    Exhibit("nobody keeps it", "machine-clock", lambda m: says(m, "NTPSynchronized=no\nNTP=no\n"), ("the clock",),
            repaired=False, healthy=lambda m: says(m, "NTP=yes\nNTPSynchronized=yes\nCanNTP=yes\n")),
    Exhibit("chrony knows that it is wrong", "machine-clock", lambda m: chrony(m, "37.250000000", "slow"),
            ("the clock",), repaired=False, healthy=chrony),
    Exhibit("chrony has nobody to ask", "machine-clock", lambda m: chrony(m, leap="Not synchronised"), ("the clock",),
            repaired=False, healthy=chrony),
]  # fmt: skip


@pytest.mark.parametrize(("ran", "skipped", "could_not"), [
    (Ran(code=1, out="", err="System has not been booted with systemd as init system"), "does not run", ""),
    (Ran(code=1, out="", err="Failed to connect to bus: No such file"), "does not run", ""),
    (Ran(code=1, out="", err="Access denied"), "", "timedatectl failed: Access denied"),
])  # fmt: skip
def test_where_it_cannot_be_asked(tmp_path: Path, ran: Ran, skipped: str, could_not: str) -> None:
    machine = Machine(tmp_path)
    machine.programs.known["timedatectl"] = lambda argv: ran
    looked = look(Clock(), machine.site)[0]
    assert skipped in looked.skipped and looked.could_not == could_not


def test_advice_goes_by_what_was_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    says(machine, "NTPSynchronized=no\nNTP=yes\n")
    assert "timesync-status" in look(Clock(), machine.site)[0].findings[0].advice
    assert look(Clock(), Machine(tmp_path / "b").site)[0].skipped


@pytest.mark.parametrize(("off", "way", "summary"), [
    ("37.25", "slow", "is 37.2 s slow"), ("1.0", "fast", "is 1.0 s fast"), ("0.999", "fast", ""), ("1.2.3", "slow", ""),
])  # fmt: skip
def test_by_how_much_it_is_wrong(tmp_path: Path, off: str, way: str, summary: str) -> None:
    machine = Machine(tmp_path)
    says(machine, "NTPSynchronized=yes\nNTP=no\n")
    chrony(machine, off, way)
    assert [one.summary for one in look(Clock(), machine.site)[0].findings] == ([summary] if summary else [])
