"""AMD's accelerators that are there and do not answer."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_amd_answers import AmdAnswers
from glowplug.doctor.examine import look
from glowplug.doctor.site import NoSuchProgram, Ran
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine

AGENTS = "ROCk module is loaded\nAgent 1\n  Device Type:             CPU\nAgent 2\n  Device Type:             GPU\n"
DENIED = "\x1b[37mROCk module is loaded\x1b[0m\n\x1b[31mUnable to open /dev/kfd read-write: Permission denied\x1b[0m\n"


def says(machine: Machine, out: str, code: int = 0) -> None:
    machine.programs.known["rocminfo"] = lambda argv: Ran(code=code, out=out)


def well(machine: Machine) -> None:
    for node, id in ((0, "0"), (1, "41399")):
        machine.write(f"/sys/class/kfd/kfd/topology/nodes/{node}/gpu_id", f"{id}\n")
    says(machine, AGENTS)


EXHIBITS = [
    Exhibit("this account may not open it", "machine-amd-answers", lambda m: says(m, DENIED, 1), ("1 of 1",),
            Severity.ERROR, repaired=False, healthy=well),
    Exhibit("lost over a suspend", "machine-amd-answers", lambda m: says(m, AGENTS.replace("GPU", "CPU")), ("1 of 1",),
            Severity.ERROR, repaired=False, healthy=well),
]  # fmt: skip


def test_what_helps(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    well(machine)
    says(machine, DENIED, 1)
    (finding,) = look(AmdAnswers(), machine.site)[0].findings
    assert finding.summary == "does not answer: Unable to open /dev/kfd read-write: Permission denied"
    assert finding.advice.startswith("`usermod -a -G render,video ann`")

    def hang(argv: object) -> Ran:
        raise TimeoutError("rocminfo did not end within 20 s")

    machine.programs.known["rocminfo"] = hang
    (finding,) = look(AmdAnswers(), machine.site)[0].findings
    assert "did not end" in finding.summary and finding.advice == "restart the machine"


def test_where_nothing_can_be_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(AmdAnswers(), machine.site)[0].skipped == "there is no accelerator that ROCm could use"
    well(machine)

    def elsewhere(argv: tuple[str, ...]) -> Ran:
        if argv[0] == "rocminfo":
            raise NoSuchProgram(argv[0])
        return Ran(code=0, out=AGENTS)

    machine.programs.known["rocminfo"] = elsewhere  # type: ignore[assignment]
    assert look(AmdAnswers(), machine.site)[0].findings == ()
    del machine.programs.known["rocminfo"]
    assert look(AmdAnswers(), machine.site)[0].skipped == "rocminfo is not installed"
