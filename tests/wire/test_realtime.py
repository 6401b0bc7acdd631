"""The handshake and the usage of realtime sessions."""

from __future__ import annotations

import json

import pytest
from websockets.frames import Frame, Opcode

from glowplug.errors import RequestError
from glowplug.wire.realtime import Spent, accepted, asked_model, handshake, with_key

HEAD = b"POST /v1/realtime HTTP/1.1\r\nhost: h\r\nauthorization: Bearer up\r\ncontent-type: a\r\ncontent-length: 0"


def test_the_model_asked_for() -> None:
    assert asked_model(b"model=a%2Fb&x=1") == "a/b"
    assert asked_model(b"") == asked_model(b"intent=transcription") == ""


@pytest.mark.parametrize("query", [b"model=", b"model=a&model=b", b"model=a&model=", b"model=\xff", b"&" * 40 + b"a=1"])
def test_no_model(query: bytes) -> None:
    with pytest.raises(RequestError):
        asked_model(query)


@pytest.mark.parametrize(("headers", "key"), [
    ({b"sec-websocket-protocol": b"realtime, openai-insecure-api-key.sk-1"}, b"Bearer sk-1"),
    ({b"sec-websocket-protocol": b"openai-insecure-api-key.sk-1", b"authorization": b"Bearer b"}, b"Bearer b"),
    ({b"sec-websocket-protocol": b"realtime"}, None),
])  # fmt: skip
def test_where_the_key_is(headers: dict[bytes, bytes], key: bytes | None) -> None:
    assert with_key(headers).get(b"authorization") == key


def test_the_handshake_upstream_has_nothing_of_the_clients_credentials() -> None:
    headers = {
        b"sec-websocket-protocol": b"realtime, openai-insecure-api-key.sk-1",
        b"sec-websocket-key": b"abc", b"sec-websocket-version": b"13", b"cookie": b"c",
        b"authorization": b"Bearer sk-1",
        b"sec-websocket-extensions": b"permessage-deflate", b"openai-beta": b"realtime=v1",
    }  # fmt: skip
    sent = handshake(HEAD, "up name", b"model=m&intent=x%26y", headers)
    assert sent.split(b"\r\n") == [
        b"GET /v1/realtime?model=up+name&intent=x%26y HTTP/1.1", b"host: h", b"authorization: Bearer up",
        b"connection: Upgrade", b"upgrade: websocket", b"sec-websocket-key: abc", b"sec-websocket-version: 13",
        b"openai-beta: realtime=v1", b"sec-websocket-protocol: realtime", b"", b"",
    ]  # fmt: skip


@pytest.mark.parametrize(("query", "sent"), [
    (b"", b"model=up"), (b"x=1", b"model=up&x=1"), (b"intent=transcription", b"intent=transcription"),
    (b"intent=transcription&model=m", b"intent=transcription"),
])  # fmt: skip
def test_a_session_that_only_transcribes_names_no_model_upstream(query: bytes, sent: bytes) -> None:
    assert handshake(HEAD, "up", query, {}).startswith(b"GET /v1/realtime?%b HTTP/1.1\r\n" % sent)


def test_the_answer_to_the_client() -> None:
    head = b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: a\r\nset-cookie: c\r\nsec-websocket-protocol: realtime"
    assert accepted(head, b"x-a: 1\r\n") == (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: a\r\nsec-websocket-protocol: realtime\r\nx-a: 1\r\n\r\n"
    )


def _event(**members: object) -> bytes:
    return bytes(Frame(Opcode.TEXT, json.dumps(members).encode()).serialize(mask=False))


def test_usage_of_several_responses_is_added_up() -> None:
    spent = Spent()
    usage = {
        "input_tokens": 10, "output_tokens": 20, "input_token_details": {"cached_tokens": 3, "audio_tokens": 4},
        "output_token_details": {"audio_tokens": 15},
    }  # fmt: skip
    spent.feed(_event(type="session.created"))
    assert spent.usage is None
    spent.feed(_event(type="response.done", response={"usage": usage}) * 2)
    spent.feed(_event(type="response.done", response={"usage": None}) + _event(type="x", text='"response.done"'))
    spent.feed(_event(type="response.done", response=7))
    found = spent.usage
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.cached_tokens) == (20, 40, 6)
    assert found.prompt_tokens_details is not None
    assert found.completion_tokens_details is not None
    assert (found.prompt_tokens_details.audio_tokens, found.completion_tokens_details.audio_tokens) == (8, 30)


TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
TOKENS = {"type": "tokens", "input_tokens": 10, "output_tokens": 20, "input_token_details": {"audio_tokens": 4}}


@pytest.mark.parametrize(("events", "counts"), [
    ([{"type": "session.updated", "session": {"type": "transcription"}}], (20, 40)),
    ([{"type": "transcription_session.created", "session": {"id": "s"}}], (20, 40)),
    ([{"type": "session.updated", "session": {"type": "realtime"}}], None),
    ([], None),
])  # fmt: skip
def test_transcripts_count_where_they_are_the_answer(events: list[dict[str, object]], counts: object) -> None:
    """In a conversation they are of another model, whose price is not the session's."""
    spent = Spent()
    for event in (*events, {"type": TRANSCRIBED, "usage": TOKENS}, {"type": TRANSCRIBED, "usage": TOKENS}):
        spent.feed(_event(**event))
    found = spent.usage
    assert (found and (found.prompt_tokens, found.completion_tokens)) == counts


def test_transcripts_of_vllm() -> None:
    spent = Spent()
    spent.feed(_event(type="session.created", id="s", created=1))
    spent.feed(_event(type="transcription.done", text="a", usage=None))
    assert spent.usage is None
    spent.feed(_event(type="transcription.done", text="a", usage={"prompt_tokens": 7, "completion_tokens": 0}))
    assert spent.usage is not None
    assert (spent.usage.prompt_tokens, spent.usage.completion_tokens) == (7, 0)


def test_what_is_billed_by_the_second_is_no_count() -> None:
    spent = Spent()
    spent.feed(_event(type="session.updated", session={"type": "transcription"}))
    spent.feed(_event(type=TRANSCRIBED, usage={"type": "duration", "seconds": 3.5}))
    assert spent.usage is None
