"""Users, teams and the audit log of one control process, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey
from glowplug.store.database import Database
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.standing import Standing, standing
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.users import UserBook

RETENTION = 400 * 86_400.0
"""Seconds that lines of the audit log are kept: a year and what a yearly look at it is late."""


@dataclass(frozen=True)
class People:
    """The books."""

    users: UserBook
    teams: TeamBook
    changes: ChangeLog


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
    return People(users, teams, changes)
