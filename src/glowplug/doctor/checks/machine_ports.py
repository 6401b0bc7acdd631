"""The ports that are configured, the server's and those of models, and who has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.launchers.process import MARKER

_LISTENING: Final = "0A"
_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


_ENGINES: Final = ("llamacpp", "vllm", "sglang")
"""Started by us, so their port is theirs alone; what is adopted has its own already."""
_FORWARDS: Final = re.compile(r"rootlessport|docker-proxy|slirp4netns|pasta|conmon")
"""What listens for a container, which may be our engine."""


@dataclass(frozen=True)
class Port:
    """A port, and who listens on it that should not."""

    number: int
    model: str
    """Whose it is; empty: the server's own."""
    taken: bool
    others: tuple[tuple[int, str], ...]
    """(pid, command line) of who holds it and is not ours, as far as it can be seen."""


class Ports(Check[tuple[Port, ...]]):
    """A port that somebody else has keeps the server from starting, after the next restart at the latest."""

    name = "machine-ports"
    title = "The ports that are configured are ours or free"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Port, ...]:
        if not any(site.real(table).is_file() for table in _TABLES):
            raise NothingToLookAt("this system does not tell who listens")
        wanted = {model.port: model.name for model in site.loaded.local_models
                  if model.port and model.engine in _ENGINES}  # fmt: skip
        wanted[site.loaded.server.port] = ""
        sockets = {number: {inode for table in _TABLES for inode in _listening(site, table, number)}
                   for number in wanted}  # fmt: skip
        holders = list(_holders(site, {inode for some in sockets.values() for inode in some}))
        served, found = _runs(site), []
        for number, model in wanted.items():
            here = [one for one in holders if one.sockets & sockets[number]]
            others = tuple((one.pid, one.line) for one in here if not _ours(one, model, served=served))
            # While our server runs, what nobody holds who may be looked into is held for it by another account.
            found.append(Port(number, model, bool(sockets[number]) and (bool(others) or not served), others))
        return tuple(found)

    def inspect(self, facts: tuple[Port, ...]) -> Sequence[Finding]:
        return [self._of(one) for one in facts if one.taken]

    def _of(self, port: Port) -> Finding:
        who = [f"process {pid}: {line}" for pid, line in port.others] or ["its process belongs to another account"]
        setting = f"models.{port.model}.port" if port.model else "server.port"
        return Finding(
            check=self.name,
            severity=Severity.ERROR,
            subject=f"port {port.number}",
            summary=f"is taken by another program, and is that of the model {port.model}" if port.model
            else "is taken by another program",
            evidence=tuple(who),
            consequence="Its engine cannot listen there: requests go to that program, or fail." if port.model
            else "`glowplug up` cannot listen there.",
            advice=f"end that program, or choose another {setting}",
        )  # fmt: skip


@dataclass(frozen=True)
class _Holder:
    pid: int
    line: str
    sockets: frozenset[str]
    engine: bool
    """It is an engine that we started."""


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


def _ours(holder: _Holder, model: str, *, served: bool) -> bool:
    if not model:
        return "glowplug" in holder.line
    return holder.engine or (served and _FORWARDS.search(holder.line) is not None)


def _holders(site: Site, sockets: set[str]) -> Iterator[_Holder]:
    """Who has some of these sockets open, among the processes that may be looked into."""
    wanted = {f"socket:[{inode}]": inode for inode in sockets}
    for process in site.glob("/proc", "[0-9]*") if wanted else ():
        try:
            links = {str(link.readlink()) for link in site.real(process / "fd").iterdir() if link.is_symlink()}
            held = frozenset(wanted[link] for link in links & wanted.keys())
            if not held:
                continue
            environ = site.real(process / "environ")
            engine = environ.is_file() and f"{MARKER}=".encode() in environ.read_bytes()
            line = site.text(process / "cmdline").replace("\0", " ").strip()
        except OSError:
            continue  # somebody else's, or gone by now
        yield _Holder(int(process.name), line or "?", held, engine)


def _runs(site: Site) -> bool:
    return site.real(site.paths.endpoint).is_file()
