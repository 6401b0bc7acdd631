"""AMD's kernel module: loaded, the one that is installed, made for this ROCm, and with its device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.kernel_modules import loaded, on_disk, said_of
from glowplug.doctor.rocm import SOURCE, outside
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_MODULE: Final = "amdgpu"
_VENDOR: Final = "0x1002"
_CLASSES: Final = ("0x03", "0x12")
"""Displays and accelerators (https://admin.pci-ids.ucw.cz/read/PD)."""
_KFD: Final = "/dev/kfd"
_INSTALLED: Final = "/opt/rocm/.info/version"
_RUNTIME: Final = "libhsa-runtime64.so.*"
_FOLDERS: Final = ("/opt/rocm/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")


@dataclass(frozen=True)
class Driver:
    """What of the driver is where."""

    cards: tuple[str, ...]
    """Their places on the bus."""
    rocm: str
    """Its version, or where its library is; empty: it is not installed."""
    loaded: bool
    running: str
    """What tells one build of the module from another, of the one that is loaded."""
    installed: str
    """… of the one on the disk."""
    kfd: bool
    version: str = ""
    """What the module says of itself; empty: it comes with the kernel, and goes with every ROCm."""


class AmdDriver(Check[Driver]):
    """ROCm without its kernel module finds no accelerator, and says nothing: programs use the processor."""

    name = "machine-amd-driver"
    title = "AMD's kernel module is loaded, and the one that is installed"
    group = Group.MACHINE

    def gather(self, site: Site) -> Driver:
        cards = tuple(_cards(site))
        if not cards:
            raise NothingToLookAt("there is no accelerator of AMD's")
        running = said_of(site, _MODULE, "srcversion")
        return Driver(
            cards, _rocm(site), loaded(site, _MODULE), running,
            on_disk(site, _MODULE, "srcversion") if running else "", site.real(_KFD).exists(),
            said_of(site, _MODULE, "version"),
        )  # fmt: skip

    def inspect(self, facts: Driver) -> Sequence[Finding]:
        if facts.rocm and not facts.loaded:
            return [
                self._finding(
                    Severity.ERROR, f"the kernel module {_MODULE}", f"is not loaded, though ROCm {facts.rocm} is here",
                    facts.cards, "Engines use the processor, or do not start.",
                    f"load it (`modprobe {_MODULE}`), or restart after an update of the kernel or the driver",
                )
            ]  # fmt: skip
        found = []
        wants = outside(facts.version, facts.rocm)
        if facts.installed and facts.running != facts.installed:
            found.append(
                self._finding(
                    Severity.WARNING, f"the kernel module {_MODULE}", "is another than the one that is installed",
                    (f"loaded is {facts.running}", f"on the disk is {facts.installed}"),
                    "ROCm of the new driver may not find the accelerators through the old module.",
                    "restart the machine, so that the installed module is loaded",
                )
            )  # fmt: skip
        elif wants is not None:
            found.append(
                self._finding(
                    Severity.WARNING, f"the kernel module {_MODULE}", f"is not made for ROCm {facts.rocm}",
                    (f"it says {facts.version}, the driver's release {wants.driver}", f"AMD lists {wants}: {SOURCE}"),
                    "Engines may not start, or fail while they compute.",
                    "install the driver and ROCm of releases that go together, then restart the machine",
                )
            )  # fmt: skip
        if facts.rocm and not facts.kfd:
            found.append(
                self._finding(
                    Severity.ERROR, _KFD, f"is not there, though ROCm {facts.rocm} and {_MODULE} are",
                    facts.cards, "ROCm finds no accelerator, and engines use the processor.",
                    f"restart the machine; `dmesg | grep kfd` says why {_MODULE} does not make it",
                )
            )  # fmt: skip
        return found

    def _finding(
        self, severity: Severity, subject: str, summary: str, evidence: tuple[str, ...], consequence: str, advice: str
    ) -> Finding:
        return Finding(
            check=self.name, severity=severity, subject=subject, summary=summary, evidence=evidence,
            consequence=consequence, advice=advice,
        )  # fmt: skip


def _cards(site: Site) -> Iterator[str]:
    for device in site.glob("/sys/bus/pci/devices", "*"):
        try:
            if site.text(device / "vendor").strip() != _VENDOR:
                continue
            if site.text(device / "class").startswith(_CLASSES):
                yield str(device)
        except OSError:
            continue


def _rocm(site: Site) -> str:
    if site.real(_INSTALLED).is_file():
        return site.text(_INSTALLED).strip()
    return next((f"({path})" for folder in _FOLDERS for path in site.glob(folder, _RUNTIME)), "")
