"""Whether AMD's accelerators can be used: by the program that finds them as every engine does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.accelerators import KFD_NODES, amd
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import NoSuchProgram, Ran, Site
from glowplug.domain.finding import Finding, Group, Severity

_PROGRAMS: Final = ("rocminfo", "/opt/rocm/bin/rocminfo")
_SECONDS: Final = 20.0
_GPU: Final = re.compile(r"^\s*Device Type:\s+GPU\s*$", re.MULTILINE)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_WRONG: Final = re.compile(r"unable|fail|not loaded|denied|not permitted|error", re.IGNORECASE)
_REFUSED: Final = re.compile(r"permission denied|not permitted", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What ROCm's own program said."""

    devices: int
    """Accelerators that the kernel shows."""
    answered: int
    said: str
    """What went wrong; empty when all is well."""
    user: str


class AmdAnswers(Check[Answer]):
    """One that was lost over a suspend, or that this account may not open, looks installed, and nothing uses it."""

    name = "machine-amd-answers"
    title = "AMD's accelerators answer this account"
    group = Group.MACHINE

    def gather(self, site: Site) -> Answer:
        devices = amd(site)
        if not devices:
            raise NothingToLookAt("there is no accelerator that ROCm could use")
        try:
            ran = _ask(site)
        except TimeoutError as error:
            return Answer(devices, 0, str(error), site.home.name)
        text = _COLOUR.sub("", f"{ran.out}\n{ran.err}")
        wrong = [line.strip() for line in text.splitlines() if _WRONG.search(line)]
        return Answer(devices, len(_GPU.findall(text)), wrong[0] if wrong else "", site.home.name)

    def inspect(self, facts: Answer) -> Sequence[Finding]:
        missing = facts.devices - facts.answered
        if missing <= 0:
            return []
        refused = _REFUSED.search(facts.said) is not None
        advice = f"`usermod -a -G render,video {facts.user}`, and log in anew" if refused else "restart the machine"
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=f"{missing} of {facts.devices} accelerators",
                summary=f"{'does' if missing == 1 else 'do'} not answer" + (f": {facts.said}" if facts.said else ""),
                evidence=(f"`{_PROGRAMS[0]}`", f"{KFD_NODES} has {facts.devices}"),
                consequence="Engines use the processor instead, or do not start; nothing else says so.",
                advice=advice,
            )
        ]


def _ask(site: Site) -> Ran:
    """Raises NothingToLookAt where it is not installed, TimeoutError."""
    for program in _PROGRAMS:
        try:
            return site.run((program,), _SECONDS)
        except NoSuchProgram:
            continue
    raise NothingToLookAt("rocminfo is not installed")
