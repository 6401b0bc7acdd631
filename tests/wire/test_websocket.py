"""Finding the text messages of a websocket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from glowplug.wire.websocket import Texts, closing


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    return bytes(Frame(Opcode(opcode), data, fin).serialize(mask=False))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """What a server sends, and the texts in it."""
    sent, texts = b"", []
    for _ in range(draw(st.integers(0, 6))):
        text = draw(st.booleans())
        sizes = draw(st.lists(st.sampled_from((0, 1, 125, 126, 300, 65_535, 65_536)), min_size=1, max_size=4))
        parts = [bytes([97 + number % 26]) * size for number, size in enumerate(sizes)]
        for number, part in enumerate(parts):
            opcode = 0 if number else 1 if text else 2
            sent += frame(opcode, part, fin=number == len(parts) - 1)
            if draw(st.booleans()):
                sent += frame(draw(st.sampled_from((8, 9, 10))), b"x" * draw(st.sampled_from((0, 5, 125))))
        if text:
            texts.append(b"".join(parts))
    return sent, texts


@given(conversations(), st.lists(st.integers(1, 70_000), min_size=1, max_size=8))
def test_every_text_is_found_however_it_is_cut(conversation: tuple[bytes, list[bytes]], cuts: list[int]) -> None:
    sent, texts = conversation
    reader = Texts()
    found: list[bytes] = []
    at = number = 0
    while at < len(sent):
        size = cuts[number % len(cuts)]
        found += reader.feed(sent[at : at + size])
        at += size
        number += 1
    assert found == texts
    assert not reader.broken


def test_one_byte_at_a_time() -> None:
    sent = frame(1, b"a" * 200) + frame(9, b"") + frame(1, b"b", fin=False) + frame(10, b"p") + frame(0, b"c")
    reader = Texts()
    assert [text for byte in sent for text in reader.feed(bytes([byte]))] == [b"a" * 200, b"bc"]


def test_a_long_message_is_passed_over_and_not_kept() -> None:
    reader = Texts(longest=10)
    assert reader.feed(frame(1, b"a" * 11) + frame(1, b"b" * 10)) == [b"b" * 10]
    assert reader.feed(frame(1, b"a" * 6, fin=False) + frame(0, b"a" * 6) + frame(1, b"c")) == [b"c"]


@pytest.mark.parametrize("wrong", [
    b"\xc1\x01a",  # compressed, which nobody asked for
    b"\x81\x81aaaaa",  # masked by a server
    b"\x83\x00", b"\x80\x01a", b"\x01\x01a\x81\x01b", b"\x09\x00", b"\x89\x7e\x01\x00", b"\x81\x7f" + b"\xff" * 8,
])  # fmt: skip
def test_what_is_no_websocket_ends_the_search(wrong: bytes) -> None:
    reader = Texts()
    assert reader.feed(wrong + frame(1, b"later")) == []
    assert reader.broken
    assert reader.feed(frame(1, b"later")) == []


@given(st.binary(max_size=200))
def test_any_bytes_do_no_harm(data: bytes) -> None:
    reader = Texts(longest=50)
    assert all(len(text) <= 50 for text in reader.feed(data))


def test_a_frame_of_ours_may_follow_where_none_is_open() -> None:
    whole = Frame(Opcode.TEXT, b"abc").serialize(mask=False)
    texts = Texts()
    assert texts.between
    for at in range(1, len(whole)):
        texts.feed(whole[at - 1 : at])
        assert not texts.between
    texts.feed(whole[-1:])
    assert texts.between


def test_the_frame_that_ends_a_websocket() -> None:
    assert closing(1008, "x" * 200) == Frame(Opcode.CLOSE, b"\x03\xf0" + b"x" * 123).serialize(mask=False)
