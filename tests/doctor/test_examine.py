"""A check that cannot look says so, and the rest go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glowplug.doctor.actions import WriteFile
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.examine import examine, repair
from glowplug.doctor.repair import Repairs
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import StoreError
from tests.doctor.museum import STATE, Machine


def check(facts: Any, name: str = "machine-x") -> Check[Any]:
    """One that finds everything it gathers, or raises it; what it finds can be repaired by writing /fixed."""

    class One(Check[Any]):
        title = "All is well"
        group = Group.MACHINE

        def gather(self, site: Site) -> Any:
            if isinstance(facts, Exception):
                raise facts
            return [] if site.real("/fixed").exists() else facts

        def inspect(self, facts: Any) -> list[Finding]:
            return [Finding(check=name, severity=Severity.ERROR, subject=fact, summary="is broken") for fact in facts]

        def remedy(self, facts: Any) -> Remedy | None:
            return (
                Remedy(actions=[WriteFile(path="/fixed", before=None, after=b"")]) if "hopeless" not in facts else None
            )

    One.name = name
    return One()


@pytest.mark.parametrize(("error", "why"), [
    (CouldNotLook("nobody may"), "nobody may"),
    (StoreError("the database is away"), "the database is away"),
    (PermissionError(13, "Permission denied", "/etc/shadow"), "/etc/shadow: Permission denied"),
    (OSError("odd"), "odd"),
    (TimeoutError("docker did not end within 5 s"), "docker did not end within 5 s"),
    (NoSuchProgram("docker"), "docker is not installed"),
])  # fmt: skip
def test_it_says_why_it_could_not_look_and_the_rest_go_on(tmp_path: Path, error: Exception, why: str) -> None:
    titles: list[str] = []
    found = examine([check(error), check(["a"], "machine-y")], Machine(tmp_path).site, titles.append)
    first, second = found.checks
    assert (first.could_not, first.findings, first.remedy) == (why, (), None)
    assert [finding.subject for finding in second.findings] == ["a"] and second.remedy is not None
    assert titles == ["All is well"] * 2


def test_where_there_is_nothing_to_look_at_that_is_no_fault(tmp_path: Path) -> None:
    (looked,) = examine([check(NothingToLookAt("no docker here"))], Machine(tmp_path).site).checks
    assert (looked.skipped, looked.could_not, looked.findings) == ("no docker here", "", ())


def test_only_what_is_wanted_is_repaired_and_looked_at_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    repairs = Repairs(machine.hands, UndoRecords(machine.path(f"{STATE}/doctor")))
    checks = [check(["a"]), check(["hopeless"], "machine-y")]
    found = repair(checks, machine.site, repairs, ["machine-y"])
    assert not found.repaired and len(found.findings) == 2
    found = repair(checks, machine.site, repairs, [])
    assert [one.check for one in found.repaired] == ["machine-x"]
    assert found.findings == ()


def test_the_worst_comes_first(tmp_path: Path) -> None:
    notes = Finding(check="a", severity=Severity.NOTE, subject="n", summary="is")
    found = examine([check(["b"])], Machine(tmp_path).site)
    from glowplug.domain.finding import Examination, Looked

    mixed = Examination(checks=(Looked(check="a", title="", group=Group.MACHINE, findings=(notes,)), *found.checks))
    assert [finding.severity for finding in mixed.findings] == [Severity.ERROR, Severity.NOTE]
