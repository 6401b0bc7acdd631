"""One visit at a time, and every repair in the audit log."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from glowplug.control.doctoring import Doctoring
from glowplug.doctor import registry
from glowplug.doctor.doctor import Doctor
from glowplug.domain.change import OURSELVES
from tests.control.conftest import Control
from tests.doctor.museum import STATE, Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(registry, "ROWS", (("machine_secret_files", "SecretFiles"),))
    machine = Machine(tmp_path / "machine")
    machine.path(f"{STATE}/pepper.key").chmod(0o644)
    return machine


async def test_one_visit_at_a_time(control: Control, machine: Machine) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    class Slow(Doctor):
        def examine(self, *_: object, **__: object) -> object:  # type: ignore[override]
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            found = super().examine()
            with lock:
                inside -= 1
            return found

    doctor = Doctoring(Slow(lambda: machine.site), control.changes)
    await asyncio.gather(*(doctor.examine((), slow=False) for _ in range(5)))
    assert most == 1


async def test_a_repair_and_its_undoing_are_in_the_log_once(control: Control, machine: Machine) -> None:
    doctor = Doctoring(Doctor(lambda: machine.site), control.changes)
    (done,) = (await doctor.repair((), slow=False, actor=OURSELVES)).repaired
    assert (await doctor.repair((), slow=False, actor=OURSELVES)).repaired == ()
    assert await doctor.undo(done.undo, OURSELVES) == done.done
    assert await doctor.undo(done.undo, OURSELVES) == ()
    lines = (await control.changes.newest()).data
    assert [(line.action, line.subject) for line in lines if line.noun == "repair"] == [
        ("undo", done.undo),
        ("create", done.undo),
    ]
