"""Requests with all their attempts."""

from __future__ import annotations

import msgspec
import pytest

from glowplug.domain.usage import Outcome
from glowplug.store import requests
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.request_search import Wanted, search
from tests.ledger.builders import DAY, START, closed, opened


@pytest.fixture
def filled(database: Database) -> Database:
    ends = [
        closed("old", key="k1"),
        closed("twice", day=1, key="k2", outcome=Outcome.TIMEOUT),
        closed("twice", 1, day=1, key="k2", model="x", prompt=20),
        closed("same-a", day=2, key="k1"),
        closed("same-b", day=2, key="k1"),
    ]
    AttemptStore(database).absorb("w", "s", 1, [opened("running", day=3)], ends)
    return database


def test_the_newest_first_each_with_its_attempts(filled: Database) -> None:
    found = filled.call(lambda c: search(c, Wanted(), 9).requests)
    assert [one.request for one in found] == ["running", "same-b", "same-a", "twice", "old"]
    twice = found[3]
    assert [(one.attempt, one.model, one.outcome) for one in twice.attempts] == [(0, "m", "timeout"), (1, "x", "ok")]
    assert (twice.prompt_tokens, twice.completion_tokens, twice.cost, twice.outcome) == (30, 10, 31 + 61, "ok")
    assert (found[0].outcome, found[0].attempts[0].state) == ("", "open")
    assert (twice.user, twice.team, twice.tags) == ("ann", "web", ("a", "b"))


def test_some_by_name_in_this_order(filled: Database) -> None:
    found = filled.call(lambda c: requests.views(c, ["old", "nobody", "twice"]))
    assert [(one.request, len(one.attempts)) for one in found] == [("old", 1), ("twice", 2)]
    assert filled.call(lambda c: requests.find(c, "nobody")) is None


def test_the_index_leads_to_the_newest(filled: Database) -> None:
    if filled.engine.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL plans depends on how many rows there are")
    plan = filled.call(
        lambda c: c.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT request FROM attempts WHERE attempt = 0 AND (started, request) < (5, 'x')"
            " ORDER BY started DESC, request DESC LIMIT 3"
        ).all()
    )
    assert [row[3].partition(" (")[0] for row in plan] == ["SEARCH attempts USING COVERING INDEX attempts_newest"]


def test_requests_of_a_span_and_how_many(database: Database) -> None:
    lines = [closed(name, key=key, day=day) for name, key, day in (("a", "k1", 0), ("b", "k2", 1), ("c", "k1", 2))]
    AttemptStore(database).absorb("w", "s", 1, [], lines)
    start = lines[0].started
    for span, only, names in (
        ((start, start + 86_401), {}, ["b", "a"]),
        ((start, start + 86_400), {}, ["a"]),
        ((0.0, 1e12), {"key": "k1"}, ["c", "a"]),
    ):
        found = database.call(lambda c, s=span, o=only: requests.between(c, s, o, 9))
        assert [one.request for one in found] == names
        assert database.call(lambda c, s=span, o=only: requests.count(c, s, o)) == len(names)
    assert [one.request for one in database.call(lambda c: requests.between(c, (0.0, 1e12), {}, 1, 1))] == ["b"]


def test_who_asked_for_a_name_since_when(filled: Database) -> None:
    found = filled.call(lambda c: requests.askers(c, {"asked": START + DAY, "m": START + 2 * DAY}))
    assert [(one.key, one.user, one.requests, one.first, one.last) for one in found["asked"]] == [
        ("k", "ann", 1, START + 3 * DAY, START + 3 * DAY),
        ("k1", "ann", 2, START + 2 * DAY, START + 2 * DAY),
        ("k2", "ann", 1, START + DAY, START + DAY),
    ]
    assert found["m"] == ()
    assert filled.call(lambda c: requests.askers(c, {})) == {}


def test_each_name_has_its_own_moment(database: Database) -> None:
    ends = [msgspec.structs.replace(closed(f"{name}{day}", day=day), asked=name) for name in "ab" for day in range(3)]
    AttemptStore(database).absorb("w", "s", 1, [], ends)
    found = database.call(lambda c: requests.askers(c, {"a": START + DAY, "b": START + 2 * DAY, "c": 0.0}))
    assert {name: [one.requests for one in whose] for name, whose in found.items()} == {"a": [2], "b": [1], "c": []}
