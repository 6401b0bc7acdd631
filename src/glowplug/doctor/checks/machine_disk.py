"""Room on the disks that state, journal and weights are on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.units import format_size

LEAST: Final = 1 << 30
"""Bytes below which the journal and the database are in danger."""
LITTLE: Final = 5 << 30
"""Bytes below which a download of weights, or a backup, is."""
LEAST_FILES: Final = 1000


@dataclass(frozen=True)
class Room:
    """One file system."""

    where: str
    what: str
    """What of us is on it."""
    free: int
    files: int
    """Files that can still be made; -1 where the file system does not count them."""


class Disk(Check[tuple[Room, ...]]):
    """A full disk stops the journal, and a worker that cannot record what is used serves nothing."""

    name = "machine-disk"
    title = "There is room for the journal, the database and backups"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Room, ...]:
        found: dict[int, Room] = {}
        for path, what in ((site.paths.state, "journal and database"), (site.home, "weights and caches")):
            place = site.real(path)
            while not place.exists() and place != place.parent:
                place = place.parent
            told = site.statvfs(str(place))
            device = place.stat().st_dev
            if device in found:
                continue
            files = told.f_favail if told.f_files else -1
            found[device] = Room(str(path), what, told.f_bavail * told.f_frsize, files)
        return tuple(found.values())

    def inspect(self, facts: tuple[Room, ...]) -> Sequence[Finding]:
        return [finding for room in facts for finding in self._of(room)]

    def _of(self, room: Room) -> list[Finding]:
        low = room.free < LITTLE
        if low or 0 <= room.files < LEAST_FILES:
            severe = room.free < LEAST or 0 <= room.files < LEAST_FILES
            left = format_size(room.free) if low else f"room for {room.files} more files"
            return [
                Finding(
                    check=self.name,
                    severity=Severity.ERROR if severe else Severity.WARNING,
                    subject=f"the disk of {room.where}",
                    summary=f"has {left} left ({room.what})",
                    consequence="When it is full usage cannot be recorded, and what cannot be recorded is not served.",
                    advice="make room: old weights, old backups, logs of engines",
                )
            ]
        return []
