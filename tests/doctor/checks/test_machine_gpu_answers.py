"""Accelerators that are there and do not answer."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_gpu_answers import GpuAnswers
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine

TWO = "0, NVIDIA RTX A4000, 16376 MiB\n1, NVIDIA RTX A4000, 16376 MiB\n"


def says(machine: Machine, out: str, code: int = 0, err: str = "") -> None:
    machine.programs.known["nvidia-smi"] = lambda argv: Ran(code=code, out=out, err=err)


def well(machine: Machine) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        machine.write(f"/dev/{name}", b"")
    machine.write("/proc/driver/nvidia/version", "Kernel Module  550.90.07  x\n")
    machine.write("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.90.07", b"")
    says(machine, TWO)


def exhibit(name: str, plant: object, subject: str) -> Exhibit:
    return Exhibit(name, "machine-gpu-answers", plant, (subject,), Severity.ERROR, False, well)  # type: ignore[arg-type]


EXHIBITS = [
    exhibit("the driver does not answer after a resume",
            lambda m: says(m, "", 9, "NVIDIA-SMI has failed because it couldn't communicate"), "2 of 2"),
    exhibit("one was lost", lambda m: says(m, "0, NVIDIA RTX A4000, 16376 MiB\nUnable to determine the handle\n"),
            "1 of 2"),
    exhibit("CUDA's device is gone", lambda m: m.path("/dev/nvidia-uvm").unlink(), "/dev/nvidia-uvm"),
]  # fmt: skip


def test_a_program_that_hangs_is_a_finding(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    well(machine)

    def hang(argv: object) -> Ran:
        raise TimeoutError("nvidia-smi did not end within 20 s")

    machine.programs.known["nvidia-smi"] = hang
    (finding,) = look(GpuAnswers(), machine.site)[0].findings
    assert "did not end" in finding.summary and finding.advice == "restart the machine"


def test_where_nothing_can_be_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(GpuAnswers(), machine.site)[0].skipped == "there is no accelerator of NVIDIA's"
    machine.write("/dev/nvidia0", b"")
    assert look(GpuAnswers(), machine.site)[0].skipped == "nvidia-smi is not installed"
