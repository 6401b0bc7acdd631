"""Sums by scope and hour (what keeps them equal to the lines is tested in tests/ledger/test_fold.py)."""

from __future__ import annotations

from sqlalchemy import update

from glowplug.store import rollups
from glowplug.store.attempts import AttemptStore, closed_figures
from glowplug.store.database import Database
from glowplug.store.rollups import Sum
from glowplug.store.tables import spend
from tests.ledger.builders import START, closed

HOUR = int(START // 3600)


def test_a_line_counts_in_every_scope_it_is_in_and_in_a_tag_once() -> None:
    row = {"key": "k", "model": "m", "user": "u", "team": "", "tags": ["x", "y", "x"], "started": START}
    assert rollups.places(row) == (
        ("all", "", HOUR), ("key", "k", HOUR), ("model", "m", HOUR), ("user", "u", HOUR), ("tag", "x", HOUR),
        ("tag", "y", HOUR),
    )  # fmt: skip


def test_whom_a_request_named_beside_the_user_of_its_key_is_a_user_too() -> None:
    row = {"key": "k", "model": "m", "user": "u", "team": "", "tags": ["end:kim"], "started": START}
    assert rollups.places(row)[3:] == (("user", "u", HOUR), ("tag", "end:kim", HOUR), ("user", "end:kim", HOUR))


def test_records_are_added_as_their_lines_are() -> None:
    records = [closed("a"), closed("b"), closed("c", key="other", model="x"), closed("d", day=1, prompt=99)]
    one: rollups.Sums = {("all", "", HOUR): Sum(1, 1, 1, 1)}
    other = dict(one)
    rollups.count_closed(one, records)
    for record in records:
        rollups.count(other, closed_figures(record))
    assert one == other
    assert one["all", "", HOUR] == Sum(1 + 3 * 31, 31, 16, 4)


def test_what_goes_wrong_is_found_and_made_anew(database: Database) -> None:
    AttemptStore(database).absorb("w", "s", 1, [], [closed("a"), closed("b", day=1)])
    right = database.call(rollups.stored)
    assert right["key", "k", HOUR] == Sum(31, 10, 5, 1)
    assert database.call(rollups.rebuild) == 0
    database.call(lambda c: c.execute(update(spend).where(spend.c.scope == "tag").values(nano=1)))
    wrong = database.call(rollups.stored)
    found = list(rollups.differences(right, wrong))
    assert [place[:2] for place, _, _ in found] == [("tag", "a")] * 2 + [("tag", "b")] * 2
    assert found[0][1:] == (Sum(31, 10, 5, 1), Sum(1, 10, 5, 1))
    assert database.call(rollups.rebuild) == 4
    assert database.call(rollups.stored) == right


def test_sums_that_come_to_nothing_are_nowhere(database: Database) -> None:
    place = ("all", "", 1)
    database.call(lambda c: rollups.move(c, {}))
    database.call(lambda c: rollups.move(c, {place: Sum(1, 2, 3, 1)}))
    database.call(lambda c: rollups.move(c, {place: Sum(-1, -2, -3, -1)}))
    assert database.call(rollups.stored) == {}
