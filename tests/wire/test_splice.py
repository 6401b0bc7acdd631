"""Spans replaced in place."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire.splice import SENTINEL, mark, replaced


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5), st.binary(max_size=5)), max_size=6))
def test_only_the_spans_change(pieces: list[tuple[bytes, bytes, bytes]]) -> None:
    data = want = b""
    spots = []
    for kept, old, new in pieces:
        data += kept
        spots.append((len(data), len(data) + len(old)))
        data += old
        want += kept + new
    assert replaced(data, spots, [new for _, _, new in pieces]) == want


def test_marks_are_texts_that_differ() -> None:
    assert json.loads(mark(1)).startswith(SENTINEL)
    assert len({mark(number) for number in range(100)}) == 100
