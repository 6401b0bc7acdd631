"""Units that systemd itself finds fault with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.loading import loads
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.doctor.units import commands, services
from glowplug.domain.finding import Finding, Group, Severity

_SERVERS: Final = ("glowplug", "litellm", "ollama", "llama-swap")
_SECONDS: Final = 20.0
_SHOWN: Final = 6
_NO_MANAGER: Final = ("Failed to initialize manager", "Failed to connect to bus")


@dataclass(frozen=True)
class Verified:
    """What `systemd-analyze verify` says of a unit."""

    name: str
    file: str
    lines: tuple[str, ...]


class UnitVerify(Check[tuple[Verified, ...]]):
    """A line that systemd does not understand is left out, and the unit runs without what it says."""

    name = "machine-unit-verify"
    title = "Units that serve models are understood by systemd"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Verified, ...]:
        found = []
        for unit in services(site):
            run = commands(unit.text)
            if not any(loads(one) is not None or any(name in one for name in _SERVERS) for one in run):
                continue
            scope = ("--user",) if unit.user else ()
            try:
                ran = site.run(("systemd-analyze", *scope, "verify", str(site.real(unit.file))), _SECONDS)
            except NoSuchProgram:
                raise CouldNotLook("systemd-analyze is not installed") from None
            said = [line for line in (ran.err + ran.out).splitlines() if line.strip()]
            if any(why in line for line in said for why in _NO_MANAGER):
                raise CouldNotLook(f"systemd-analyze does not work here: {said[0].strip()}")
            mine = tuple(line.strip() for line in said if unit.name in line)
            found.append(Verified(unit.name, unit.file, mine if mine or ran.code == 0 else tuple(said)))
        if not found:
            raise NothingToLookAt("no unit serves models")
        return tuple(found)

    def inspect(self, facts: tuple[Verified, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.file,
                summary="has lines that systemd does not accept",
                evidence=one.lines[:_SHOWN],
                consequence="What they say does not hold, or the unit does not start.",
                advice=f"correct them, then `systemd-analyze verify {one.file}`",
            )
            for one in facts
            if one.lines
        ]
