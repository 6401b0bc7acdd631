from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from glowplug.domain.price import Price, Rates
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome
from glowplug.errors import StoreError
from glowplug.store import prices, rollups
from glowplug.store.attempts import AttemptStore, add_closed, add_opened
from glowplug.store.database import Database
from glowplug.store.lines import CLOSED, INTERRUPTED, OPEN
from glowplug.store.tables import attempts
from tests.ledger.builders import closed, opened


def rows(database: Database) -> list[dict[str, Any]]:
    found = database.call(lambda c: c.execute(select(attempts).order_by(attempts.c.request)).mappings().all())
    return [dict(row) for row in found]


@pytest.fixture
def store(database: Database) -> AttemptStore:
    return AttemptStore(database)


def test_every_member_of_a_record_is_in_its_row(database: Database, store: AttemptStore) -> None:
    begun = AttemptOpened("r1", 2, "k", "asked", "m", "/v1/x", 1_764_000_000.5, 7, "u", "t", ("g",))
    ended = AttemptClosed(
        "r2", 3, "k", "asked", "m", "/v1/x", 1_764_000_000.5, 1.5, 0.25, 502, Outcome.TIMEOUT, 11, 12, 13, True, True,
        "v", "w", ("h", "i"), 14, 15, 16, 17, 18, "p", 0, "first", "x",
    )  # fmt: skip
    store.absorb("w", "s", 1, [begun], [ended])
    first, second = rows(database)
    shared = {
        "worker": "w", "day": "2025-11-24", "key": "k", "asked": "asked", "model": "m", "path": "/v1/x",
        "started": 1_764_000_000.5, "energy_mj": None,
    }  # fmt: skip
    assert first == {
        **shared, "request": "r1", "attempt": 2, "state": OPEN, "duration": 0.0, "first_byte": 0.0, "status": 0,
        "outcome": "", "prompt_tokens": 7, "completion_tokens": 0, "cached_tokens": 0, "estimated": True,
        "streamed": False, "user": "u", "team": "t", "tags": ["g"], "cache_written": 0, "reasoning": 0,
        "prompt_audio": 0, "completion_audio": 0, "cost": 0, "price": "", "reason": "", "trace": "",
    }  # fmt: skip
    assert second == {
        **shared, "request": "r2", "attempt": 3, "state": CLOSED, "duration": 1.5, "first_byte": 0.25, "status": 502,
        "outcome": "timeout", "prompt_tokens": 11, "completion_tokens": 12, "cached_tokens": 13, "estimated": True,
        "streamed": True, "user": "v", "team": "w", "tags": ["h", "i"], "cache_written": 14, "reasoning": 15,
        "prompt_audio": 16, "completion_audio": 17, "cost": 18, "price": "p", "reason": "first", "trace": "x",
    }  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(["open", "close", "settle"])))
def test_an_attempt_only_moves_up_in_whatever_order_it_is_told(
    database: Database, store: AttemptStore, order: tuple[str, ...]
) -> None:
    steps = {
        "open": lambda: store.absorb("w", "s", 1, [opened("a")], []),
        "close": lambda: store.absorb("w", "s", 2, [], [closed("a", prompt=42)]),
        "settle": lambda: store.settle("w"),
    }
    for _ in range(2):
        for step in order:
            steps[step]()
    [row] = rows(database)
    assert (row["state"], row["outcome"], row["prompt_tokens"]) == (CLOSED, "ok", 42)


def test_what_is_closed_is_not_closed_again_otherwise(database: Database, store: AttemptStore) -> None:
    store.absorb("w", "s", 1, [], [closed("a", prompt=1)])
    store.absorb("w", "s", 2, [], [closed("a", prompt=99), closed("a", 1, prompt=5)])
    assert [(row["attempt"], row["prompt_tokens"]) for row in rows(database)] == [(0, 1), (1, 5)]


def test_settling_touches_the_open_attempts_of_that_worker_only(database: Database, store: AttemptStore) -> None:
    store.absorb("w", "s", 1, [opened("a"), opened("b")], [closed("b")])
    store.absorb("x", "t", 1, [opened("c")], [])
    assert store.open_workers() == {"w", "x"}
    assert store.settle("w") == 1
    assert store.settle("w") == 0
    assert [(row["request"], row["state"], row["outcome"]) for row in rows(database)] == [
        ("a", INTERRUPTED, "interrupted"), ("b", CLOSED, "ok"), ("c", OPEN, ""),
    ]  # fmt: skip
    assert store.open_workers() == {"x"}


def test_what_is_interrupted_costs_its_estimate_until_the_truth_turns_up(
    database: Database, store: AttemptStore
) -> None:
    old, new = (Price(version=name, rates=Rates(prompt=rate), request=9) for name, rate in (("1", 1), ("2", 5_000_000)))
    database.call(lambda c: (prices.note(c, {"m": old}, 1.0), prices.note(c, {"m": new}, 2.0)))
    store.absorb("w", "s", 1, [opened("a"), opened("b", model="unpriced")], [])
    assert database.call(rollups.stored) == {}
    store.settle("w")
    found = {row["request"]: (row["cost"], row["price"]) for row in rows(database)}
    assert found == {"a": (35, "2"), "b": (0, "")}
    [hour] = {hour for _, _, hour in database.call(rollups.stored)}
    assert database.call(rollups.stored)["all", "", hour] == (35, 14, 0, 2)
    for _ in range(2):
        store.absorb("w", "s", 2, [], [closed("a", prompt=100)])
    sums = database.call(rollups.stored)
    assert sums["all", "", hour] == (301, 107, 5, 2)
    assert sums["tag", "b", hour] == sums["model", "m", hour] == (301, 100, 5, 1)
    assert sums["user", "ann", hour] == sums["key", "k", hour] == sums["all", "", hour]
    assert sums == database.call(rollups.computed)


def test_what_is_interrupted_costs_by_the_price_it_began_with(database: Database, store: AttemptStore) -> None:
    old, new = (Price(version=name, rates=Rates(prompt=rate)) for name, rate in (("1", 1_000_000), ("2", 5_000_000)))
    database.call(lambda c: (prices.note(c, {"m": old}, 1.0), prices.note(c, {"m": new}, 2.0)))
    begun = [msgspec.structs.replace(opened(name), price=name) for name in ("1", "2", "3")]
    store.absorb("w", "s", 1, begun, [])
    store.settle("w")
    found = {row["request"]: (row["cost"], row["price"]) for row in rows(database)}
    assert found == {"1": (7, "1"), "2": (35, "2"), "3": (35, "2")}, "one that nobody wrote down costs the latest"


def test_positions_move_with_the_records_or_not_at_all(database: Database, store: AttemptStore) -> None:
    assert store.positions() == {}
    store.absorb("w", "s", 10, [opened("a")], [])
    store.absorb("w", "t", 5, [], [])
    store.absorb("w", "s", 20, [], [])
    assert store.positions() == {"s": 20, "t": 5}
    with pytest.raises(StoreError):
        store.absorb("w", "s", 30, [opened("b")], [closed("c", model=None)])  # type: ignore[arg-type]
    assert store.positions() == {"s": 20, "t": 5}
    assert [row["request"] for row in rows(database)] == ["a"], "all of it or nothing"
    store.forget(["s", "never"])
    store.forget([])
    assert store.positions() == {"t": 5}


def test_nothing_to_store_is_no_statement(database: Database) -> None:
    database.call(lambda c: (add_opened(c, "w", []), add_closed(c, "w", [])))
    assert rows(database) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12))
def test_folding_in_any_grouping_gives_the_same_rows(database: Database, told: list[tuple[str, bool]]) -> None:
    store = AttemptStore(database)
    database.call(lambda c: c.execute(attempts.delete()))
    for position, (request, ended) in enumerate(told):
        store.absorb("w", "s", position, [] if ended else [opened(request)], [closed(request)] if ended else [])
    one_by_one = rows(database)
    database.call(lambda c: c.execute(attempts.delete()))
    store.absorb("w", "s", 99, [opened(r) for r, e in told if not e], [closed(r) for r, e in told if e])
    assert rows(database) == one_by_one
