"""Who still uses deprecated names, from the ledger."""

from __future__ import annotations

import msgspec

from glowplug.domain.snapshot import AliasRoute
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.usecases.deprecated import DeprecatedNames
from tests.ledger.builders import DAY, START, closed
from tests.usecases.managers import CATALOG

OLD = (
    AliasRoute(name="asked", targets=("cloud", "local"), deprecated=int(START + DAY)),
    AliasRoute(name="quiet", targets=("cloud",), deprecated=int(START)),
)


async def test_each_with_its_keys_since_it_is_deprecated(database: Database) -> None:
    ends = [closed(f"r{day}", key="k1" if day < 4 else "k2", day=day) for day in range(5)]
    names = DeprecatedNames(database, lambda: AttemptStore(database).absorb("w", "s", 1, [], ends))
    asked, quiet = await names.used(msgspec.structs.replace(CATALOG, aliases=(*CATALOG.aliases, *OLD)))
    assert (asked.name, asked.targets, asked.since) == ("asked", ("cloud", "local"), START + DAY)
    assert (asked.requests, asked.last) == (4, START + 4 * DAY)
    assert [(use.key, use.requests, use.first, use.last) for use in asked.uses] == [
        ("k2", 1, START + 4 * DAY, START + 4 * DAY), ("k1", 3, START + DAY, START + 3 * DAY),
    ]  # fmt: skip
    assert (quiet.requests, quiet.last, quiet.uses) == (0, None, ())


async def test_without_such_a_name_nothing_is_looked_at(database: Database) -> None:
    folds: list[int] = []
    assert await DeprecatedNames(database, lambda: folds.append(1)).used(CATALOG) == ()
    assert folds == []
