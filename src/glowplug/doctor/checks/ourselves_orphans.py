"""Engines and their records that lost each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Final

import msgspec

from glowplug.doctor.actions import MoveAside
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.running import runs
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.launchers.process import MARKER
from glowplug.launchers.procfs import parse_stat
from glowplug.lifecycle.daemon_record import DaemonRecord
from glowplug.lifecycle.records import InstanceRecord

_GRACE_S: Final = 120.0
"""A record that is younger may be of an engine that ends at this moment."""
_ASIDE: Final = ".gone"
_DAEMONS: Final = "daemons"
"""The folder of their records."""


@dataclass(frozen=True)
class Gone:
    """A record whose process is not there."""

    path: str
    model: str
    pid: int
    aside: bool
    """It has been put aside before, so there is no room for it there."""


@dataclass(frozen=True)
class Stray:
    """A process that is an engine of this installation, and has no record."""

    pid: int
    instance: str
    resident: int


@dataclass(frozen=True)
class Facts:
    """Records without engines, engines without records."""

    gone: tuple[Gone, ...]
    strays: tuple[Stray, ...]
    served: bool
    """A server runs, which looks after them itself."""


class Orphans(Check[Facts]):
    """An engine that nobody knows holds its memory; a record of nobody names a process that may be another by now."""

    name = "ourselves-orphans"
    title = "Engines and their records belong together"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        if not site.real(site.paths.instances).is_dir():
            raise NothingToLookAt("no engine was ever started")
        records = dict(_records(site))
        gone = tuple(
            Gone(path, one.model, one.pid, site.real(path + _ASIDE).exists())
            for path, one in records.items()
            if one.pid and not _lives(site, one) and _age(site, path) > _GRACE_S
        )
        known = {one.instance for one in records.values()} | set(_daemons(site))
        strays = tuple(_strays(site, known))
        return Facts(gone, strays, runs(site))

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [
            *(
                Finding(
                    check=self.name,
                    severity=Severity.WARNING,
                    subject=one.path,
                    summary=f"is of the engine of {one.model}, whose process {one.pid} is gone",
                    consequence="The next start looks for it, and its memory counts as taken until then.",
                    advice="`glowplug ps` says what the server knows." if facts.served
                    else "The next `glowplug up` removes it.",
                )
                for one in facts.gone
            ),
            *(
                Finding(
                    check=self.name,
                    severity=Severity.WARNING,
                    subject=f"process {one.pid}",
                    summary=f"is the engine {one.instance} of this installation, and has no record",
                    evidence=(f"it holds {one.resident >> 20} MiB of the machine's memory",),
                    consequence="Nobody uses it and nobody stops it; what it holds is missing to the others.",
                    advice="Look at it with `ps`, and end it, or start `glowplug up` anew, which ends what it "
                    "does not know.",
                )
                for one in facts.strays
            ),
        ]  # fmt: skip

    def remedy(self, facts: Facts) -> Remedy | None:
        if facts.served:
            return None
        actions = [MoveAside(path=one.path, to=one.path + _ASIDE) for one in facts.gone if not one.aside]
        return Remedy(actions=actions) if actions else None


def _records(site: Site) -> Iterator[tuple[str, InstanceRecord]]:
    """What can be read as a record; other files there are somebody else's, and nothing is removed."""
    for path in site.glob(site.paths.instances, "*.json"):
        try:
            yield str(path), msgspec.json.decode(site.real(path).read_bytes(), type=InstanceRecord)
        except (msgspec.DecodeError, OSError):
            continue


def _daemons(site: Site) -> Iterator[str]:
    """Daemons that models are loaded in have records of their own."""
    for path in site.glob(site.paths.instances / _DAEMONS, "*.json"):
        with suppress(msgspec.DecodeError, OSError):
            yield msgspec.json.decode(site.real(path).read_bytes(), type=DaemonRecord).instance


def _age(site: Site, path: str) -> float:
    try:
        return site.clock.unix() - site.real(path).stat().st_mtime
    except OSError:
        return 0.0


def _lives(site: Site, record: InstanceRecord) -> bool:
    try:
        stat = parse_stat(site.text(f"/proc/{record.pid}/stat"))
    except (OSError, ValueError, IndexError):
        return False
    return stat.start_time == record.start_time and not stat.dead


def _strays(site: Site, known: set[str]) -> Iterator[Stray]:
    """Leaders of their sessions that carry our mark; what they started carries it too."""
    owner = sha256(os.fsencode(site.paths.state)).hexdigest()[:16]
    mark = f"{MARKER}={owner}:".encode()
    uptime = _uptime(site)
    for folder in site.glob("/proc", "[0-9]*"):
        instance = _marked(site.real(folder / "environ"), mark)
        if not instance or instance in known:
            continue
        try:
            stat = parse_stat(site.text(folder / "stat"))
        except (OSError, ValueError, IndexError):
            continue
        young = uptime - stat.start_time / os.sysconf("SC_CLK_TCK") < _GRACE_S
        if not stat.dead and not young and stat.session == stat.pid:
            yield Stray(stat.pid, instance, stat.resident)


def _uptime(site: Site) -> float:
    """Seconds since the machine was started; endless where it does not say."""
    try:
        return float(site.text("/proc/uptime").split()[0])
    except (OSError, ValueError, IndexError):
        return inf


def _marked(environ: Path, mark: bytes) -> str:
    """The instance in a process's environment; empty for what is not ours or not to be seen."""
    try:
        data = environ.read_bytes()
    except OSError:
        return ""
    if mark not in data:
        return ""
    entry = next((entry for entry in data.split(b"\0") if entry.startswith(mark)), b"")
    return entry[len(mark) :].decode(errors="replace")
