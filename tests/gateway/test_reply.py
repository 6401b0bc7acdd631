"""What a client receives, before and after a stream's head is out."""

from __future__ import annotations

import json

import pytest

from tests.gateway.rig import (
    ANSWER,
    STREAM,
    Rig,
    chat,
    payloads,
    whole,
)


@pytest.mark.parametrize("answer", [whole(ANSWER), whole({"error": {"message": "x"}}, 500), whole(b"{\n}", 400)])
def test_a_whole_answer_after_heartbeats_is_one_event(rig: Rig, answer: bytes) -> None:
    client = rig.ask(chat("local", stream=True))
    rig.later(1.1)
    rig.grant()
    rig.spin()
    rig.reply(answer, "i1")
    (payload,) = payloads(client.answer.body)
    assert payload == json.loads(answer.partition(b"\r\n\r\n")[2])
    assert client.answer.complete


@pytest.mark.parametrize("connection", [None, "keep-alive"])
def test_a_stream_to_http_1_0_ends_with_the_connection(rig: Rig, connection: str | None) -> None:
    headers = [f"Connection: {connection}"] if connection else []
    client = rig.ask(chat(stream=True), version="1.0", headers=headers)
    rig.reply(STREAM)
    assert client.answer.headers["connection"] == "close"
    assert "transfer-encoding" not in client.answer.headers
    assert payloads(client.answer.body) == [
        {"choices": [{"index": 0, "delta": {"content": "a"}}]},
        {"choices": [{"index": 0, "delta": {"content": "b"}}]},
        "[DONE]",
    ]
    assert client.wire.closing
