from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.moving.litellm.values import Row, json_value, nano_dollars, whole_number
from tests.moving.litellm.rows.reading import notes, reading


@pytest.mark.parametrize(
    ("dollars", "nano"),
    [
        (0.1 + 0.2, 300_000_000),
        (1e-9, 1),
        (5e-10, 1),
        (4.9e-10, 0),
        (-0.25, -250_000_000),
        ("12.5", 12_500_000_000),
        (Decimal("0.000000001"), 1),
        (3, 3_000_000_000),
        (123456.789012345, 123_456_789_012_345),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (True, None),
        ("a lot", None),
        (None, None),
        ([1], None),
    ],
)
def test_dollars_become_whole_nano_dollars(dollars: object, nano: int | None) -> None:
    assert nano_dollars(dollars) == nano


@given(st.one_of(
    st.floats(-1.5, 1.5),
    st.integers(-(10**10), 10**10).map(lambda half: half / 2 / 1_000_000_000),
))  # fmt: skip
def test_small_amounts_are_those_of_their_decimals(dollars: float) -> None:
    """Also where they lie in the middle between two nano-dollars."""
    assert nano_dollars(dollars) == nano_dollars(repr(dollars))


@given(st.integers(0, 10**15))
def test_a_float_that_is_closest_to_nano_dollars_gives_exactly_these(nano: int) -> None:
    assert nano_dollars(nano / 1_000_000_000) == nano


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("600", 600),
        (" 7 ", 7),
        (8.0, 8),
        ("9.0", 9),
        (Decimal(10), 10),
        (1.5, None),
        ("1_000", None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        ("many", None),
        (None, None),
        ({}, None),
    ],
)
def test_whole_numbers(value: object, number: int | None) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ("[1]", [1]),
        ("{no json", "{no json"),
        ("text", "text"),
        (None, None),
    ],
)
def test_json_within_strings(stored: object, value: object) -> None:
    assert json_value(stored) == value


def test_a_row_reads_each_kind_and_missing_columns_as_nothing() -> None:
    row = Row("T", "1", {"n": "7", "m": 1.5, "f": True, "l": '["a", null, "a"]', "t": {"x": 1}, "at": 5.5}, reading())
    assert (row.whole("n"), row.money("m"), row.flag("f"), row.names("l")) == (7, 1_500_000_000, True, ("a",))
    assert (row.tree("t"), row.moment("at"), row.text("n")) == ({"x": 1}, 5.5, "7")
    nothing = (row.text("-"), row.whole("-"), row.money("-"), row.spent("-"), row.flag("-"), row.names("-"))
    assert nothing == ("", None, None, 0, False, ())
    assert (row.tree("-"), row.moment("-"), row.value("-")) == ({}, None, None)


def test_what_is_not_of_its_kind_reads_as_missing_and_is_noted() -> None:
    read = reading()
    row = Row("T", "1", {"n": "many", "m": "lots", "l": 5, "t": [1], "at": "noon", "nan": float("nan")}, read)
    assert (row.whole("n"), row.money("m"), row.names("l"), row.tree("t"), row.moment("at")) == (
        None,
        None,
        (),
        {},
        None,
    )
    assert row.money("nan") is None
    assert [note.where for note in read.notes] == ["T[1].n", "T[1].m", "T[1].l", "T[1].t", "T[1].at", "T[1].nan"]


def test_infinity_means_no_limit_and_is_nothing_odd() -> None:
    read = reading()
    row = Row("T", "1", {"m": float("inf"), "n": "Infinity", "at": float("inf")}, read)
    assert (row.money("m"), row.whole("n"), row.moment("at")) == (None, None, None)
    assert read.notes == []


def test_marked_ciphertext_in_metadata_is_left_out_and_named() -> None:
    read = reading()
    row = Row("T", "1", {"metadata": {"a": {"b": "litellm_enc::nothing"}, "c": "id"}}, read)
    assert row.metadata() == {"a": {}, "c": "id"}
    assert notes(read) == ["T[1].metadata.a.b: not a value (it is encrypted and none of the keys opens it)"]
