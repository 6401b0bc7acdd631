"""What every check must keep, over the museum: it finds exactly what was planted, and changes nothing unasked."""

from __future__ import annotations

import pytest

from glowplug.doctor.base import Check
from glowplug.doctor.examine import examine, look, repair
from glowplug.doctor.registry import ours
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Examination, Severity
from glowplug.testing.litellm_schema import ERAS
from tests.doctor.museum import Exhibit, Machine, exhibits, ids


@pytest.fixture(params=exhibits(), ids=ids)
def exhibit(request: pytest.FixtureRequest) -> Exhibit:
    found: Exhibit = request.param
    return found


@pytest.fixture
def machine(bare: Machine, exhibit: Exhibit) -> Machine:
    """Healthy, with what the exhibit's check looks at."""
    exhibit.healthy(bare)
    return bare


def repairs(machine: Machine) -> Repairs:
    return Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))


def found(examination: Examination) -> dict[str, list[str]]:
    return {looked.check: [f.subject for f in looked.findings] for looked in examination.checks if looked.findings}


def test_every_check_has_an_exhibit_and_says_what_it_is() -> None:
    checks = ours()
    assert {exhibit.check for exhibit in exhibits()} == {check.name for check in checks}
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.name.startswith(f"{check.group}-"), "names begin with their group"
        assert check.title[0].isupper() and not check.title.endswith(".")
        assert isinstance(check, Check)


def test_a_healthy_installation_has_no_findings(machine: Machine) -> None:
    examination = examine(ours(), machine.site)
    assert found(examination) == {}
    assert not [looked for looked in examination.checks if looked.could_not]


def test_exactly_the_defect_is_found_and_looking_changes_nothing(machine: Machine, exhibit: Exhibit) -> None:
    exhibit.plant(machine)
    before = machine.snapshot()
    examination = examine(ours(), machine.site)
    assert machine.snapshot() == before
    seen = found(examination)
    assert list(seen) == [exhibit.check]
    assert len(seen[exhibit.check]) == len(exhibit.subjects)
    for part, subject in zip(exhibit.subjects, seen[exhibit.check], strict=True):
        assert part in subject
    order = list(Severity)
    assert min((f.severity for f in examination.findings), key=order.index) is exhibit.severity
    for finding in examination.findings:
        assert finding.check == exhibit.check
        assert finding.consequence
        assert exhibit.repaired or finding.advice, "what no remedy repairs has an advice"


def test_a_remedy_repairs_it_once_and_can_be_undone(machine: Machine, exhibit: Exhibit) -> None:
    exhibit.plant(machine)
    before = machine.snapshot()
    (check,) = [check for check in ours() if check.name == exhibit.check]
    looked, remedy = look(check, machine.site)
    assert (looked.remedy is not None) is exhibit.repaired
    if remedy is None:
        return
    assert looked.remedy is not None
    assert all(step.says for step in looked.remedy.steps)
    did = repair([check], machine.site, repairs(machine), ())
    assert found(did) == {}
    (one,) = did.repaired
    assert one.undo and not one.failed
    after = machine.snapshot()
    assert after != before
    # Once more changes nothing.
    again = repairs(machine).carry_out(check.name, remedy)
    assert (again.done, again.undo, again.failed) == ((), "", "")
    assert machine.snapshot() == after
    # And back, byte for byte, also twice.
    assert repairs(machine).undo(one.undo)
    assert machine.snapshot() == before
    assert look(check, machine.site)[0].findings == looked.findings
    assert repairs(machine).undo(one.undo) == ()
    assert machine.snapshot() == before


def test_a_remedy_can_be_carried_out_again_after_it_was_undone(machine: Machine, exhibit: Exhibit) -> None:
    exhibit.plant(machine)
    (check,) = [check for check in ours() if check.name == exhibit.check]
    _, remedy = look(check, machine.site)
    if remedy is None:
        return
    one = repairs(machine).carry_out(check.name, remedy)
    assert repairs(machine).undo(one.undo)
    assert repairs(machine).carry_out(check.name, remedy).done == one.done


@pytest.mark.parametrize("era", ERAS)
def test_its_litellm_is_healthy(bare: Machine, era: str) -> None:
    bare.install_litellm(era)
    examination = examine(ours(), bare.site)
    assert not examination.findings
    assert not [looked for looked in examination.checks if looked.could_not]


def test_a_snapshot_has_rows_indexes_and_constraints(bare: Machine) -> None:
    wing = bare.install_litellm("1.72")
    before = bare.snapshot()
    assert b"laptop" in before["database/LiteLLM_VerificationToken"][1]
    wing.execute("UPDATE \"LiteLLM_UserTable\" SET spend = 0.1 WHERE user_id = 'u-ann'")
    wing.execute('CREATE INDEX one_more ON "LiteLLM_UserTable" (spend)')
    wing.execute('ALTER TABLE "LiteLLM_UserTable" ADD CONSTRAINT positive CHECK (spend >= 0)')
    after = bare.snapshot()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {
        "database/LiteLLM_UserTable",
        "database: one_more",
        'database: "LiteLLM_UserTable".positive',
    }
