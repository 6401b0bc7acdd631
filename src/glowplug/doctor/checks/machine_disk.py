"""Room on the disks that state, journal and weights are on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.models import at_site, weights_at
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.model import LocalModel
from glowplug.errors import ConfigError
from glowplug.units import format_size
from glowplug.usecases.discover import hub_folder_root

LEAST: Final = 1 << 30
"""Bytes below which the journal and the database are in danger."""
LITTLE: Final = 5 << 30
"""Bytes below which a download of weights, or a backup, is."""
LEAST_FILES: Final = 1000


_STATE: Final = "journal and database"
_HOME: Final = "home directory"
_WEIGHTS: Final = "weights"


@dataclass(frozen=True)
class Room:
    """One file system."""

    where: str
    what: str
    """What of us is on it, the most precious."""
    free: int
    files: int
    """Files that can still be made; -1 where the file system does not count them."""


class Disk(Check[tuple[Room, ...]]):
    """A full disk stops the journal, and a worker that cannot record what is used serves nothing."""

    name = "machine-disk"
    title = "There is room for the journal, the database, backups and weights"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Room, ...]:
        found: dict[int, Room] = {}
        for path, what in _places(site):
            place = path
            while not place.exists() and place != place.parent:
                place = place.parent
            told = site.statvfs(str(place))
            device = place.stat().st_dev
            if device in found:
                continue
            files = told.f_favail if told.f_files else -1
            shown = site.shown(path) if path.is_relative_to(site.root) else str(path)
            found[device] = Room(shown, what, told.f_bavail * told.f_frsize, files)
        return tuple(found.values())

    def inspect(self, facts: tuple[Room, ...]) -> Sequence[Finding]:
        return [finding for room in facts for finding in self._of(room)]

    def _of(self, room: Room) -> list[Finding]:
        low, weights = room.free < LITTLE, room.what == _WEIGHTS
        if low or 0 <= room.files < LEAST_FILES:
            severe = not weights and (room.free < LEAST or 0 <= room.files < LEAST_FILES)
            left = format_size(room.free) if low else f"room for {room.files} more files"
            return [
                Finding(
                    check=self.name,
                    severity=Severity.ERROR if severe else Severity.WARNING,
                    subject=f"the disk of {room.where}",
                    summary=f"has {left} left ({room.what})",
                    consequence="The next download of weights stops half way." if weights
                    else "When it is full usage cannot be recorded, and what cannot be recorded is not served.",
                    advice="make room: old weights, old backups, logs of engines",
                )
            ]  # fmt: skip
        return []


def _places(site: Site) -> Iterator[tuple[Path, str]]:
    """Folders where the site has them, and what is in each; on one disk the first one counts."""
    yield site.real(site.paths.state), _STATE
    yield site.real(site.home), _HOME
    yield Path(at_site(site, LocalModel(name="", engine="ollama")).env["OLLAMA_MODELS"]), _WEIGHTS
    yield site.real(hub_folder_root(site.env, site.home)), _WEIGHTS
    with suppress(ConfigError):  # of which another check says that it cannot be read
        yield from ((weights_at(site, model.path).parent, _WEIGHTS) for model in site.loaded.local_models if model.path)
