"""Payloads do not depend on where the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate import payloads
from glowplug.translate.payloads import Payloads
from tests.translate.grammar import cut

STREAM = b': beat\n\nevent: x\ndata: {"a":1}\n\ndata:{"b":"\xc3\xbc"}\r\n\r\nid: 4\ndata: [DONE]'


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_cut(at: list[int]) -> None:
    reader = Payloads()
    found = [payload for piece in cut(STREAM, at) for payload in reader.feed(piece)] + reader.end()
    assert [payload.strip() for payload in found] == [b'{"a":1}', b'{"b":"\xc3\xbc"}', b"[DONE]"]
    assert reader.end() == []


def test_a_line_without_end_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "LONGEST", 10)
    reader = Payloads()
    assert reader.feed(b"data: 12") == []
    with pytest.raises(ValueError, match="longer than 10"):
        reader.feed(b"345")
