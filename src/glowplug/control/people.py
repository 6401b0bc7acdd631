"""Users, teams and the audit log of one control process, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey
from glowplug.domain.change import A_SIGNAL, THE_FILE, Actor
from glowplug.errors import StoreError
from glowplug.store.database import Database
from glowplug.usecases.changes import ChangeLog, reloaded
from glowplug.usecases.config import Reloaded
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.standing import Standing, standing
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.users import UserBook

_log = logging.getLogger(__name__)

RETENTION = 400 * 86_400.0
"""Seconds that lines of the audit log are kept: a year and what a yearly look at it is late."""


@dataclass(frozen=True)
class People:
    """The books."""

    users: UserBook
    teams: TeamBook
    changes: ChangeLog
    clock: Clock

    async def saved(self, what: Reloaded) -> None:
        """Write down what a saved configuration file changed.  A line that cannot be stored is logged: the file is in
        force by then, and has to be followed further."""
        await self._reloaded(THE_FILE, what)

    async def signalled(self, what: Reloaded) -> None:
        """The same of a reload that SIGHUP asked for, whether it changed something or not."""
        await self._reloaded(A_SIGNAL, what)

    async def _reloaded(self, actor: Actor, what: Reloaded) -> None:
        try:
            await self.changes.note(reloaded(actor, self.clock.unix(), what))
        except StoreError as error:
            _log.error("the audit log lacks a reload of %s: %s", ", ".join(what.changed) or "nothing", error)


async def open_people(database: Database, clock: Clock, changed: Callable[[], None], keys: KeyBook) -> People:
    """Read who there is, and let the keys know them.  Raises StoreError."""
    users = UserBook(database, clock, changed, keys)
    teams = TeamBook(database, clock, changed, keys, users)
    changes = ChangeLog(database, clock, lambda: RETENTION)

    def stands(key: ApiKey) -> Standing:
        return standing(key, users.find(key.user), teams.find(key.team))

    keys.connect(stands)
    await users.load()
    await teams.load()
    await changes.forget()
    return People(users, teams, changes, clock)
