"""What is written means the same to readers of both versions of YAML."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.lines import plain_value
from glowplug.config.readers.plain import read_plain, words_1_1
from glowplug.config.writers.yaml_text import scalar, yaml_text
from tests.support.nested import nested

_texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.sampled_from(
        [
            "yes",
            "no",
            "null",
            "1e-6",
            "010",
            "1:30",
            "- a",
            "a: b",
            "#x",
            "*",
            "&a",
            "'",
            '"',
            "\\",
            "\x7f\x85\u2028",
            "{",
            "os.environ/X",
            "~",
            "[",
            "🙂",
            " a ",
            "1_000",
            ".5",
            "=",
            "\ufeff",
        ]
    ),
).filter(lambda text: text != "<<")  # which merges, whether it is quoted or not
_numbers = st.floats(1e-9, 1e12) | st.floats(-1e12, -1e-9) | st.just(0.0)
_values = nested(st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), _numbers, _texts), _texts)


@pytest.mark.parametrize("words", [plain_value, words_1_1])
@given(tree=st.dictionaries(_texts, _values, max_size=5))
def test_what_is_written_is_read_back(words: Any, tree: dict[str, Any]) -> None:
    assert read_plain(yaml_text(tree), "x", words).values == tree


def test_prices_are_numbers_for_everybody() -> None:
    assert (scalar(3e-06), scalar(1e16), scalar(0.1), scalar(2.0)) == ("0.000003", "10000000000000000.0", "0.1", "2.0")
    assert math.isclose(float(scalar(1.5e-07)), 1.5e-07)


def test_layout() -> None:
    text = yaml_text({"a": [{"b": 1, "c": [1, []]}, "x"], "d": {}, "e": {"f": None}})
    assert text == "a:\n  - b: 1\n    c:\n      - 1\n      - []\n  - x\nd: {}\ne:\n  f: null\n"
