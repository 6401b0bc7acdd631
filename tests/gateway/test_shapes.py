"""How a target is asked: heads, bodies, and who reads its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.gateway.kinds import KINDS, kind_named
from glowplug.gateway.shapes import AsIs, engine_heads, provider_heads, shape_of
from glowplug.gateway.tables import Target
from glowplug.wire import anthropic, responses, sse
from glowplug.wire.multipart import peek as peek_form
from tests.gateway.rig import cloud, local
from tests.wire.test_multipart import TYPE, form, part

SHAPE = AsIs(local("m"))
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


@pytest.mark.parametrize(("prefix", "name", "first"), [
    ("/v1", "chat", b"POST /v1/chat/completions HTTP/1.1"), ("/v1", "messages", b"POST /v1/messages HTTP/1.1"),
    ("", "rerank", b"POST /rerank HTTP/1.1"), ("/api/v1", "speech", b"POST /api/v1/audio/speech HTTP/1.1"),
    ("/v1", "count_tokens", b"POST /v1/messages/count_tokens HTTP/1.1"),
])  # fmt: skip
def test_heads_to_an_engine(prefix: str, name: str, first: bytes) -> None:
    head = engine_heads(SHAPE, "127.0.0.1:9", prefix, "secret")[kind_named(name).index]
    lines = head.split(b"\r\n")
    assert lines[:3] == [first, b"host: 127.0.0.1:9", b"authorization: Bearer secret"]
    assert lines[-1] == b"content-length: "


@pytest.mark.parametrize(
    ("name", "extra", "credentials"),
    [
        ("chat", {}, [b"authorization: Bearer k"]),
        ("messages", {}, [b"x-api-key: k"]),
        ("messages", {"Authorization": "Bearer z"}, [b"authorization: Bearer z"]),
        ("chat", {"authorization": "Basic z"}, [b"authorization: Basic z"]),
        ("messages", {"X-Api-Key": "z"}, [b"x-api-key: z"]),
        ("chat", {"x-api-key": "z"}, [b"authorization: Bearer k", b"x-api-key: z"]),
    ],
)
def test_credentials_for_a_provider_are_there_once(name: str, extra: dict[str, str], credentials: list[bytes]) -> None:
    head = provider_heads(SHAPE, "h", "", "k", extra)[kind_named(name).index]
    assert [line for line in head.split(b"\r\n") if line.startswith((b"authorization", b"x-api-key"))] == credentials


def test_no_key_no_credentials_and_a_form_names_its_own_type() -> None:
    for head in (*engine_heads(SHAPE, "h", "", ""), *provider_heads(SHAPE, "h", "", "", {})):
        assert b"authorization" not in head
        assert b"x-api-key" not in head
    typed = {kind.name for kind in KINDS if b"content-type" in engine_heads(SHAPE, "h", "", "")[kind.index]}
    assert typed == {kind.name for kind in KINDS} - {"transcriptions"}


@pytest.mark.parametrize(("name", "added"), [
    ("chat", {"max_tokens": 9}), ("completions", {"max_tokens": 9}), ("messages", {"max_tokens": 9}),
    ("responses", {"max_output_tokens": 9}), ("embeddings", {}), ("rerank", {}), ("count_tokens", {}), ("speech", {}),
])  # fmt: skip
def test_defaults_of_a_model(name: str, added: dict[str, Any]) -> None:
    kind = kind_named(name)
    target = Target(local("m", request_defaults={"max_tokens": 9}))
    assert target.upstream_name == b"", "the shape is asked"
    text = target.shape.text(kind, kind.read(b'{"model":"x"}'))
    assert json.loads(text) == {"model": "m", **added}
    assert Target(local("m")).upstream_name == b'"m"', "nothing but the name: the shape need not be asked"


def test_a_form_keeps_its_bytes() -> None:
    body = peek_form(form(part("model", b"x"), part("a", b"1")), TYPE)
    target = Target(local("m", request_defaults={"max_tokens": 9}))
    assert target.shape.text(kind_named("transcriptions"), body) == form(part("model", b"m"), part("a", b"1"))


@pytest.mark.parametrize(("name", "body", "head", "watch"), [
    ("chat", {"stream": True}, EVENTS, sse.UsageFilter),
    ("chat", {"stream": True, "stream_options": {"include_usage": True}}, EVENTS, sse.UsageWatch),
    ("chat", {"stream": True}, JSON, None), ("chat", {}, EVENTS, None),
    ("embeddings", {"stream": True}, EVENTS, sse.UsageWatch),
    ("messages", {"stream": True}, EVENTS, anthropic.MessagesWatch),
    ("responses", {"stream": True}, EVENTS, responses.ResponsesWatch),
    ("speech", {}, JSON, sse.Through), ("speech", {}, EVENTS, responses.AudioWatch),
    ("speech", {"stream_format": "sse"}, EVENTS, responses.AudioWatch),
])  # fmt: skip
def test_who_reads_an_answer(name: str, body: dict[str, Any], head: bytes, watch: type | None) -> None:
    kind = kind_named(name)
    found = SHAPE.watch(kind, kind.read(json.dumps({"model": "x", **body}).encode()), head)
    assert found is None if watch is None else type(found) is watch


def test_whole_answers_are_not_changed() -> None:
    chat = kind_named("chat")
    body = chat.read(b'{"model":"x"}')
    assert SHAPE.translates is False
    assert SHAPE.whole(chat, body, 200, JSON, b"{}") == (JSON, b"{}")
    usage = SHAPE.usage(chat, b'{"usage":{"prompt_tokens":3}}')
    assert usage is not None
    assert usage.prompt_tokens == 3
    assert SHAPE.path(chat) == "/chat/completions"
    assert not SHAPE.adds
    assert isinstance(shape_of(cloud("c")), AsIs)
