"""NVIDIA's kernel module and library, which must be of one version, now and after the next start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.kernel_modules import on_disk
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_MODULE: Final = "/proc/driver/nvidia/version"
_VERSION: Final = re.compile(r"\b(\d{3}\.\d+(?:\.\d+)?)\b")
_FOLDERS: Final = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
)
_LIBRARY: Final = re.compile(r"libnvidia-ml\.so\.(\d{3}\.\d+(?:\.\d+)?)\Z")


@dataclass(frozen=True)
class Driver:
    """What of the driver is where."""

    module: str
    """Version of the loaded kernel module; empty: none is loaded."""
    libraries: tuple[tuple[str, str], ...]
    """(path, version) of each `libnvidia-ml`."""
    devices: tuple[str, ...]
    """`/dev/nvidia0` and its like."""
    installed: str = ""
    """Version of the kernel module on the disk; empty: there is none for this kernel, or nobody can say."""


class GpuDriver(Check[Driver]):
    """After an update of the driver without a restart, every engine falls back to the processor or does not start."""

    name = "machine-gpu-driver"
    title = "NVIDIA's kernel module and its library are of one version"
    group = Group.MACHINE

    def gather(self, site: Site) -> Driver:
        module = ""
        if site.real(_MODULE).is_file():
            found = _VERSION.search(site.text(_MODULE))
            module = found[1] if found is not None else ""
        libraries = []
        for folder in _FOLDERS:
            for path in site.glob(folder, "libnvidia-ml.so.*"):
                named = _LIBRARY.search(path.name)
                if named is not None:
                    libraries.append((str(path), named[1]))
        devices = tuple(str(path) for path in site.glob("/dev", "nvidia[0-9]*"))
        if not (module or libraries or devices):
            raise NothingToLookAt("there is nothing of NVIDIA's driver here")
        return Driver(module, tuple(libraries), devices, on_disk(site, "nvidia", "version") if module else "")

    def inspect(self, facts: Driver) -> Sequence[Finding]:
        if facts.libraries and not facts.module:
            return [
                self._finding(
                    Severity.WARNING, "the kernel module nvidia", "is not loaded, though its library is installed",
                    tuple(path for path, _ in facts.libraries), "Engines use the processor, or do not start.",
                    "load it (`modprobe nvidia`), or restart after an update of the kernel or the driver",
                )
            ]  # fmt: skip
        if facts.module and not facts.libraries:
            return [
                self._finding(
                    Severity.WARNING, "libnvidia-ml", f"is not there, though the kernel module {facts.module} is",
                    (_MODULE,), "Memory of the accelerators cannot be seen.",
                    "install the driver's libraries of that version",
                )
            ]  # fmt: skip
        if facts.module and all(version != facts.module for _, version in facts.libraries):
            seen = tuple(f"{path} is {version}" for path, version in facts.libraries)
            return [
                self._finding(
                    Severity.ERROR, "NVIDIA's driver",
                    f"has the kernel module {facts.module} and a library of another version",
                    (f"{_MODULE} says {facts.module}", *seen),
                    "Every engine falls back to the processor or does not start.",
                    "restart the machine, so that the module of the installed driver is loaded",
                )
            ]  # fmt: skip
        if facts.module and facts.installed and all(version != facts.installed for _, version in facts.libraries):
            seen = tuple(f"{path} is {version}" for path, version in facts.libraries)
            return [
                self._finding(
                    Severity.WARNING, "NVIDIA's driver",
                    f"has a library of {facts.module}, and on the disk the kernel module {facts.installed}",
                    ("`modinfo -F version nvidia`", *seen),
                    "It works until the next start: then the module is loaded that the library does not go with.",
                    "install library and module of one version",
                )
            ]  # fmt: skip
        return []

    def _finding(
        self, severity: Severity, subject: str, summary: str, evidence: tuple[str, ...], consequence: str, advice: str
    ) -> Finding:
        return Finding(
            check=self.name, severity=severity, subject=subject, summary=summary, evidence=evidence,
            consequence=consequence, advice=advice,
        )  # fmt: skip
