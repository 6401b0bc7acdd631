"""How a target is asked: heads, bodies, and who reads its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.errors import RequestError
from glowplug.gateway.dialects import SHAPES, shape_of
from glowplug.gateway.kinds import KINDS, Kind, Peeked, kind_named
from glowplug.gateway.roads import Road, engine_heads, provider_heads, roads_of
from glowplug.gateway.shapes import AsIs
from glowplug.gateway.targets import Target
from glowplug.wire import anthropic, responses, sse
from glowplug.wire.multipart import peek as peek_form
from glowplug.wire.openai_values import Usage
from tests.gateway.rig import END, STREAM_HEAD, Rig, chat, cloud, events, local, payloads, snapshot, whole
from tests.wire.test_multipart import TYPE, form, part

EVERYTHING = local("m", capabilities=tuple(Capability))
SHAPE = AsIs(EVERYTHING)
ROADS = roads_of(SHAPE, EVERYTHING)
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


@pytest.mark.parametrize(("prefix", "name", "first"), [
    ("/v1", "chat", b"POST /v1/chat/completions HTTP/1.1"), ("/v1", "messages", b"POST /v1/messages HTTP/1.1"),
    ("", "rerank", b"POST /rerank HTTP/1.1"), ("/api/v1", "speech", b"POST /api/v1/audio/speech HTTP/1.1"),
    ("/v1", "count_tokens", b"POST /v1/messages/count_tokens HTTP/1.1"),
])  # fmt: skip
def test_heads_to_an_engine(prefix: str, name: str, first: bytes) -> None:
    head = engine_heads(ROADS, "127.0.0.1:9", prefix, "secret")[kind_named(name).index]
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
    head = provider_heads(ROADS, "h", "", "k", extra)[kind_named(name).index]
    assert [line for line in head.split(b"\r\n") if line.startswith((b"authorization", b"x-api-key"))] == credentials


def test_no_key_no_credentials_and_a_form_names_its_own_type() -> None:
    for head in (*engine_heads(ROADS, "h", "", ""), *provider_heads(ROADS, "h", "", "", {})):
        assert b"authorization" not in head
        assert b"x-api-key" not in head
    typed = {kind.name for kind in KINDS if b"content-type" in engine_heads(ROADS, "h", "", "")[kind.index]}
    assert typed == {kind.name for kind in KINDS if ROADS[kind.index] is not None and not kind.form}


@pytest.mark.parametrize(("name", "added"), [
    ("chat", {"max_tokens": 9}), ("completions", {"max_tokens": 9}), ("messages", {"max_tokens": 9}),
    ("responses", {"max_output_tokens": 9}), ("embeddings", {}), ("rerank", {}), ("count_tokens", {}), ("speech", {}),
])  # fmt: skip
def test_defaults_of_a_model(name: str, added: dict[str, Any]) -> None:
    kind = kind_named(name)
    road = _road(kind, request_defaults={"max_tokens": 9})
    assert road.splice == b"", "the shape is asked"
    text, way = road.begin(kind.read(b'{"model":"x"}'), "r1", "x")
    assert way is road
    assert json.loads(text) == {"model": "m", **added}
    assert _road(kind).splice == b'"m"', "nothing but the name: the shape need not be asked"


def _road(kind: Kind, **more: Any) -> Road:
    road = Target(local("m", capabilities=tuple(Capability), **more)).roads[kind.index]
    assert road is not None
    return road


def test_a_form_keeps_its_bytes() -> None:
    body = peek_form(form(part("model", b"x"), part("a", b"1")), TYPE)
    text, _ = _road(kind_named("transcriptions"), request_defaults={"max_tokens": 9}).begin(body, "r1", "x")
    assert text == form(part("model", b"m"), part("a", b"1"))


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
    assert SHAPE.splices
    assert isinstance(shape_of(cloud("c")), AsIs)


# ---- another wire behind the same client


class Loud:
    """Turns a stream of another wire into ours."""

    broken = ""

    def __init__(self) -> None:
        self.usage: Usage | None = None

    def is_last(self, out: bytes) -> bool:
        return sse.is_last(out)

    def feed(self, data: bytes) -> bytes:
        return data.upper().replace(b"DATA:", b"data:")

    def end(self) -> bytes:
        self.usage = Usage(prompt_tokens=1, completion_tokens=2)
        return b"data: [DONE]\n\n"


class Other:
    """A wire of somebody else: what is compiled takes no subclass that is not."""

    translates = True
    splices = False

    def __init__(self, route: ModelRoute) -> None:
        pass

    def path(self, kind: Kind) -> str:
        return f"/api/{kind.name}"

    def text(self, kind: Kind, body: Peeked) -> bytes:
        return json.dumps({"other": body.model}).encode()

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        return Loud()

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        return JSON, json.dumps({"status": status, "said": json.loads(data)}).encode()

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        return Usage(prompt_tokens=json.loads(data).get("n", 0), completion_tokens=4)


@pytest.fixture
def other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A local model whose engine speaks another wire, granted."""
    monkeypatch.setitem(SHAPES, Dialect.OLLAMA, Other)
    rig.apply(snapshot(models=(local("local", dialect=Dialect.OLLAMA),), aliases=()))
    rig.grant()
    return rig


def test_a_target_is_asked_in_its_own_wire(other: Rig) -> None:
    other.ask(chat("local"))
    top, _, body = other.up("i1").request.partition(b"\r\n\r\n")
    assert top.startswith(b"POST /v1/api/chat HTTP/1.1\r\n")
    assert body == b'{"other": "local"}'
    other.reply(whole())


@pytest.mark.parametrize("status", [200, 404])
def test_its_answers_are_told_in_ours(other: Rig, status: int) -> None:
    client = other.ask(chat("local"))
    other.reply(whole({"n": 3}, status))
    assert client.answer.json == {"status": status, "said": {"n": 3}}
    (end,) = other.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.status) == (3, 4, status)


def test_its_streams_are_told_in_ours(other: Rig) -> None:
    client = other.ask(chat("local", stream=True))
    other.reply(STREAM_HEAD + events({"a": "x"}) + END)
    assert payloads(client.answer.body) == [{"A": "X"}, "[DONE]"]
    (end,) = other.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.outcome) == (1, 2, "ok")


def test_what_cannot_be_said_in_it_is_for_the_next_target(other: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(self: Other, kind: Kind, body: Peeked) -> bytes:
        raise RequestError("There is no logit_bias in this wire")

    monkeypatch.setattr(Other, "text", unable)
    models = (local("local", dialect=Dialect.OLLAMA), cloud("cloud"))
    other.apply(snapshot(models=models, aliases=(AliasRoute(name="a", targets=("local", "cloud")),)))
    client = other.ask(chat("a"))
    other.reply(whole(), "cloud")
    assert client.answer.status == 200
    client = other.ask(chat("local"))
    assert (client.answer.status, client.answer.json["error"]["type"]) == (400, "invalid_request_error")


def test_a_new_revision_changes_the_wire(other: Rig) -> None:
    other.apply(snapshot(models=(local("local"),), aliases=()))
    client = other.ask(chat("local"))
    assert other.up("i1").request.startswith(b"POST /v1/chat/completions ")
    other.reply(whole())
    assert client.answer.status == 200
