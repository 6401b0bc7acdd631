"""Two units that serve the same model, or want the same port."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.loading import loads
from glowplug.doctor.site import Site
from glowplug.doctor.units import commands, services
from glowplug.domain.finding import Finding, Group, Severity

_PORT: Final = re.compile(r"(?:^|\s)(?:--port|-p)[=\s]+(\d{2,5})\b|OLLAMA_HOST=\S*:(\d{2,5})\b")


@dataclass(frozen=True)
class Serving:
    """What a unit serves, and where."""

    unit: str
    file: str
    enabled: bool
    port: str
    weights: str


class DoubleUnits(Check[tuple[Serving, ...]]):
    """One of the two never comes up, or the memory is taken twice."""

    name = "machine-double-units"
    title = "No two units serve the same model or want the same port"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Serving, ...]:
        found = []
        for unit in services(site):
            for command in commands(unit.text):
                what = loads(command)
                port = _PORT.search(f"{command} {unit.text if 'ollama serve' in command else ''}")
                if what is None and port is None:
                    continue
                number = next((group for group in port.groups() if group), "") if port is not None else ""
                whose = f"{unit.name} {'of the user' if unit.user else 'of the system'}"
                found.append(Serving(whose, unit.file, bool(unit.link), number, "" if what is None else what.weights))
        if not found:
            raise NothingToLookAt("no unit serves models")
        return tuple(found)

    def inspect(self, facts: tuple[Serving, ...]) -> Sequence[Finding]:
        ports: dict[str, list[Serving]] = defaultdict(list)
        weights: dict[str, list[Serving]] = defaultdict(list)
        for one in facts:
            if one.port:
                ports[one.port].append(one)
            if one.weights:
                weights[one.weights].append(one)
        found = [self._finding(f"port {port}", "is wanted by", some) for port, some in ports.items() if len(some) > 1]
        seen = {frozenset(one.unit for one in some) for some in ports.values() if len(some) > 1}
        return found + [
            self._finding(name, "is served by", some)
            for name, some in weights.items()
            if len(some) > 1 and frozenset(one.unit for one in some) not in seen
        ]

    def _finding(self, subject: str, verb: str, some: list[Serving]) -> Finding:
        severe = sum(one.enabled for one in some) > 1
        return Finding(
            check=self.name,
            severity=Severity.ERROR if severe else Severity.WARNING,
            subject=subject,
            summary=f"{verb} {' and '.join(one.unit for one in some)}",
            evidence=tuple(f"{one.file}{' (enabled)' if one.enabled else ''}" for one in some),
            consequence="One of them never comes up, or the memory is taken twice.",
            advice="keep one, and disable the other (`systemctl disable`, `systemctl --user disable`)",
        )
