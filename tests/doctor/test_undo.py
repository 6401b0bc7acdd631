"""What repairs did is kept, so that it can be put back by whoever comes later."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from glowplug.doctor.actions import Command, MoveAside, RemoveLink, SetMode, WriteFile
from glowplug.doctor.rows import RowChange, Rows, Statement
from glowplug.doctor.undo import Record, UndoRecords, undo
from glowplug.errors import Conflict, NotFound, StoreError
from tests.doctor.museum import Machine

ACTIONS = (
    WriteFile(path="/a", before=b"\x00\xff", after=b"", mode=0o644),
    MoveAside(path="/a", to="/b"),
    SetMode(path="/a", before=0o644, after=0o600),
    RemoveLink(path="/a", target="b"),
    Command(argv=("a", "b"), back=("c",), may_fail=True),
    Rows(schema="public", why="x", changes=(
        RowChange(table="T", key={"id": None}, before=None, after={"id": "1"}),
        Statement(do="CREATE", undo="DROP", done="SELECT true"),
    )),
)  # fmt: skip


def record(name: str = "20261126-153012-machine-x", **more: object) -> Record:
    values = {"id": name, "check": "machine-x", "at": 1.0, "actions": ACTIONS, **more}
    return Record(**values)  # type: ignore[arg-type]


def test_every_kind_of_action_is_kept_as_it_is(tmp_path: Path) -> None:
    records = UndoRecords(tmp_path / "doctor")
    assert records.list() == []
    records.put(record(did=(1, 2)))
    assert records.get("20261126-153012-machine-x") == record(did=(1, 2))
    (file,) = (tmp_path / "doctor").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_names_are_not_given_twice_and_the_newest_comes_first(tmp_path: Path) -> None:
    records = UndoRecords(tmp_path)
    for _ in range(3):
        name = records.name_for("machine-x", "20261126-153012")
        records.put(record(name))
    records.put(record("20261127-000000-machine-x"))
    assert [one.id for one in records.list()] == [
        "20261127-000000-machine-x", "20261126-153012-machine-x", "20261126-153012-3-machine-x",
        "20261126-153012-2-machine-x",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "../x", "20261126-153012-x/../../y", "20261126-153012-nobody", "list"])
def test_what_is_not_there_cannot_be_undone(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match="no repair"):
        UndoRecords(tmp_path).get(name)


def test_a_record_that_is_broken_is_said(tmp_path: Path) -> None:
    (tmp_path / "20261126-153012-machine-x.json").write_text("{")
    with pytest.raises(StoreError, match=r"machine-x\.json cannot be read"):
        UndoRecords(tmp_path).get("20261126-153012-machine-x")


def test_the_last_is_undone_first_and_only_what_was_done(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("/a", b"2")
    steps = (
        WriteFile(path="/a", before=b"0", after=b"1", why="first"),
        WriteFile(path="/a", before=b"1", after=b"2", why="second"),
        WriteFile(path="/b", before=None, after=b"x", why="third"),
    )
    one = record(actions=steps, did=(0, 1))
    assert undo(one, machine.hands) == ("second", "first")
    assert machine.path("/a").read_bytes() == b"0"
    machine.write("/a", b"3")
    with pytest.raises(Conflict):
        undo(one, machine.hands)
