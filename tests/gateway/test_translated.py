"""Targets that speak Ollama's wire behind the gateway: what goes there, what clients see, what is accounted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.domain.usage import Outcome
from glowplug.errors import RequestError
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.roads import roads_of
from glowplug.gateway.targets import Instance
from glowplug.gateway.translated import OllamaWire
from glowplug.wire import link
from glowplug.wire.openai import peek
from tests.gateway.rig import END, MODELS, STREAM, Client, Rig, chat, payloads, snapshot, whole

NAME = "chat-mistral-7b-ollama"
OPTIONS: dict[str, bool | int | float | str] = {"num_ctx": 8192}
MISTRAL = ModelRoute(
    name=NAME, local=True, upstream_model="mistral:7b", dialect=Dialect.OLLAMA, engine_options=OPTIONS,
    capabilities=(Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS),
)  # fmt: skip
NDJSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
FIGURES = {"prompt_eval_count": 5, "eval_count": 2}


def said(text: str = "", **more: Any) -> bytes:
    value = {"model": "mistral:7b", "message": {"role": "assistant", "content": text}, "done": False, **more}
    return json.dumps(value).encode() + b"\n"


DONE = said(done=True, done_reason="stop", **FIGURES)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
def ollama(rig: Rig) -> Rig:
    """A rig whose Ollama model is granted; the alias `first` goes to the cloud when it fails."""
    alias = AliasRoute(name="first", targets=(NAME, "cloud"))
    rig.apply(snapshot(models=(*MODELS, MISTRAL), aliases=(alias,)))
    rig.grant(NAME, "i1", "/api")
    rig.uplink.take()
    return rig


def asked(rig: Rig) -> tuple[bytes, Any]:
    """The request line of what went to Ollama, and its body."""
    head, _, body = rig.up("i1").request.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], json.loads(body)


def content(client: Client) -> str:
    chunks = [one for one in payloads(client.answer.body) if one != "[DONE]" and one.get("choices")]
    return "".join(one["choices"][0]["delta"].get("content", "") for one in chunks)


def test_a_chat_goes_to_ollamas_own_api_with_everything_said(ollama: Rig) -> None:
    client = ollama.ask(chat(NAME, max_tokens=9))
    line, body = asked(ollama)
    assert line == b"POST /api/chat HTTP/1.1"
    assert body == {
        "model": "mistral:7b", "messages": [{"role": "user", "content": "hi"}], "stream": False, "keep_alive": -1,
        "options": {"num_predict": 9, "num_ctx": 8192},
    }  # fmt: skip
    ollama.reply(whole(said("Hello", done=True, done_reason="stop", **FIGURES)))
    answer = client.answer
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json["model"] == NAME and answer.json["choices"][0]["message"]["content"] == "Hello"
    assert answer.headers["x-glowplug-model"] == NAME
    [end] = ollama.journal.ends
    assert (end.outcome, end.prompt_tokens, end.completion_tokens, end.estimated) == (Outcome.OK, 5, 2, False)


def test_a_stream_becomes_events_as_it_comes(ollama: Rig) -> None:
    client = ollama.ask(chat(NAME, stream=True, stream_options={"include_usage": True}))
    assert asked(ollama)[1]["stream"] is True
    first = said("Hel")
    ollama.reply(NDJSON + chunk(first[:20]))
    assert client.wire.data == b""
    ollama.reply(chunk(first[20:]))
    assert b'"content":"Hel"' in client.wire.data, "each line as soon as it is there"
    ollama.reply(chunk(said("lo") + DONE))
    assert len(ollama.journal.ends) == 1, "settled before the client's last byte"
    ollama.reply(END)
    assert content(client) == "Hello" and client.answer.complete
    assert client.answer.headers["content-type"].startswith("text/event-stream")
    *_, usage, last = payloads(client.answer.body)
    assert last == "[DONE]" and usage["usage"]["total_tokens"] == 7 and usage["choices"] == []
    [end] = ollama.journal.ends
    assert (end.outcome, end.prompt_tokens, end.completion_tokens, end.streamed) == (Outcome.OK, 5, 2, True)


def test_usage_is_accounted_and_not_shown_to_who_did_not_ask(ollama: Rig) -> None:
    client = ollama.ask(chat(NAME, stream=True))
    ollama.reply(NDJSON + chunk(said("Hi") + DONE.rstrip(b"\n")) + END)
    assert b'"usage"' not in client.answer.body and payloads(client.answer.body)[-1] == "[DONE]"
    assert ollama.journal.ends[0].completion_tokens == 2


def test_completions_and_embeddings_have_their_own_calls(ollama: Rig) -> None:
    client = ollama.ask({"model": NAME, "prompt": "Once"}, path="/v1/completions")
    assert asked(ollama)[0] == b"POST /api/generate HTTP/1.1"
    ollama.reply(whole(json.dumps({"response": " upon", "done": True, **FIGURES}).encode()))
    assert client.answer.json["choices"][0]["text"] == " upon"
    client = ollama.ask({"model": NAME, "input": "x", "encoding_format": "base64"}, path="/v1/embeddings")
    line, body = asked(ollama)
    assert line == b"POST /api/embed HTTP/1.1" and body["options"] == OPTIONS and body["keep_alive"] == -1
    ollama.reply(whole({"embeddings": [[0.5]], "prompt_eval_count": 3}))
    assert client.answer.json["data"][0]["embedding"] == "AAAAPw=="
    assert ollama.journal.ends[-1].prompt_tokens == 3


def test_a_streamed_completion(ollama: Rig) -> None:
    client = ollama.ask({"model": NAME, "prompt": "Once", "stream": True}, path="/v1/completions")
    ollama.reply(NDJSON + chunk(b'{"response":" upon","done":false}\n{"response":"","done":true}\n') + END)
    texts = [one["choices"][0]["text"] for one in payloads(client.answer.body)[:-1]]
    assert texts == [" upon", ""]


def test_what_ollama_cannot_be_asked_is_refused_without_an_attempt(ollama: Rig) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.invalid/a.png"}}
    messages = [{"role": "user", "content": [picture]}]
    client = ollama.ask({"model": NAME, "messages": messages})
    assert client.answer.status == 400 and "data: URL" in client.answer.json["error"]["message"]
    assert ollama.journal.records == [] and ollama.ups == []
    other = ollama.ask({"model": "first", "messages": messages})
    ollama.reply(whole(), "cloud")
    assert other.answer.status == 200, "somebody else may have words for it"
    assert other.answer.headers["x-glowplug-reason"].startswith("failover")


@pytest.mark.parametrize(("status", "code"), [(404, "model_not_found"), (400, "invalid_request")])
def test_errors_get_openais_shape(ollama: Rig, status: int, code: str) -> None:
    client = ollama.ask(chat(NAME, stream=True))
    ollama.reply(whole({"error": "model 'mistral:7b' not found"}, status))
    assert (client.answer.status, client.answer.code) == (status, code)
    assert client.answer.json["error"]["message"] == "model 'mistral:7b' not found"
    assert client.answer.headers["content-type"] == "application/json"
    assert ollama.journal.ends[0].outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize(
    "reply",
    [
        whole({"error": "out of memory"}, 500),
        NDJSON + chunk(b'{"error":"an error was encountered while running the model"}\n'),
        NDJSON + END,
        NDJSON + chunk(b"<html>\n"),
        NDJSON + chunk(b'{"message":{"role":"assi') + END,
    ],
)
def test_what_breaks_before_the_first_content_is_answered_by_the_next(ollama: Rig, reply: bytes) -> None:
    client = ollama.ask(chat("first", stream=True))
    ollama.reply(reply, "i1")
    ollama.reply(STREAM, "cloud")
    assert client.answer.status == 200 and content(client) == "ab"
    assert [end.outcome for end in ollama.journal.ends] == [Outcome.UPSTREAM_ERROR, Outcome.OK]


def test_a_whole_answer_that_is_none_is_answered_by_the_next(ollama: Rig) -> None:
    client = ollama.ask(chat("first"))
    ollama.reply(whole(said("half")), "i1")
    ollama.reply(whole(), "cloud")
    assert client.answer.json["id"] == "c1"


@pytest.mark.parametrize(
    "tail",
    [chunk(b'{"error":"CUDA error"}\n'), END, chunk(b"nonsense\n"), chunk(said("lost")[:-9]) + END],
)
def test_a_stream_that_breaks_says_so_and_does_not_end(ollama: Rig, tail: bytes) -> None:
    client = ollama.ask(chat("first", stream=True))
    ollama.reply(NDJSON + chunk(said("Hel")))
    ollama.reply(tail)
    answer = client.answer
    assert content(client) == "Hel" and not answer.complete
    error = payloads(answer.body)[-1]["error"]
    assert error["source"] == "glowplug" and "did not answer" in error["message"]
    assert b"[DONE]" not in answer.body and b'"finish_reason":"' not in answer.body
    assert ollama.journal.ends[0].outcome is Outcome.UPSTREAM_ERROR
    assert any(isinstance(message, link.Suspect) for message in ollama.uplink.sent)


def test_a_line_end_may_come_with_the_end(ollama: Rig) -> None:
    """The last line and the end of the body in one piece, without a line end."""
    client = ollama.ask(chat(NAME, stream=True))
    ollama.reply(NDJSON + chunk(said("Hi")))
    ollama.reply(chunk(DONE.rstrip(b"\n")) + END)
    assert content(client) == "Hi" and client.answer.complete


def test_a_client_that_leaves_stops_ollama(ollama: Rig) -> None:
    client = ollama.ask(chat(NAME, stream=True))
    ollama.reply(NDJSON + chunk(said("Hel")))
    client.wire.lose()
    ollama.spin()
    assert ollama.up("i1").wire.aborted
    assert ollama.journal.ends[0].outcome is Outcome.CLIENT_GONE


def test_other_targets_are_spoken_to_as_before(ollama: Rig) -> None:
    tables = ollama.plane.tables
    translated = [name for name, target in tables.targets.items() if (road := target.roads[0]) and road.translates]
    assert translated == [NAME]
    ollama.ask(chat("cloud"))
    assert ollama.up("cloud").request.startswith(b"POST /v1/chat/completions")


def test_the_heads_of_its_own_wire_are_ready_with_the_grant(rig: Rig) -> None:
    endpoint = Endpoint(instance="i", model=NAME, host="127.0.0.1", port=11434, key="", prefix="/api")
    instance = Instance(endpoint, rig._pool("i"))
    instance.put(roads_of(OllamaWire(MISTRAL), MISTRAL))
    paths = [head.split(b" ")[1] for head in instance.heads if head]
    assert {b"/api/chat", b"/api/generate", b"/api/embed"} <= set(paths)
    assert all(b"authorization" not in head for head in instance.heads)


def test_what_its_api_has_no_call_for_goes_to_somebody_else_or_is_refused() -> None:
    wire = OllamaWire(MISTRAL)
    with pytest.raises(RequestError, match="rerank"):
        wire.text(kind_named("rerank"), peek(b'{"model": "m"}'))
