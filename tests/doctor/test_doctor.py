"""What everybody asks the doctor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from glowplug.doctor import registry
from glowplug.doctor.doctor import Doctor
from glowplug.doctor.site import Foreign, Site
from glowplug.errors import NotFound
from tests.doctor.museum import STATE, Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(registry, "ROWS", (("machine_secret_files", "SecretFiles"),))
    machine = Machine(tmp_path)
    machine.path(f"{STATE}/pepper.key").chmod(0o644)
    return machine


def test_each_visit_looks_anew(machine: Machine) -> None:
    made = []

    def site() -> object:
        made.append(machine.site)
        return machine.site

    doctor = Doctor(site)  # type: ignore[arg-type]
    titles: list[str] = []
    assert len(doctor.examine(progress=titles.append).findings) == 1
    done = doctor.repair(["machine"])
    assert done.findings == () and len(done.repaired) == 1
    assert doctor.undo(done.repaired[0].undo) == done.repaired[0].done
    (kept,) = doctor.repairs()
    assert kept.check == "machine-secret-files" and kept.undone_at is not None
    assert len(made) == 4 and titles == ["Files with secrets are for their owner only"]


def test_a_litellm_beside_it_is_looked_at_by_that_visit_only(machine: Machine) -> None:
    seen: list[object] = []

    def site() -> Site:
        seen.append(machine.site)
        return replace(machine.site)

    doctor, other = Doctor(site), Foreign(url="http://127.0.0.1:1")
    assert doctor.beside(None) is doctor
    beside = doctor.beside(other)
    done = beside.repair(["machine"])
    assert beside.undo(done.repaired[0].undo) == done.repaired[0].done
    assert len(seen) == 2 and machine.site.litellm is None
    assert beside._site().litellm is other


def test_names(machine: Machine) -> None:
    doctor = Doctor(lambda: machine.site)
    assert [check.name for check in doctor.checks()] == ["machine-secret-files"]
    with pytest.raises(NotFound):
        doctor.examine(["nobody"])
    with pytest.raises(NotFound):
        doctor.undo("nobody")
    assert doctor.repairs() == []
