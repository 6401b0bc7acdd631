"""Every kind of action: done, done again, undone, undone again; and nothing over what somebody else did."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.doctor.actions import Action, Command, Crontab, MoveAside, RemoveLink, SetMode, WriteFile
from glowplug.doctor.site import Ran
from glowplug.errors import Conflict
from tests.doctor.checks.test_machine_boot_cron import own as crontab
from tests.doctor.museum import Machine

FILE, OTHER = "/etc/thing.conf", "/etc/thing.conf.aside"


@dataclass(frozen=True)
class Row:
    """An action, the state it wants, and something else that may be there instead."""

    name: str
    action: Action
    plant: Callable[[Machine], object]
    disturb: Callable[[Machine], object]


def switch(machine: Machine) -> dict[str, str]:
    """A program that turns something on and off, and says how it stands."""
    state = {"is": "on"}

    def run(argv: object) -> Ran:
        word = list(argv)[1]  # type: ignore[call-overload]
        if word != "show":
            state["is"] = word
        return Ran(code=0, out=f"{state['is']}\n")

    machine.programs.known["switch"] = run
    return state


def _switched(machine: Machine) -> None:
    switch(machine)["is"] = "broken"


ROWS = [
    Row("crontab", Crontab(before="a\n", after="# a\n", why="comment out line 1"), lambda m: crontab(m, "a\n"),
        lambda m: crontab(m, "b\n")),
    Row("other bytes", WriteFile(path=FILE, before=b"a\n", after=b"b\n"), lambda m: m.write(FILE, b"a\n", 0o640),
        lambda m: m.write(FILE, b"c\n")),
    Row("a new file", WriteFile(path=FILE, before=None, after=b"b\n"), lambda m: m.write("/etc/x", b""),
        lambda m: m.write(FILE, b"c\n")),
    Row("aside", MoveAside(path=FILE, to=OTHER), lambda m: m.write(FILE, b"a\n"), lambda m: m.write(OTHER, b"c\n")),
    Row("mode", SetMode(path=FILE, before=0o644, after=0o600), lambda m: m.write(FILE, b"a\n", 0o644),
        lambda m: m.path(FILE).chmod(0o777)),
    Row("link", RemoveLink(path=FILE, target="../x"), lambda m: m.link(FILE, "../x"),
        lambda m: (m.path(FILE).unlink(), m.link(FILE, "../y"))),
    Row("command", Command(argv=("switch", "off"), back=("switch", "on"), probe=("switch", "show"), before="on",
                           after="off"), switch, _switched),
]  # fmt: skip


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def state(machine: Machine, row: Row) -> object:
    probe = machine.programs(("switch", "show"), 1).out if row.name == "command" else ""
    return machine.snapshot(), probe


def test_done_once_and_undone_once(machine: Machine, row: Row) -> None:
    row.plant(machine)
    before = state(machine, row)
    assert row.action.says()
    assert row.action.do(machine.hands) is True
    after = state(machine, row)
    assert after != before
    assert row.action.do(machine.hands) is False
    assert state(machine, row) == after
    assert row.action.undo(machine.hands) is True
    assert state(machine, row) == before
    assert row.action.undo(machine.hands) is False
    assert state(machine, row) == before


def test_what_somebody_else_did_stays(machine: Machine, row: Row) -> None:
    row.plant(machine)
    row.disturb(machine)
    there = state(machine, row)
    with pytest.raises(Conflict, match="changed by somebody else"):
        row.action.do(machine.hands)
    assert state(machine, row) == there


def test_a_file_keeps_its_mode_and_a_new_one_is_private(machine: Machine) -> None:
    machine.write(FILE, b"a", 0o640)
    WriteFile(path=FILE, before=b"a", after=b"b").do(machine.hands)
    assert stat.S_IMODE(machine.path(FILE).stat().st_mode) == 0o640
    WriteFile(path=OTHER, before=None, after=b"b").do(machine.hands)
    assert stat.S_IMODE(machine.path(OTHER).stat().st_mode) == 0o600
    assert sorted(p.name for p in machine.path("/etc").iterdir()) == ["thing.conf", "thing.conf.aside"]


def test_a_diff_is_shown_but_for_secrets() -> None:
    action = WriteFile(path=FILE, before=b"a\nb\n", after=b"a\nc\n")
    assert action.diff().splitlines()[-2:] == ["-b", "+c"]
    assert WriteFile(path=FILE, before=b"a\n", after=b"sk-1\n", secret=True).diff() == ""
    long = WriteFile(path=FILE, before=b"", after=b"\n".join(b"%d" % n for n in range(1000)))
    assert long.diff().splitlines()[-1].endswith("more lines")


def test_what_was_moved_is_not_there_any_more(machine: Machine) -> None:
    with pytest.raises(Conflict):
        MoveAside(path=FILE, to=OTHER).do(machine.hands)


def test_a_command_that_fails_says_why(machine: Machine) -> None:
    machine.programs.known["fails"] = lambda argv: Ran(code=3, out="", err="first\nno such unit\n")
    with pytest.raises(OSError, match=r"`fails now` failed: no such unit"):
        Command(argv=("fails", "now"), back=("fails",)).do(machine.hands)
    assert Command(argv=("fails",), back=("fails",), may_fail=True).do(machine.hands) is False
    with pytest.raises(OSError, match="absent is not installed"):
        Command(argv=("absent",), back=("absent",)).do(machine.hands)
    assert Command(argv=("absent",), back=("absent",), may_fail=True).do(machine.hands) is False


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(old=st.none() | st.binary(max_size=60), new=st.binary(max_size=60))
def test_any_bytes_come_back(machine: Machine, old: bytes | None, new: bytes) -> None:
    machine.path(FILE).unlink(missing_ok=True)
    machine.path(FILE).parent.mkdir(exist_ok=True)
    if old is not None:
        machine.write(FILE, old, 0o604)
    before = machine.snapshot()
    action = WriteFile(path=FILE, before=old, after=new)
    did = action.do(machine.hands)
    assert did is (old != new)
    assert machine.path(FILE).read_bytes() == new
    if did:
        assert action.undo(machine.hands)
    assert machine.snapshot() == before
