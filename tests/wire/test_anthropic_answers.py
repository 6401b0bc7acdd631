"""What a translation reads of messages: what is new passes over, what is none is refused."""

from __future__ import annotations

import msgspec
import pytest

from glowplug.wire.anthropic_answers import read_event, read_message


def test_an_event_of_each_place() -> None:
    event = read_event(b'{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"},"new":1}')
    assert event.delta is not None
    assert (event.type, event.index, event.delta.text) == ("content_block_delta", 1, "a")
    new = read_event(b'{"type":"new","delta":{"type":"citations_delta","citation":{}}}')
    assert new.delta is not None
    assert new.delta.text is None


def test_a_message_and_what_is_none() -> None:
    message = read_message(b'{"type":"message","content":[{"type":"new","x":[1]},{"type":"text","text":"a"}]}')
    assert [(block.type, block.text) for block in message.content] == [("new", None), ("text", "a")]
    for reader, data in ((read_event, b"{}"), (read_event, b"[DONE]"), (read_message, b"[]")):
        with pytest.raises(msgspec.DecodeError):
            reader(data)
