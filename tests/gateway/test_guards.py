"""What survives a snapshot, and what follows the file of counters (see also test_limiting.py)."""

from __future__ import annotations

from math import inf
from pathlib import Path

import msgspec

from glowplug.domain.access import Role
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.snapshot import BudgetPeriod, KeyRoute
from glowplug.gateway.guards import scopes_of
from glowplug.gateway.tables import Key, Tables
from glowplug.routing.limits import RateLimit, SharedRate
from tests.gateway.metered import USER, Metered, budget, priced
from tests.gateway.rig import snapshot

TEAM = UseLimit(scope=Scope.TEAM, name="web", rpm=7, tpm=8, concurrency=9)


def _key(tables: Tables) -> Key:
    (found,) = tables.keys.values()
    return found


def test_a_key_is_in_these_scopes() -> None:
    assert scopes_of(KeyRoute(id="k", digest=b"", role=Role.USER)) == ((Scope.ALL, ""), (Scope.KEY, "k"))
    assert scopes_of(USER)[2:] == ((Scope.USER, "ann"), (Scope.TEAM, "web"), (Scope.TAG, "x"), (Scope.TAG, "y"))


def test_keys_without_limits_have_nothing_to_look_at() -> None:
    tables = Tables()
    tables.apply(snapshot())
    assert all(key.guard is None and key.meters == () for key in tables.keys.values())
    assert all(target.guard is None and not target.metered for target in tables.targets.values())


def test_what_was_counted_stays_while_the_limit_is_the_same(tmp_path: Path) -> None:
    metered = Metered(tmp_path, workers=2)
    tables = Tables(metered.guards())
    values = {"keys": (USER,), "models": (priced("cloud", tpm=5),), "aliases": ()}
    tables.apply(metered.snapshot((budget(10),), (TEAM,), **values))
    key = _key(tables)
    assert key.guard is not None
    before = (key.guard.rates, key.guard.tokens, key.guard.slots)
    assert [type(rate) for _, rate in (*before[0], *before[1])] == [SharedRate, SharedRate]
    (meter,) = key.meters
    meter.periods[0][1].add(4)
    tables.apply(metered.snapshot((budget(20),), (TEAM,), **values))
    again = _key(tables)
    assert again is key
    assert again.guard is not None
    assert (again.guard.rates, again.guard.tokens, again.guard.slots) == before
    assert again.meters[0].left(1.0) == 16
    tables.apply(metered.snapshot((), (UseLimit(scope=Scope.TEAM, name="web", rpm=6),), **values))
    assert again.guard is not None
    assert again.guard.rates != before[0]
    assert (again.guard.tokens, again.guard.slots, again.meters) == ((), (), ())


def test_rows_that_went_to_something_else_are_left(tmp_path: Path) -> None:
    metered = Metered(tmp_path)
    tables = Tables(metered.guards())
    tables.apply(metered.snapshot((budget(10),), keys=(USER,)))
    (old,) = _key(tables).meters
    account = old.periods[0][1]
    account.hold(5)
    row = metered.rows["budget b-key-user 0.0"]
    assert metered.control.reserved(row) == 5
    tables.apply(metered.snapshot((), keys=(USER,)))
    assert metered.control.reserved(row) == 0
    account.hold(-5)
    assert metered.control.reserved(row) == 0


def test_one_worker_shares_nothing(tmp_path: Path) -> None:
    metered = Metered(tmp_path, workers=1)
    tables = Tables(metered.guards())
    tables.apply(metered.snapshot((), (TEAM,), keys=(USER,)))
    guard = _key(tables).guard
    assert guard is not None
    assert [type(rate) for _, rate in (*guard.rates, *guard.tokens)] == [RateLimit, RateLimit]


def test_a_budget_without_a_row_lets_nothing_through(tmp_path: Path) -> None:
    metered = Metered(tmp_path)
    tables = Tables(metered.guards())
    snap = metered.snapshot((budget(10),), keys=(USER,))
    (route,) = snap.budgets
    nowhere = msgspec.structs.replace(route, periods=(BudgetPeriod(0.0, inf, -1),))
    tables.apply(msgspec.structs.replace(snap, budgets=(nowhere,), rows={}))
    assert _key(tables).meters[0].left(1.0) < 0


def test_another_file_of_counters_is_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first, second = Metered(tmp_path, 2), Metered(tmp_path / "other", 2)
    current = [first]
    tables = Tables(first.guards())
    tables._guards._open = lambda identity: current[0].guards()._open(identity)  # type: ignore[misc]
    for metered in (first, second):
        current[0] = metered
        tables.apply(metered.snapshot((budget(10),), (TEAM,), keys=(USER,)))
        _key(tables).meters[0].periods[0][1].hold(3)
        guard = _key(tables).guard
        assert guard is not None
        guard.slots[0][1].take()
        assert metered.control.reserved(metered.rows["budget b-key-user 0.0"]) == 3
        assert metered.control.reserved(metered.rows["concurrency 9 limit team web"]) == 1
