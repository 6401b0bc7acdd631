"""A repair is whole or nothing, and whoever is stopped half way can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.actions import Action, SetMode, WriteFile
from glowplug.doctor.base import Remedy
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.errors import Conflict
from tests.doctor.museum import STATE, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def records(machine: Machine) -> UndoRecords:
    return UndoRecords(machine.path(f"{STATE}/doctor"))


def steps(*paths: str) -> list[Action]:
    return [WriteFile(path=path, before=None, after=b"x") for path in paths]


def test_it_is_recorded_and_can_be_undone(machine: Machine, records: UndoRecords) -> None:
    before = machine.snapshot()
    one = Repairs(machine.hands, records).carry_out("machine-x", Remedy(actions=steps("/a", "/b")))
    assert one.done == ("write /a", "write /b") and not one.failed
    assert records.get(one.undo).did == (0, 1)
    assert Repairs(machine.hands, records).undo(one.undo) == ("write /b", "write /a")
    assert machine.snapshot() == before
    assert records.get(one.undo).undone_at is not None


def test_what_stops_half_way_is_put_back(machine: Machine, records: UndoRecords) -> None:
    machine.write("/b", b"mine")
    before = machine.snapshot()
    one = Repairs(machine.hands, records).carry_out("machine-x", Remedy(actions=steps("/a", "/b", "/c")))
    assert "/b was changed by somebody else" in one.failed and not one.done and not one.undo
    assert machine.snapshot() == before


def test_what_cannot_even_be_put_back_is_said(machine: Machine, records: UndoRecords) -> None:
    machine.write("/b", b"", 0o600)

    class Meddling(SetMode, tag="set-mode"):
        def do(self, hands: object) -> bool:
            machine.write("/a", b"somebody else's")
            raise OSError("no")

    actions = [*steps("/a"), Meddling(path="/b", before=0o600, after=0o400)]
    one = Repairs(machine.hands, records).carry_out("machine-x", Remedy(actions=actions))
    assert one.failed.startswith("no; and what was done could not be put back: ")
    assert records.list()[0].id in one.failed


def test_what_was_done_before_is_not_ours_to_undo(machine: Machine, records: UndoRecords) -> None:
    machine.write("/a", b"x")
    one = Repairs(machine.hands, records).carry_out("machine-x", Remedy(actions=steps("/a", "/b")))
    assert one.done == ("write /b",)
    Repairs(machine.hands, records).undo(one.undo)
    assert machine.path("/a").read_bytes() == b"x" and not machine.path("/b").exists()


def test_killed_between_the_record_and_the_end_it_can_be_undone(machine: Machine, records: UndoRecords) -> None:
    before = machine.snapshot()

    class Killed(BaseException):
        pass

    class Dying(WriteFile, tag="write-file"):
        def do(self, hands: object) -> bool:
            super().do(hands)  # type: ignore[arg-type]
            raise Killed

    with pytest.raises(Killed):
        Repairs(machine.hands, records).carry_out(
            "machine-x", Remedy(actions=[*steps("/a"), Dying(path="/b", before=None, after=b"x")])
        )
    assert machine.path("/b").exists()
    (record,) = records.list()
    assert Repairs(machine.hands, records).undo(record.id) == ("write /b", "write /a")
    assert machine.snapshot() == before


def test_nothing_is_changed_when_the_record_cannot_be_written(machine: Machine, records: UndoRecords) -> None:
    machine.write(f"{STATE}/doctor", b"no folder")
    one = Repairs(machine.hands, records).carry_out("machine-x", Remedy(actions=steps("/a")))
    assert one.failed and not machine.path("/a").exists()


def test_what_was_changed_since_is_not_undone(machine: Machine, records: UndoRecords) -> None:
    repairs = Repairs(machine.hands, records)
    one = repairs.carry_out("machine-x", Remedy(actions=steps("/a")))
    machine.write("/a", b"y")
    with pytest.raises(Conflict, match="/a was changed"):
        repairs.undo(one.undo)
    assert machine.path("/a").read_bytes() == b"y"
