"""Whether the clock is kept by somebody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.domain.finding import Finding, Group, Severity

_ASK: Final = ("timedatectl", "show", "--property=NTPSynchronized", "--property=NTP", "--property=CanNTP")
_CHRONY: Final = ("chronyc", "-n", "tracking")
_SECONDS: Final = 10.0
_OFF: Final = re.compile(r"^System time\s*:\s*([\d.]+) seconds (slow|fast)", re.MULTILINE)
_LEAP: Final = re.compile(r"^Leap status\s*:\s*(.+)$", re.MULTILINE)
_NOT: Final = "Not synchronised"
MOST_OFF: Final = 1.0
"""Seconds: chrony only ever turns the clock a little faster or slower, so this much lasts for hours."""


@dataclass(frozen=True)
class Kept:
    """What the system says of its clock."""

    synchronized: bool
    asked: bool
    """It is told to keep it."""
    off: float = 0.0
    """Seconds by which it is wrong and known to be; less than 0: it is slow."""
    seen: tuple[str, ...] = ()


class Clock(Check[Kept]):
    """A clock that runs away puts usage on the wrong day, budgets into the wrong window, and breaks certificates."""

    name = "machine-clock"
    title = "The clock is synchronized"
    group = Group.MACHINE

    def gather(self, site: Site) -> Kept:
        chrony = _chrony(site)
        try:
            return _systemd(site, chrony)
        except NothingToLookAt:
            if chrony is None:
                raise
            return chrony

    def inspect(self, facts: Kept) -> Sequence[Finding]:
        if not facts.synchronized:
            summary = "is not synchronized"
            advice = "wait, or look at `timedatectl timesync-status`" if facts.asked else "timedatectl set-ntp true"
        elif abs(facts.off) >= MOST_OFF:
            summary = f"is {abs(facts.off):.1f} s {'slow' if facts.off < 0 else 'fast'}"
            advice = "`chronyc makestep` puts it right at once; stop what must not see the time jump before"
        else:
            return []
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject="the clock",
                summary=summary,
                evidence=facts.seen,
                consequence="Usage is on the wrong day and budgets in the wrong window when it runs away.",
                advice=advice,
            )
        ]


def _systemd(site: Site, chrony: Kept | None) -> Kept:
    """Raises NothingToLookAt where there is no systemd, CouldNotLook."""
    try:
        ran = site.run(_ASK, _SECONDS)
    except NoSuchProgram:
        raise NothingToLookAt("this system has no timedatectl") from None
    if ran.code:
        if "not been booted with systemd" in ran.err or "Failed to connect to bus" in ran.err:
            raise NothingToLookAt("systemd does not run here")
        raise CouldNotLook(f"timedatectl failed: {ran.err.strip() or ran.code}")
    told = dict(line.partition("=")[::2] for line in ran.out.splitlines())
    asked = told.get("NTP") == "yes" or chrony is not None
    seen = (f"NTPSynchronized={told.get('NTPSynchronized', '?')}", f"NTP={told.get('NTP', '?')}")
    more = chrony or Kept(synchronized=False, asked=False)
    return Kept(told.get("NTPSynchronized") == "yes" or more.synchronized, asked, more.off, (*seen, *more.seen))


def _chrony(site: Site) -> Kept | None:
    """What chrony says, which knows by how much the clock is wrong; None where it does not run."""
    try:
        ran = site.run(_CHRONY, _SECONDS)
    except (NoSuchProgram, TimeoutError, OSError):
        return None
    leap, off = _LEAP.search(ran.out), _OFF.search(ran.out)
    if ran.code or leap is None or off is None:
        return None
    try:
        seconds = float(off[1]) * (-1 if off[2] == "slow" else 1)
    except ValueError:
        return None
    return Kept(leap[1].strip() != _NOT, True, seconds, (off[0].strip(), leap[0].strip()))
