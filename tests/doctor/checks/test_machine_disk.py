"""Disks that are nearly full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glowplug.doctor.checks.machine_disk import LEAST, LEAST_FILES, LITTLE, Disk, Room
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, HOME, Exhibit, Machine, disk


def full(machine: Machine) -> None:
    """A state directory on a disk with 64 MiB: told through the file system that the check asks."""
    machine.site.statvfs = lambda path: disk(64 << 20)


EXHIBITS = [Exhibit("64 MiB are left", "machine-disk", full, ("the disk of",), Severity.ERROR, repaired=False)]


@pytest.mark.parametrize(("told", "severity"), [
    (disk(LITTLE), None), (disk(LITTLE - 4096), Severity.WARNING), (disk(LEAST - 4096), Severity.ERROR),
    (disk(LITTLE, favail=LEAST_FILES - 1), Severity.ERROR), (disk(LITTLE, files=0, favail=0), None),
])  # fmt: skip
def test_how_little_is_too_little(tmp_path: Path, told: Any, severity: Severity | None) -> None:
    machine = Machine(tmp_path)
    machine.site.statvfs = lambda path: told
    found = look(Disk(), machine.site)[0].findings
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])


def test_a_state_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.path(str(machine.site.paths.pepper)).unlink()
    machine.path(str(machine.site.paths.state)).rmdir()
    assert look(Disk(), machine.site)[0].could_not == ""


def test_a_disk_of_weights_alone_is_less_bad(tmp_path: Path) -> None:
    (finding,) = Disk().inspect((Room("/data/models", "weights", 5 << 20, -1),))
    assert (finding.severity, finding.subject) == (Severity.WARNING, "the disk of /data/models")
    assert "download" in finding.consequence


def test_weights_are_looked_for_where_they_are_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models()
    asked: list[str] = []
    machine.site.statvfs = lambda path: asked.append(path) or disk(100 << 30)
    Disk().gather(machine.site)
    assert str(machine.path(f"{HOME}/models")) in asked
    machine.write(CONFIG, "models: [")
    assert look(Disk(), machine.site)[0].could_not == ""
