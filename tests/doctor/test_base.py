"""What every check must keep, over the museum: it finds exactly what was planted, and changes nothing unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from glowplug.doctor.base import Check
from glowplug.doctor.examine import examine, look, repair
from glowplug.doctor.registry import ours
from glowplug.doctor.repair import Repairs
from glowplug.doctor.site import Foreign, NoSuchProgram, Ran
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Examination, Severity
from glowplug.secret import Secret
from glowplug.testing.litellm_schema import ERAS
from tests.doctor.checks.test_models_unreachable import closed_port
from tests.doctor.museum import STATE, Exhibit, Machine, exhibits, ids

ALL = exhibits()
every_exhibit = pytest.mark.parametrize("exhibit", ALL, ids=ids)
every_repair = pytest.mark.parametrize("exhibit", [exhibit for exhibit in ALL if exhibit.repaired], ids=ids)


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
    assert {exhibit.check for exhibit in ALL} == {check.name for check in checks}
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.name.startswith(f"{check.group}-"), "names begin with their group"
        assert check.title[0].isupper() and not check.title.endswith(".")
        assert isinstance(check, Check)


@pytest.mark.parametrize("exhibit", {exhibit.healthy: exhibit for exhibit in ALL}.values(), ids=ids)
def test_a_healthy_installation_has_no_findings(machine: Machine) -> None:
    examination = examine(ours(), machine.site)
    assert found(examination) == {}
    assert not [looked for looked in examination.checks if looked.could_not]


@every_exhibit
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
    (looked,) = [looked for looked in examination.checks if looked.check == exhibit.check]
    assert (looked.remedy is not None) is exhibit.repaired


@every_repair
def test_a_remedy_repairs_it_once_and_can_be_undone(machine: Machine, exhibit: Exhibit) -> None:
    exhibit.plant(machine)
    before = machine.snapshot()
    (check,) = [check for check in ours() if check.name == exhibit.check]
    looked, remedy = look(check, machine.site)
    assert remedy is not None and looked.remedy is not None
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


@every_repair
def test_a_remedy_can_be_carried_out_again_after_it_was_undone(machine: Machine, exhibit: Exhibit) -> None:
    exhibit.plant(machine)
    (check,) = [check for check in ours() if check.name == exhibit.check]
    _, remedy = look(check, machine.site)
    assert remedy is not None
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


@pytest.mark.parametrize("answer", [
    TimeoutError("it did not end"), PermissionError(13, "Permission denied"), NoSuchProgram("it"), Ran(code=1, out=""),
    Ran(code=0, out=""), Ran(code=3, out="what  is\tthis\n{\n", err="\x1b[31mno\ufffd\n\n"),
    Ran(code=0, out="x y\nz  \n"),
], ids=str)  # fmt: skip
def test_on_a_machine_where_nothing_works_every_check_says_so_and_the_others_go_on(
    bare: Machine, answer: Ran | Exception
) -> None:
    def run(argv: Sequence[str], seconds: float) -> Ran:
        if isinstance(answer, Exception):
            raise answer
        return answer

    bare.site.run = run
    nowhere = f"127.0.0.1:{closed_port()}"
    bare.litellm_config("model_list: [\n")
    foreign = Foreign(database=Secret(f"postgresql://ann:x@{nowhere}/litellm"), url=f"http://{nowhere}")
    bare.site.litellm = replace(foreign, config=bare.site.litellm.config if bare.site.litellm else None)
    for device in ("/dev/nvidia0", "/dev/kfd", "/dev/dri/renderD128"):
        bare.write(device, b"")
    bare.write("/sys/class/kfd/kfd/topology/nodes/1/gpu_id", "7")
    bare.write("/sys/module/amdgpu/srcversion", "A")
    bare.write("/proc/driver/nvidia/version", "\0")
    bare.write("/proc/9/cmdline", "llama-server\0-ngl\x009")
    bare.write("/proc/9/stat", "9 (x")
    bare.write("/proc/net/tcp", "head\n")
    bare.write("/etc/crontab", b"@reboot root llama-server -m \xff\n")
    bare.write("/etc/systemd/system/llm.service", "[Service]\nExecStart=vllm serve 'x\n")
    bare.write(f"{STATE}/run/endpoint.json", "{")
    bare.write(f"{STATE}/glowplug.db", b"no database")
    bare.write(f"{STATE}/instances/x.json", "[")
    bare.write(f"{STATE}/journal/w0-1.seg", b"?")
    looked = {one.check: one for one in examine(ours(), bare.site).checks}
    assert len(looked) == len(ours())
    for name in ("litellm-sealed-fields", "litellm-references", "litellm-settings-override", "ourselves-schema",
                 "ourselves-snapshot"):  # fmt: skip
        assert looked[name].could_not, name
    assert looked["litellm-answers"].findings
    assert len([one for one in looked.values() if one.findings]) >= 2, "the others go on"
