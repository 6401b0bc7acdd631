"""A server that still runs what was installed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glowplug import __version__
from glowplug.doctor.base import Check
from glowplug.doctor.running import ask
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity


@dataclass(frozen=True)
class Facts:
    """Both versions."""

    running: str
    installed: str


class Version(Check[Facts]):
    """After an upgrade the old program goes on until it is started anew, and imports what has changed beneath it."""

    name = "ourselves-version"
    title = "The server runs the version that is installed"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        return Facts(str(ask(site, "/admin/status").get("version") or "?"), __version__)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        if facts.running == facts.installed:
            return []
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject="the running server",
                summary=f"is version {facts.running}, and {facts.installed} is installed",
                consequence="What it loads from now on is of another version than what it runs.",
                advice="Start it anew; engines go on meanwhile and are adopted.",
            )
        ]
