"""The port that is configured, and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_LISTENING: Final = "0A"
_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(frozen=True)
class Port:
    """A port, who listens on it, and whether that is us."""

    number: int
    sockets: frozenset[str]
    """Inodes of the sockets that listen there."""
    pids: tuple[tuple[int, str], ...]
    """(pid, command line) of who holds one, as far as it can be seen."""
    running: bool
    """A server of this installation runs."""


class Ports(Check[Port]):
    """A port that somebody else has keeps the server from starting, after the next restart at the latest."""

    name = "machine-ports"
    title = "The port that is configured is ours or free"
    group = Group.MACHINE

    def gather(self, site: Site) -> Port:
        if not any(site.real(table).is_file() for table in _TABLES):
            raise NothingToLookAt("this system does not tell who listens")
        number = site.loaded.server.port
        sockets = frozenset(inode for table in _TABLES for inode in _listening(site, table, number))
        return Port(number, sockets, tuple(_holders(site, sockets)), _runs(site))

    def inspect(self, facts: Port) -> Sequence[Finding]:
        others = [(pid, line) for pid, line in facts.pids if "glowplug" not in line]
        if not facts.sockets or (facts.running and not others):
            return []
        who = [f"process {pid}: {line}" for pid, line in others] or ["its process belongs to another account"]
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=f"port {facts.number}",
                summary="is taken by another program",
                evidence=tuple(who),
                consequence="`glowplug up` cannot listen there.",
                advice="end that program, or choose another server.port",
            )
        ]


def _listening(site: Site, table: str, port: int) -> list[str]:
    """Inodes of sockets that listen on a port (https://docs.kernel.org/networking/proc_net_tcp.html)."""
    if not site.real(table).is_file():
        return []
    found = []
    for line in site.text(table).splitlines()[1:]:
        parts = line.split()
        if len(parts) > 9 and parts[3] == _LISTENING and int(parts[1].rpartition(":")[2], 16) == port:
            found.append(parts[9])
    return found


def _holders(site: Site, sockets: frozenset[str]) -> list[tuple[int, str]]:
    """Who has one of these sockets open, among the processes that may be looked into."""
    wanted = {f"socket:[{inode}]" for inode in sockets}
    found = []
    for process in site.glob("/proc", "[0-9]*") if wanted else ():
        try:
            links = {str(link.readlink()) for link in site.real(process / "fd").iterdir() if link.is_symlink()}
        except OSError:
            continue  # somebody else's, or gone by now
        if links & wanted:
            line = site.text(process / "cmdline").replace("\0", " ").strip()
            found.append((int(process.name), line or "?"))
    return found


def _runs(site: Site) -> bool:
    return site.real(site.paths.endpoint).is_file()
