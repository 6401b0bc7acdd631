"""How an endpoint reaches a target that does not have it: the shortest chain of translations, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.errors import RequestError
from glowplug.gateway import targets
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.roads import EDGES, Edge, provider_heads, roads_of
from glowplug.gateway.shapes import AsIs
from glowplug.translate.base import Asked, Translation, Untranslatable
from tests.gateway.rig import END, STREAM_HEAD, Rig, cloud, delta, events, request, snapshot, whole
from tests.support.compiled import compiled

MESSAGES = {"model": "cloud", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


class Shouted:
    """A stream in capitals that ends with the upstream's `[DONE]`."""

    def __init__(self) -> None:
        self.broken = ""
        self.done = False

    def feed(self, data: bytes) -> bytes:
        self.done = b"[DONE]" in data
        self.broken = "it sulks" if b"sulk" in data else ""
        return b"" if self.broken else data.upper().replace(b"DATA:", b"data:")

    def end(self) -> bytes:
        return b""


class Toy:
    """A translation one can see through: it says what it got."""

    def __init__(self, data: bytes, asked: Asked) -> None:
        body = json.loads(data)
        if "bad" in body:
            raise RequestError("`bad` cannot be said")
        self.request = json.dumps({**body, "was": [*body.get("was", ()), asked.model]}).encode()

    def whole(self, data: bytes) -> bytes:
        body = json.loads(data)
        if "senseless" in body:
            raise Untranslatable("it makes no sense")
        return json.dumps({"toy": body}).encode()

    def failure(self, status: int, data: bytes) -> bytes:
        return json.dumps({"toy failed": status}).encode()

    def stream(self) -> Shouted:
        return Shouted()


def toy(data: bytes, asked: Asked) -> Translation:
    return Toy(data, asked)


TOYS = (Edge("messages", "chat", toy), Edge("chat", "responses", toy), Edge("responses", "chat", toy))


@pytest.fixture
def toys(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A provider with chat completions only, and a way to put messages to it."""
    if compiled():
        pytest.skip("native code finds its own `roads_of`, whatever its module says")
    monkeypatch.setattr(targets, "roads_of", lambda shape, route: roads_of(shape, route, TOYS))
    rig.apply(snapshot(models=(cloud("cloud", capabilities=(Capability.CHAT,)),), aliases=()))
    return rig


def ask(rig: Rig, **more: Any) -> Any:
    client = rig.client().send(request({**MESSAGES, **more}, path="/v1/messages", headers=["anthropic-beta: x"]))
    rig.spin()
    return client


@pytest.mark.parametrize(("kind", "native", "chain"), [
    ("messages", {Capability.MESSAGES, Capability.CHAT}, []),
    ("messages", {Capability.CHAT}, ["chat"]),
    ("messages", {Capability.RESPONSES}, ["chat", "responses"]),
    ("chat", {Capability.RESPONSES}, ["responses"]),
    ("chat", {Capability.MESSAGES}, None),
    ("embeddings", {Capability.CHAT}, None),
])  # fmt: skip
def test_the_shortest_road(kind: str, native: set[Capability], chain: list[str] | None) -> None:
    route = cloud("c", capabilities=tuple(native))
    road = roads_of(AsIs(route), route, TOYS)[kind_named(kind).index]
    assert (None if road is None else [edge.into for edge in road.edges]) == chain
    if road is not None:
        assert road.upstream.name == (chain or [kind])[-1]
        assert road.translates is bool(chain)


def test_a_body_goes_in_the_other_wire_with_the_targets_name_and_without_the_clients_fields(toys: Rig) -> None:
    ask(toys)
    top, _, body = toys.up("cloud").request.partition(b"\r\n\r\n")
    assert top.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"anthropic" not in top
    assert json.loads(body) == {**MESSAGES, "model": "up-cloud", "was": ["cloud"]}


def test_an_answer_comes_back_and_is_accounted_in_the_upstreams_words(toys: Rig) -> None:
    client = ask(toys)
    toys.reply(whole({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, 200, "content-language: de"), "cloud")
    assert client.answer.json == {"toy": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}
    assert "content-language" not in client.answer.headers
    (end,) = toys.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.path) == (3, 4, "messages")


def test_a_refusal_comes_back_with_what_its_head_says(toys: Rig) -> None:
    client = ask(toys)
    toys.reply(whole({"error": {}}, 400, "retry-after: 7"), "cloud")
    assert (client.answer.status, client.answer.json) == (400, {"toy failed": 400})
    assert client.answer.headers["retry-after"] == "7"


def test_an_answer_without_sense_is_the_upstreams_fault(toys: Rig) -> None:
    client = ask(toys)
    toys.reply(whole({"senseless": 1}), "cloud")
    assert client.answer.status == 502
    assert toys.journal.ends[0].outcome == "upstream_error"


def test_a_stream_passes_through_the_translation_and_ends_with_it(toys: Rig) -> None:
    client = ask(toys, stream=True, stream_options={"include_usage": True})
    toys.reply(STREAM_HEAD + events(delta("a")), "cloud")
    assert b'data: {"CHOICES"' in client.wire.data
    assert not toys.journal.ends
    toys.reply(events("[DONE]"), "cloud")
    assert toys.journal.ends[0].outcome == "ok", "settled with the event that ends it"
    toys.reply(END, "cloud")
    assert client.answer.complete


def test_a_stream_that_breaks_in_the_translation_is_broken(toys: Rig) -> None:
    client = ask(toys, stream=True)
    toys.reply(STREAM_HEAD + events(delta("a")), "cloud")
    toys.reply(events(delta("sulk")), "cloud")
    assert not client.answer.complete
    assert b"it sulks" in client.answer.body
    assert toys.journal.ends[0].outcome == "upstream_error"


def test_what_cannot_be_said_is_refused_unsent(toys: Rig) -> None:
    client = ask(toys, bad=1)
    assert client.answer.status == 400
    assert not toys.journal.records


def test_a_provider_of_another_wire_is_sent_the_fields_that_wire_needs() -> None:
    route = cloud("c", capabilities=(Capability.MESSAGES,))
    roads = roads_of(AsIs(route), route, (Edge("chat", "messages", toy),))
    heads = provider_heads(roads, "h", "/v1", "k", {})
    translated, native = heads[kind_named("chat").index], heads[kind_named("messages").index]
    assert b"POST /v1/messages " in translated
    assert b"\r\nx-api-key: k\r\n" in translated
    assert b"\r\nanthropic-version: 2023-06-01\r\n" in translated
    assert b"anthropic-version" not in native, "there the client's own is forwarded"


CHAT_AND_MESSAGES = cloud("m", capabilities=(Capability.CHAT, Capability.MESSAGES))


@pytest.mark.parametrize(
    ("kind", "extra", "known", "expected"),
    [
        ("chat", {}, True, {"authorization": "Bearer k"}),
        ("chat", {}, False, {"authorization": "Bearer k"}),
        ("messages", {}, True, {"x-api-key": "k"}),
        ("messages", {}, False, {"x-api-key": "k", "authorization": "Bearer k"}),
        ("chat", {"Api-Key": "own"}, True, {"api-key": "own"}),
        ("messages", {"authorization": "Bearer own"}, True, {"authorization": "Bearer own"}),
        ("messages", {"X-API-Key": "own"}, False, {"x-api-key": "own"}),
    ],
)
def test_where_a_provider_finds_its_key(
    kind: str, extra: dict[str, str], known: bool, expected: dict[str, str]
) -> None:
    roads = roads_of(AsIs(CHAT_AND_MESSAGES), CHAT_AND_MESSAGES)
    head = provider_heads(roads, "h", "/v1", "k", extra, known=known)[kind_named(kind).index].decode()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-1])
    assert {name: fields[name] for name in ("authorization", "x-api-key", "api-key") if name in fields} == expected


def test_every_row_leads_from_one_endpoint_to_another() -> None:
    assert all(kind_named(edge.kind) is not kind_named(edge.into) for edge in EDGES)
    assert len({(edge.kind, edge.into) for edge in EDGES}) == len(EDGES)
    assert Dialect.OLLAMA  # its shape stands behind the last endpoint of a road, whatever leads there


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_an_engine_that_knows_only_openais_words_for_errors(rig: Rig, path: str) -> None:
    rig.apply(snapshot(models=(cloud("cloud", capabilities=(Capability.MESSAGES,)),), aliases=()))
    client = rig.ask(MESSAGES, path=path)
    rig.reply(whole({"error": {"message": "too long", "code": 400}}, 400, "retry-after: 7"), "cloud")
    assert client.answer.status == 400
    assert client.answer.json == {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
    assert client.answer.headers["retry-after"] == "7"


def test_an_error_in_the_clients_words_passes_as_it_came(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud", capabilities=(Capability.MESSAGES,)),), aliases=()))
    client = rig.ask(MESSAGES, path="/v1/messages")
    body = b'{ "type":"error","error":{"type":"new_error","message":"x"} }'
    rig.reply(whole(body, 400), "cloud")
    assert client.answer.body == body


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/chat/completions", {"messages": []}), ("/v1/messages", {"messages": MESSAGES["messages"], "max_tokens": 9}),
    ("/v1/responses", {"input": "x"}), ("/api/chat", {"messages": MESSAGES["messages"]}),
    ("/v1/embeddings", {"input": "x"}),
])  # fmt: skip
def test_an_error_in_a_list_is_told_in_the_clients_words(rig: Rig, path: str, body: dict[str, Any]) -> None:
    """Gemini's OpenAI wire puts one around it."""
    client = rig.ask({"model": "cloud", **body}, path=path)
    rig.reply(whole([{"error": {"code": 400, "message": "Too long.", "status": "INVALID_ARGUMENT"}}], 400), "cloud")
    error = client.answer.json["error"]
    assert (client.answer.status, error if isinstance(error, str) else error["message"]) == (400, "Too long.")
