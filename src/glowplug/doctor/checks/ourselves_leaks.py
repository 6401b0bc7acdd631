"""Memory that engines did not give back when they ended, as the running server has seen it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.running import ask_text
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.units import format_size

_LEAKED: Final = re.compile(r"^glowplug_leaked_bytes_total\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Leak:
    """What one model's engines have lost on one device, since the server was started."""

    model: str
    device: str
    size: int


class Leaks(Check[tuple[Leak, ...]]):
    """Memory that nobody holds and nobody can have: every load beside it finds less than there is."""

    name = "ourselves-leaks"
    title = "Engines have given their memory back"
    group = Group.OURSELVES

    def gather(self, site: Site) -> tuple[Leak, ...]:
        found = []
        for labels, value in _LEAKED.findall(ask_text(site, "/metrics")):
            named = dict(_LABEL.findall(labels))
            found.append(Leak(named.get("model", "?"), named.get("device", "?"), int(float(value))))
        return tuple(found)

    def inspect(self, facts: tuple[Leak, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=f"model {one.model}",
                summary=f"did not give back {format_size(one.size)} of {one.device}",
                evidence=("glowplug_leaked_bytes_total, since the server was started",),
                consequence="Other models find less memory than there is, and are refused or make each other leave.",
                advice="`glowplug memory` shows who holds the device; `glowplug doctor machine-gpu-orphans` finds "
                "processes of nobody. What has no process comes back when the driver is loaded anew.",
            )
            for one in facts
            if one.size > 0
        ]
