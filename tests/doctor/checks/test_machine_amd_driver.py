"""AMD's module and ROCm, in every combination."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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
    machine.write("/sys/module/amdgpu/version", "6.8.5\n")
    machine.write("/dev/kfd", b"")
    machine.programs.says("modinfo", {"-F srcversion amdgpu": "A1B2\n"})


def exhibit(name: str, plant: object, subject: str, severity: Severity = Severity.ERROR) -> Exhibit:
    return Exhibit(name, "machine-amd-driver", plant, (subject,), severity, False, installed)  # type: ignore[arg-type]


def says(path: str, text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.write(path, text) and None


EXHIBITS = [
    exhibit("the module is not loaded", lambda m: shutil.rmtree(m.path("/sys/module/amdgpu")), "kernel module amdgpu"),
    exhibit("updated without a restart", lambda m: m.programs.says("modinfo", {"-F srcversion amdgpu": "C3D4\n"}),
            "kernel module amdgpu", Severity.WARNING),
    exhibit("a driver that is too old for its ROCm", says("/sys/module/amdgpu/version", "6.2.4\n"),
            "kernel module amdgpu", Severity.WARNING),
    exhibit("a driver that has left its ROCm behind", says("/opt/rocm/.info/version", "5.7.1-98\n"),
            "kernel module amdgpu", Severity.WARNING),
    exhibit("ROCm's device is gone", lambda m: m.path("/dev/kfd").unlink(), "/dev/kfd"),
]  # fmt: skip


def test_both_releases_and_who_lists_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    installed(machine)
    machine.write("/sys/module/amdgpu/version", "6.16.6\n")
    (finding,) = look(AmdDriver(), machine.site)[0].findings
    assert finding.summary == "is not made for ROCm 6.2.0-66"
    assert "6.16.6, the driver's release 30.20 or 30.30" in finding.evidence[0]
    assert finding.evidence[1].startswith("AMD lists ROCm 6.3 or later: https://")
    machine.path("/sys/module/amdgpu/version").unlink()
    assert look(AmdDriver(), machine.site)[0].findings == (), "the kernel's own module has no version"


def test_only_ones_and_those_without_rocm(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(AmdDriver(), machine.site)[0].skipped == "there is no accelerator of AMD's"
    card(machine)
    assert AmdDriver().gather(machine.site).cards == (CARD,)
    assert look(AmdDriver(), machine.site)[0].findings == ()
    machine.write("/usr/lib64/libhsa-runtime64.so.1", b"")
    (finding,) = look(AmdDriver(), machine.site)[0].findings
    assert "/usr/lib64/libhsa-runtime64.so.1" in finding.summary
