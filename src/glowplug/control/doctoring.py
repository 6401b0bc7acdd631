"""The doctor of a running server: one visit at a time, on a thread; what it repairs stands in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from glowplug.doctor.doctor import CheckView, Doctor, RepairView
from glowplug.doctor.site import Foreign, Site
from glowplug.domain.change import Actor
from glowplug.domain.finding import Examination
from glowplug.errors import Conflict
from glowplug.paths import Paths
from glowplug.usecases.changes import ChangeLog

_NOUN = "repair"


class Doctoring:
    """Examinations, repairs and their undoing, for the admin API."""

    def __init__(self, doctor: Doctor, log: ChangeLog) -> None:
        self._doctor = doctor
        self._log = log
        self._visit = asyncio.Lock()

    async def checks(self) -> list[CheckView]:
        return await asyncio.to_thread(self._doctor.checks)

    async def examine(self, names: Sequence[str], *, slow: bool, litellm: Foreign | None = None) -> Examination:
        """`litellm`: what is examined beside this installation.  Raises NotFound for a name that nobody has."""
        async with self._visit:
            return await asyncio.to_thread(partial(self._doctor.beside(litellm).examine, names, slow=slow))

    async def repair(
        self, names: Sequence[str], *, slow: bool, actor: Actor, litellm: Foreign | None = None
    ) -> Examination:
        """Raises NotFound.  Each repair that was carried out is a line of the audit log."""
        async with self._visit:
            found = await asyncio.to_thread(partial(self._doctor.beside(litellm).repair, names, slow=slow))
            for one in found.repaired:
                if one.undo:
                    what = {"check": one.check, "steps": list(one.done)}
                    await self._log.note(self._log.line(actor, "create", _NOUN, one.undo, what))
            return found

    async def repairs(self) -> list[RepairView]:
        """Raises StoreError."""
        return await asyncio.to_thread(self._doctor.repairs)

    async def undo(self, repair_id: str, actor: Actor, litellm: Foreign | None = None) -> tuple[str, ...]:
        """`litellm`: whose database it was about.  Raises NotFound, Conflict, StoreError."""
        async with self._visit:
            try:
                undone = await asyncio.to_thread(self._doctor.beside(litellm).undo, repair_id)
            except OSError as error:
                raise Conflict(
                    f"the repair {repair_id} could not be undone: {error}", hint="what was undone stays so; try again"
                ) from None
            if undone:
                what = {"steps": list(undone)}
                await self._log.note(self._log.line(actor, "undo", _NOUN, repair_id, what))
            return undone


def doctoring(paths: Paths, config: Callable[[], Path | None], log: ChangeLog) -> Doctoring:
    """For the installation that runs here."""
    return Doctoring(Doctor(lambda: Site(paths=paths, config=config())), log)
