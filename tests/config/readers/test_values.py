"""Foreign values that are none here."""

from __future__ import annotations

import math

import pytest

from glowplug.config.readers import values
from glowplug.config.secrets import expand


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), ("1e-6", 1e-6), (" 2.5 ", 2.5), (True, None), ("x", None), (math.inf, None), (1 << 80, None), ("", None),
     ([1], None)],
)  # fmt: skip
def test_numbers(value: values.Value, number: float | None) -> None:
    assert values.number(value) == number


def test_whole_numbers_stay_within_bounds() -> None:
    assert [values.whole(item, 1, 10) for item in (1, 10, "7", 2.0, 0, 11, 2.5, "x", True, None)] == [
        1, 10, 7, 2, None, None, None, None, None, None,
    ]  # fmt: skip


def test_durations() -> None:
    given = (30, "30d", "1h30m", 0.25, 0, -1, "soon", 1e12, True)
    assert [values.seconds(item) for item in given] == [30, 2592000, 5400, 0.25, None, None, None, None, None]
    assert values.seconds(0, zero=True) == 0


def test_shapes() -> None:
    assert values.as_dict([1]) == {}
    assert (values.as_list(None), values.as_list("a"), values.as_list(["a"])) == ([], ["a"], ["a"])
    assert [values.as_text(item) for item in ("a", 1, 1.5, True, None, [1])] == ["a", "1", "1.5", "", "", ""]
    assert values.as_words(["a", 1, None, {}]) == ["a", "1"]
    assert [values.is_true(item) for item in (True, "True", "yes", False, 1)] == [True, True, False, False, False]


@pytest.mark.parametrize("text", ["${HOME}", "$${x", "a${b}c", "$", "$$", "${"])
def test_escaped_text_means_itself_in_our_file(text: str) -> None:
    expanded = expand(values.escaped(text), {})
    assert (expanded.text, expanded.malformed) == (text, "")


def test_single_values_of_requests() -> None:
    assert values.member("${x}") == "$${x}"
    assert [values.member(item) for item in (1, 0.5, False, None, [1], {}, math.nan, 1 << 70)] == [
        1, 0.5, False, None, None, None, None, None,
    ]  # fmt: skip


def test_zero_bytes_and_halves_of_characters_cannot_be_said() -> None:
    assert values.sayable({"a": ["b", {"c": 1}]})
    assert not values.sayable({"a": ["b\0"]})
    assert not values.sayable({"\ud800": 1})
