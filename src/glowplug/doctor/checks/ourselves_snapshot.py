"""A server that does not serve what the configuration file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from glowplug.doctor.base import Check
from glowplug.doctor.running import ask
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity


@dataclass(frozen=True)
class Facts:
    """What is served, and what is on the disk."""

    path: str
    stale: str
    """Why the last reload failed; empty when it did not."""
    served: str
    """SHA-256 of the file that is served; empty where the server does not say."""
    written: str
    """… of the one on the disk."""


class Snapshot(Check[Facts]):
    """After a reload that failed the server goes on with what it had, until it is started anew and cannot."""

    name = "ourselves-snapshot"
    title = "The server serves what its configuration file says"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        status = ask(site, "/admin/status")
        path = str(status.get("config_path") or "")
        stale = str(status.get("stale") or "")
        if stale or not path:
            return Facts(path, stale, "", "")
        served = str(ask(site, "/admin/config").get("digest") or "")
        file = Path(path)
        try:
            data = (file if file.is_relative_to(site.root) else site.real(file)).read_bytes()
        except FileNotFoundError:
            return Facts(path, "", served, "")
        return Facts(path, "", served, sha256(data).hexdigest())

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        if facts.stale:
            severity, summary, evidence = Severity.ERROR, "is not what is served: its last reload failed", facts.stale
        elif facts.served and facts.served != facts.written:
            gone = not facts.written
            severity, evidence = Severity.WARNING, f"served is {facts.served[:12]}, written {facts.written[:12] or '-'}"
            summary = "is gone, and still served" if gone else "is newer than what is served"
        else:
            return []
        return [
            Finding(
                check=self.name,
                severity=severity,
                subject=facts.path or "the configuration",
                summary=summary,
                evidence=(evidence,),
                consequence="What was changed is not in force, and the next start may fail on it.",
                advice="`glowplug config check` says what is wrong; `glowplug config reload` puts it in force.",
            )
        ]
