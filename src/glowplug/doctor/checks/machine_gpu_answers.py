"""Whether an accelerator that is there answers: after a resume or a fault it may not, and engines use the processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.accelerators import nvidia
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.domain.finding import Finding, Group, Severity

_ASK: Final = ("nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader")
_SECONDS: Final = 20.0
_UVM: Final = "/dev/nvidia-uvm"


@dataclass(frozen=True)
class Answer:
    """What the driver's own program said."""

    devices: int
    """Accelerators that the kernel shows."""
    answered: int
    said: str
    """The last line of what went wrong; empty when all is well."""
    uvm: bool
    """The device that CUDA programs open is there."""
    hung: bool = False


class GpuAnswers(Check[Answer]):
    """An accelerator that was lost over a suspend looks installed, and everything runs on the processor."""

    name = "machine-gpu-answers"
    title = "NVIDIA's accelerators answer"
    group = Group.MACHINE

    def gather(self, site: Site) -> Answer:
        devices = nvidia(site)
        if not devices:
            raise NothingToLookAt("there is no accelerator of NVIDIA's")
        uvm = site.real(_UVM).exists()
        try:
            ran = site.run(_ASK, _SECONDS)
        except NoSuchProgram:
            raise NothingToLookAt("nvidia-smi is not installed") from None
        except TimeoutError as error:
            return Answer(devices, 0, str(error), uvm, hung=True)
        lines = [line for line in ran.out.splitlines() if line.strip()]
        bad = [line for line in lines if "Unable" in line or "[Unknown" in line or "ERR!" in line or "lost" in line]
        said = ran.err.strip().splitlines()[-1:] or bad[:1] or (lines[-1:] if ran.code else [])
        return Answer(devices, len(lines) - len(bad) if ran.code == 0 else 0, said[0] if said else "", uvm)

    def inspect(self, facts: Answer) -> Sequence[Finding]:
        if facts.answered >= facts.devices and facts.uvm:
            return []
        missing = facts.devices - facts.answered
        if missing > 0:
            summary = f"{'does' if missing == 1 else 'do'} not answer" + (f": {facts.said}" if facts.said else "")
            subject = f"{missing} of {facts.devices} accelerators"
            advice = "restart the machine" if facts.hung else "unload and load nvidia_uvm, or restart the machine"
        else:
            subject, summary = _UVM, "is not there, though the accelerators answer"
            advice = "`nvidia-modprobe -u`, or load the kernel module nvidia_uvm"
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=subject,
                summary=summary,
                evidence=(f"`{' '.join(_ASK)}`",),
                consequence="Engines use the processor instead, or do not start; nothing else says so.",
                advice=advice,
            )
        ]
