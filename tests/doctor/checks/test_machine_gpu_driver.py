"""Module and library of NVIDIA's driver, in every combination."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_gpu_driver import GpuDriver
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine

LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so"


def module(machine: Machine, version: str = "550.90.07") -> None:
    text = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Fri May 31 2024\nGCC version: gcc 12.2.0\n"
    machine.write("/proc/driver/nvidia/version", text)


def library(machine: Machine, version: str = "550.90.07") -> None:
    machine.write(f"{LIBRARY}.{version}", b"")
    if not machine.path(f"{LIBRARY}.1").is_symlink():
        machine.link(f"{LIBRARY}.1", f"libnvidia-ml.so.{version}")


def installed(machine: Machine) -> None:
    module(machine)
    library(machine)


def updated(machine: Machine) -> None:
    machine.path(f"{LIBRARY}.550.90.07").unlink()
    library(machine, "555.42.02")


EXHIBITS = [
    Exhibit("updated without a restart", "machine-gpu-driver",
            updated, ("NVIDIA's driver",), Severity.ERROR, repaired=False, healthy=installed),
    Exhibit("another module at the next start", "machine-gpu-driver",
            lambda m: m.programs.says("modinfo", {"-F version nvidia": "555.42.02\n"}), ("NVIDIA's driver",),
            repaired=False, healthy=installed),
    Exhibit("the module is not loaded", "machine-gpu-driver",
            lambda m: m.path("/proc/driver/nvidia/version").unlink(), ("kernel module",), repaired=False,
            healthy=installed),
    Exhibit("the library is not installed", "machine-gpu-driver",
            lambda m: m.path(f"{LIBRARY}.550.90.07").unlink(), ("libnvidia-ml",), repaired=False, healthy=installed),
]  # fmt: skip


def test_two_libraries_one_of_which_fits(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    installed(machine)
    library(machine, "555.42.02")
    assert look(GpuDriver(), machine.site)[0].findings == ()


def test_machines_without_nvidia(tmp_path: Path) -> None:
    assert "nothing of NVIDIA" in look(GpuDriver(), Machine(tmp_path).site)[0].skipped
