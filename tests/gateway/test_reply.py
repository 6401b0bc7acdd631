"""What a client receives, before and after a stream's head is out."""

from __future__ import annotations

import json

import pytest

from glowplug.errors import Unavailable
from glowplug.gateway.kinds import OPENAI
from glowplug.gateway.reply import Reply
from tests.gateway.rig import (
    ANSWER,
    STREAM,
    Client,
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


ERROR = Unavailable("no", retry_after=2.0)


def _reply(rig: Rig, *, http10: bool = False, keep: bool = True, cors: bytes = b"") -> tuple[Reply, Client]:
    client = rig.client()
    client.conn.http10, client.conn.keep, client.conn.cors = http10, keep, cors
    return Reply(client.conn, "req_1", OPENAI), client


@pytest.mark.parametrize(("http10", "keep", "connection"), [
    (False, True, None), (False, False, "close"), (True, True, "keep-alive"), (True, False, "close"),
])  # fmt: skip
def test_a_whole_answer(rig: Rig, http10: bool, keep: bool, connection: str | None) -> None:
    reply, client = _reply(rig, http10=http10, keep=keep, cors=b"vary: origin\r\n")
    reply.whole(201, b"x-a: 1\r\n", b"{}")
    answer = client.answer
    assert (answer.status, answer.body, answer.complete) == (201, b"{}", True)
    assert (answer.headers["x-a"], answer.headers["vary"]) == ("1", "origin")
    assert answer.headers.get("connection") == connection


@pytest.mark.parametrize(("http10", "keep"), [(False, True), (False, False), (True, True), (True, False)])
def test_a_stream_has_one_head_and_a_clean_end(rig: Rig, http10: bool, keep: bool) -> None:
    reply, client = _reply(rig, http10=http10, keep=keep, cors=b"vary: origin\r\n")
    reply.stream(b"data: 1\n\n", b"x-a: 1\r\n")
    reply.stream(b"data: 2\n\n", b"x-a: never again\r\n")
    reply.end_stream(b"data: 3\n\n", b"")
    answer = client.answer
    assert answer.body == b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
    assert answer.complete
    assert (answer.headers["x-a"], answer.headers["vary"]) == ("1", "origin")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers.get("connection") == ("close" if http10 or not keep else None)
    assert client.conn.keep is (keep and not http10), "HTTP/1.0 knows no chunks: the end is the end of the connection"


def test_a_stream_of_nothing_is_a_head_and_an_end(rig: Rig) -> None:
    reply, client = _reply(rig)
    reply.end_stream(b"", b"")
    assert (client.answer.status, client.answer.body, client.answer.complete) == (200, b"", True)


def test_nothing_is_written_for_nothing(rig: Rig) -> None:
    """An empty chunk would be the end of the stream."""
    reply, client = _reply(rig)
    reply.stream(b"data: 1\n\n", b"")
    before = client.wire.data
    reply.stream(b"", b"")
    assert client.wire.data == before


@pytest.mark.parametrize("begun", [False, True])
def test_an_error_before_and_inside_a_stream(rig: Rig, begun: bool) -> None:
    reply, client = _reply(rig)
    if begun:
        reply.stream(b": beat\n\n", b"")
    reply.error(ERROR, b"x-extra: 1\r\n")
    answer = client.answer
    assert answer.complete
    if begun:
        assert answer.status == 200
        (payload,) = payloads(answer.body)
    else:
        assert (answer.status, answer.headers["x-extra"], answer.headers["retry-after"]) == (503, "1", "2")
        payload = answer.json
    assert (payload["error"]["message"], payload["error"]["request_id"]) == ("no", "req_1")


def test_a_broken_stream_says_so_and_is_cut(rig: Rig) -> None:
    reply, client = _reply(rig)
    reply.stream(b"data: 1\n\n", b"")
    reply.break_stream(ERROR)
    assert payloads(client.answer.body)[-1]["error"]["code"] == "unavailable"
    assert not client.answer.complete
    assert not client.conn.keep


def test_a_body_of_many_lines_is_one_event(rig: Rig) -> None:
    reply, client = _reply(rig)
    reply.stream(b": beat\n\n", b"")
    reply.whole(500, b"", b'{\n "a":\r\n 1}\n')
    assert payloads(client.answer.body) == [{"a": 1}]


def test_after_the_client_has_left_nothing_is_written(rig: Rig) -> None:
    reply, client = _reply(rig)
    reply.detach()
    reply.stream(b"x", b"")
    reply.end_stream(b"x", b"")
    reply.whole(200, b"", b"x")
    reply.error(ERROR)
    reply.break_stream(ERROR)
    assert client.wire.data == b""
