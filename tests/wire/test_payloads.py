"""Payloads of a stream, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire.payloads import LONGEST, Payloads, TooLong

STREAM = b": hello\n\nevent: x\ndata: one\n\ndata:two\r\n\r\nid: 7\ndata: three\ndata: more\n\n\ndata: last"
EXPECTED = [b"one", b"two", b"three\nmore", b"last"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    reader = Payloads()
    edges = [0, *sorted(cuts), len(STREAM)]
    out = []
    for start, end in pairwise(edges):
        out += reader.feed(STREAM[start:end])
    assert out + reader.end() == EXPECTED


def test_an_event_comes_with_its_own_end() -> None:
    reader = Payloads()
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [b"a"]
    assert reader.end() == []


def test_an_event_without_end_is_refused() -> None:
    reader = Payloads()
    with pytest.raises(TooLong):
        reader.feed(b"data: " + b"x" * LONGEST)
