"""Whether speech is asked for as events."""

from __future__ import annotations

import json

import pytest

from glowplug.errors import RequestError
from glowplug.wire.audio import peek_speech


@pytest.mark.parametrize(("more", "stream"), [
    ({}, False), ({"stream_format": "sse"}, True), ({"stream_format": "audio"}, False), ({"stream": True}, False),
    ({"stream_format": None}, False), ({"input": '"stream_format":"sse"'}, False),
])  # fmt: skip
def test_streams(more: dict[str, object], stream: bool) -> None:
    data = json.dumps({"model": "m", **more}).encode()
    body = peek_speech(data)
    assert (body.model, body.stream, body.wants_usage) == ("m", stream, stream)
    assert body.spliced(b'"n"') == data.replace(b'"m"', b'"n"', 1)


def test_what_is_no_body() -> None:
    with pytest.raises(RequestError):
        peek_speech(b'{"stream_format":"sse"')
