"""Books of people over one database, for tests."""

from __future__ import annotations

from glowplug.domain.change import Actor, Change
from glowplug.store import changes
from glowplug.store.database import Database
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.standing import standing
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.users import UserBook
from tests.still_clock import StillClock

PEPPER = b"p" * 32
ROOT = Actor(by="root", through="key_root", request="req_1")
KNOWN = frozenset(("a", "b", "openai/*"))


class People:
    """Keys, users and teams, and how often workers were told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = StillClock()
        self.told = 0
        self.keys = KeyBook(database, PEPPER, self.clock, self.tell)
        self.users = UserBook(database, self.clock, self.tell, self.keys)
        self.teams = TeamBook(database, self.clock, self.tell, self.keys, self.users)
        self.keys.connect(lambda key: standing(key, self.users.find(key.user), self.teams.find(key.team)))

    def tell(self) -> None:
        self.told += 1

    async def lines(self) -> list[Change]:
        """The audit log, oldest first."""
        return list(await self.database.run(lambda c: changes.newest(c, 1000)))[::-1]

    async def actions(self) -> list[str]:
        return [f"{line.action} {line.noun} {line.subject}" for line in await self.lines()]
