"""Users, teams and the audit log of one control process, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey
from glowplug.domain.change import THE_FILE
from glowplug.errors import StoreError
from glowplug.store.database import Database
from glowplug.usecases.changes import ChangeLog, done
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

    async def saved(self, names: tuple[str, ...]) -> None:
        """Write down what a saved configuration file changed.  A line that cannot be stored is logged: the file is in
        force by then, and has to be followed further."""
        line = done(THE_FILE, self.clock.unix(), "reload", "config", "", {"changed": list(names)})
        try:
            await self.changes.note(line)
        except StoreError as error:
            _log.error("the audit log lacks a reload of %s: %s", ", ".join(names), error)


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
