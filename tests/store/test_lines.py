"""Rows of tuples (that every member of a record is in its row is tested over the database, in test_attempts.py)."""

from __future__ import annotations

import json

import msgspec

from glowplug.domain.usage import Outcome
from glowplug.store.attempts import closed_figures
from glowplug.store.lines import CLOSED, CLOSED_COLUMNS, OPEN, OPENED_COLUMNS, Rows, day_of
from glowplug.store.tables import attempts
from tests.ledger.builders import closed, opened


def test_days_are_utc() -> None:
    assert [day_of(t) for t in (0.0, 86_399.9, 86_400.0)] == ["1970-01-01", "1970-01-01", "1970-01-02"]


def test_a_moment_before_midnight_is_not_rounded_into_the_next_day() -> None:
    assert day_of(1_764_028_800.0 - 2.0**-21) == "2025-11-24"


def test_a_row_has_what_the_check_looks_for() -> None:
    """`closed_figures` says the same in a way of its own."""
    make = Rows("w")
    for record in (closed("a"), closed("b", 3, key="other", day=1, outcome=Outcome.TIMEOUT), closed("c", model="x")):
        row = dict(zip(CLOSED_COLUMNS, make.closed(record), strict=True))
        assert (row.pop("state"), row.pop("worker")) == (CLOSED, "w")
        assert {**row, "tags": json.loads(str(row["tags"]))} == closed_figures(record)
        assert type(row["outcome"]) is str, "a driver may look at an enumeration twice"


def test_what_an_open_row_leaves_out_has_a_default() -> None:
    row = dict(zip(OPENED_COLUMNS, Rows("w").opened(opened("a", day=2)), strict=True))
    assert (row["state"], row["day"], row["prompt_tokens"]) == (OPEN, "2025-11-26", 7)
    for column in attempts.columns:
        assert column.name in row or column.server_default is not None or column.nullable


def test_all_columns_of_a_closed_row_are_told() -> None:
    """Or completing an open line would leave a value of its beginning."""
    assert {*CLOSED_COLUMNS, "energy_mj"} == {column.name for column in attempts.columns}
    assert len(set(CLOSED_COLUMNS)) == len(CLOSED_COLUMNS)


def test_tags_and_days_that_repeat_are_made_once() -> None:
    make = Rows("w")
    one, other = (make.closed(msgspec.structs.replace(closed(name), tags=("x", 'y"'))) for name in "ab")
    at = CLOSED_COLUMNS.index("tags")
    assert one[at] is other[at]
    assert one[at] == '["x", "y\\""]'
