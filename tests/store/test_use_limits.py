from __future__ import annotations

from glowplug.domain.budget import Scope, UseLimit
from glowplug.store import use_limits
from glowplug.store.database import Database


def test_a_scope_has_one_limit(database: Database) -> None:
    first = UseLimit(scope=Scope.TEAM, name="web", rpm=1, tpm=2, concurrency=3)
    second = UseLimit(scope=Scope.TEAM, name="web", tpm=1 << 40)
    other = UseLimit(scope=Scope.ALL, rpm=5)
    for limit in (first, second, other):
        database.call(lambda c, limit=limit: use_limits.put(c, limit))
    assert database.call(use_limits.every) == (other, second)
    gone = [(Scope.TEAM, "web"), (Scope.TEAM, "web"), (Scope.ALL, "")]
    assert [database.call(lambda c, w=which: use_limits.remove(c, *w)) for which in gone] == [True, False, True]
    assert database.call(use_limits.every) == ()
