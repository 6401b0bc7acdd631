"""AMD's module and ROCm, in every combination."""

from __future__ import annotations

import shutil
from pathlib import Path

from glowplug.doctor.checks.machine_amd_driver import AmdDriver
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine

CARD = "/sys/bus/pci/devices/0000:03:00.0"


def card(machine: Machine) -> None:
    for place, vendor, kind in ((CARD, "0x1002", "0x030000"), (f"{CARD[:-1]}1", "0x1002", "0x040300"),
                                ("/sys/bus/pci/devices/0000:00:1f.0", "0x8086", "0x060100")):  # fmt: skip
        machine.write(f"{place}/vendor", f"{vendor}\n")
        machine.write(f"{place}/class", f"{kind}\n")
    machine.write("/sys/bus/pci/devices/half/other", "")


def installed(machine: Machine) -> None:
    card(machine)
    machine.write("/opt/rocm/.info/version", "6.2.0-66\n")
    machine.write("/sys/module/amdgpu/srcversion", "A1B2\n")
    machine.write("/dev/kfd", b"")
    machine.programs.says("modinfo", {"-F srcversion amdgpu": "A1B2\n"})


def exhibit(name: str, plant: object, subject: str, severity: Severity = Severity.ERROR) -> Exhibit:
    return Exhibit(name, "machine-amd-driver", plant, (subject,), severity, False, installed)  # type: ignore[arg-type]


EXHIBITS = [
    exhibit("the module is not loaded", lambda m: shutil.rmtree(m.path("/sys/module/amdgpu")), "kernel module amdgpu"),
    exhibit("updated without a restart", lambda m: m.programs.says("modinfo", {"-F srcversion amdgpu": "C3D4\n"}),
            "kernel module amdgpu", Severity.WARNING),
    exhibit("ROCm's device is gone", lambda m: m.path("/dev/kfd").unlink(), "/dev/kfd"),
]  # fmt: skip


def test_only_ones_and_those_without_rocm(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(AmdDriver(), machine.site)[0].skipped == "there is no accelerator of AMD's"
    card(machine)
    assert AmdDriver().gather(machine.site).cards == (CARD,)
    assert look(AmdDriver(), machine.site)[0].findings == ()
    machine.write("/usr/lib64/libhsa-runtime64.so.1", b"")
    (finding,) = look(AmdDriver(), machine.site)[0].findings
    assert "/usr/lib64/libhsa-runtime64.so.1" in finding.summary
