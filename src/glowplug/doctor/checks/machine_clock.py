"""Whether the clock is kept by somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.domain.finding import Finding, Group, Severity

_ASK: Final = ("timedatectl", "show", "--property=NTPSynchronized", "--property=NTP", "--property=CanNTP")
_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Kept:
    """What the system says of its clock."""

    synchronized: bool
    asked: bool
    """It is told to keep it."""


class Clock(Check[Kept]):
    """A clock that runs away puts usage on the wrong day, budgets into the wrong window, and breaks certificates."""

    name = "machine-clock"
    title = "The clock is synchronized"
    group = Group.MACHINE

    def gather(self, site: Site) -> Kept:
        try:
            ran = site.run(_ASK, _SECONDS)
        except NoSuchProgram:
            raise NothingToLookAt("this system has no timedatectl") from None
        if ran.code:
            if "not been booted with systemd" in ran.err or "Failed to connect to bus" in ran.err:
                raise NothingToLookAt("systemd does not run here")
            raise CouldNotLook(f"timedatectl failed: {ran.err.strip() or ran.code}")
        told = dict(line.partition("=")[::2] for line in ran.out.splitlines())
        return Kept(told.get("NTPSynchronized") == "yes", told.get("NTP") == "yes")

    def inspect(self, facts: Kept) -> Sequence[Finding]:
        if facts.synchronized:
            return []
        advice = "wait, or look at `timedatectl timesync-status`" if facts.asked else "timedatectl set-ntp true"
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject="the clock",
                summary="is not synchronized",
                evidence=("NTPSynchronized=no", f"NTP={'yes' if facts.asked else 'no'}"),
                consequence="Usage is on the wrong day and budgets in the wrong window when it runs away.",
                advice=advice,
            )
        ]
