"""Units with lines that mean nothing, by the word of systemd's own program."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_unit_verify import UnitVerify
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran, run_for_real
from tests.doctor.museum import HOME, Exhibit, Machine

UNITS = f"{HOME}/.config/systemd/user"
UNIT = "[Service]\nExecStart=/bin/true glowplug up\n"


def analyze(argv: Sequence[str]) -> Ran:
    """As systemd 252 says it (the real one is asked below)."""
    text = Path(argv[-1]).read_text()
    wrong = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("Nonsense=")]
    said = "".join(f"{argv[-1]}:{n}: Unknown key name 'Nonsense' in section 'Service', ignoring.\n" for n in wrong)
    return Ran(code=1 if wrong else 0, out="", err=said)


def sound(machine: Machine) -> None:
    machine.programs.known["systemd-analyze"] = analyze
    machine.write(f"{UNITS}/glowplug.service", UNIT)


EXHIBITS = [
    Exhibit("a key that systemd does not know", "machine-unit-verify",
            lambda m: m.write(f"{UNITS}/glowplug.service", UNIT + "Nonsense=1\n") and None,
            ("glowplug.service",), repaired=False, healthy=sound),
]  # fmt: skip


def test_what_serves_no_models_is_not_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(f"{UNITS}/x.service", "[Service]\nExecStart=/bin/true\nNonsense=1\n")
    assert look(UnitVerify(), machine.site)[0].skipped == "no unit serves models"


@pytest.mark.parametrize(("ran", "why"), [
    (None, "systemd-analyze is not installed"),
    (Ran(code=1, out="", err="Failed to initialize manager: No such device or address"), "does not work here"),
])  # fmt: skip
def test_where_it_cannot_be_asked(tmp_path: Path, ran: Ran | None, why: str) -> None:
    machine = Machine(tmp_path)
    sound(machine)
    machine.programs.known.pop("systemd-analyze")
    if ran is not None:
        machine.programs.known["systemd-analyze"] = lambda argv: ran
    assert why in look(UnitVerify(), machine.site)[0].could_not


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_real_one_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    machine = Machine(tmp_path / "machine")
    machine.site.run = run_for_real
    machine.write("/etc/systemd/system/glowplug.service", UNIT + "Nonsense=1\n", 0o644)
    (finding,) = look(UnitVerify(), machine.site)[0].findings
    assert any("Nonsense" in line for line in finding.evidence)
    machine.write("/etc/systemd/system/glowplug.service", UNIT, 0o644)
    assert look(UnitVerify(), machine.site)[0].findings == ()
