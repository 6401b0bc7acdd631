"""The doctor as everybody asks it: the command line without a server, and the admin API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from glowplug.doctor import registry
from glowplug.doctor.base import Check
from glowplug.doctor.examine import Progress, examine, repair
from glowplug.doctor.repair import RealHands, Repairs
from glowplug.doctor.site import Foreign, Site
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Examination, Group


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """A check that can be asked for."""

    name: str
    group: Group
    title: str
    slow: bool


class RepairView(msgspec.Struct, frozen=True, kw_only=True):
    """A repair that was carried out."""

    id: str
    check: str
    at: float
    """Unix seconds."""
    changes: int
    undone_at: float | None


def _quiet(_title: str) -> None:
    """Nobody watches."""


class Doctor:
    """Examines one installation and repairs it.  Everything here waits, so it is never called on an event loop."""

    def __init__(self, site: Callable[[], Site]) -> None:
        """`site` makes a new one for each visit, because a site remembers what it has read."""
        self._site = site

    def beside(self, litellm: Foreign | None) -> Doctor:
        """The same one, which examines this LiteLLM too; itself where it is None."""
        if litellm is None:
            return self

        def site() -> Site:
            found = self._site()
            found.litellm = litellm
            return found

        return Doctor(site)

    def checks(self) -> list[CheckView]:
        """Raises Broken for one of another package that cannot be used."""
        return [CheckView(name=c.name, group=c.group, title=c.title, slow=c.slow) for c in registry.all_checks()]

    def examine(self, names: Sequence[str] = (), *, slow: bool = False, progress: Progress = _quiet) -> Examination:
        """Look at what was named (checks or groups), or at all.  Raises NotFound for a name that nobody has."""
        return examine(self._chosen(names, slow), self._site(), progress)

    def repair(self, names: Sequence[str] = (), *, slow: bool = False, progress: Progress = _quiet) -> Examination:
        """Carry out the remedies of these.  Raises NotFound."""
        site = self._site()
        return repair(self._chosen(names, slow), site, _repairs(site), (), progress)

    def repairs(self) -> list[RepairView]:
        """What was repaired, the newest first.  Raises StoreError."""
        return [
            RepairView(id=r.id, check=r.check, at=r.at, changes=len(r.did), undone_at=r.undone_at)
            for r in _records(self._site()).list()
            if r.did
        ]

    def undo(self, repair_id: str) -> tuple[str, ...]:
        """Put back what a repair changed: the steps.  Raises NotFound, Conflict, StoreError, OSError."""
        return _repairs(self._site()).undo(repair_id)

    def _chosen(self, names: Sequence[str], slow: bool) -> list[Check[Any]]:
        return registry.chosen(registry.all_checks(), names, slow=slow)


def _records(site: Site) -> UndoRecords:
    return UndoRecords(site.real(site.paths.repairs))


def _repairs(site: Site) -> Repairs:
    return Repairs(RealHands(site), _records(site))
