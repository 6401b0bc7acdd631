"""Ollama's clients on every endpoint: what goes upstream, what they are told, what is accounted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.domain.usage import Outcome
from tests.gateway.live import Live, Run
from tests.gateway.rig import END, STREAM_HEAD, Client, Rig, cloud, delta, events, local, request, snapshot, whole
from tests.support import ollama

FOLDER = Path(__file__).parents[1] / "clients"
OURS = ("home_assistant_", "copilot_", "open_webui_", "n8n_")
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name.startswith(OURS))
HOSTED = ModelRoute(
    name="hosted", local=True, upstream_model="m:7b", dialect=Dialect.OLLAMA, engine_options={"num_ctx": 4096},
    capabilities=(Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS),
)  # fmt: skip
ALIASES = (
    AliasRoute(name="waits", targets=("local", "cloud")),
    AliasRoute(name="first", targets=("hosted", "cloud")),
)
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
STREAM = STREAM_HEAD + events(delta("a"), delta("b"), FINISH, USAGE, "[DONE]") + END
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
VECTORS = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
NDJSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
HI = {"messages": [{"role": "user", "content": "hi"}]}


def chunk(*objects: dict[str, Any]) -> bytes:
    data = b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in objects)
    return b"%x\r\n%b\r\n" % (len(data), data)


def said(text: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"model": "m:7b", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **more}


ENDED = said("", done=True, done_reason="stop", prompt_eval_count=5, eval_count=7)


@pytest.fixture
def served(rig: Rig) -> Rig:
    rig.apply(snapshot(models=(cloud("cloud"), local("local"), HOSTED), aliases=ALIASES))
    rig.grant("hosted", "i2", "/api")
    rig.uplink.take()
    return rig


def ask(rig: Rig, path: str = "/api/chat", model: str = "cloud", **body: Any) -> Client:
    return rig.ask({"model": model, **(body or HI)}, path=path)


def told(client: Client) -> list[dict[str, Any]]:
    """The lines of a stream."""
    assert client.answer.headers["content-type"] == "application/x-ndjson"
    assert client.answer.body.endswith(b"\n")
    return [json.loads(line) for line in client.answer.body.splitlines()]


def text_of(lines: list[dict[str, Any]]) -> str:
    return "".join(line["message"]["content"] if "message" in line else line.get("response", "") for line in lines)


# ---- to targets that speak OpenAI's wire


def test_a_chat_streams_unless_it_says_no(served: Rig) -> None:
    client = ask(served)
    top, _, body = served.up("cloud").request.partition(b"\r\n\r\n")
    assert top.startswith(b"POST /v1/chat/completions ")
    assert json.loads(body) == {
        "model": "up-cloud", "messages": HI["messages"], "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    served.reply(STREAM)
    lines = told(client)
    assert text_of(lines) == "ab" and [line["done"] for line in lines] == [False, False, True]
    assert (lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == (5, 7)
    assert {line["model"] for line in lines} == {"cloud"} and client.answer.complete
    assert client.answer.headers["x-glowplug-model"] == "cloud"
    (end,) = served.journal.ends
    assert (end.path, end.outcome, end.streamed) == ("ollama_chat", Outcome.OK, True)
    assert (end.prompt_tokens, end.completion_tokens, end.estimated) == (5, 7, False)


def test_each_word_passes_as_it_comes_and_the_record_closes_before_the_last(served: Rig) -> None:
    client = ask(served)
    served.reply(STREAM_HEAD + events(delta("a")))
    assert b'"content":"a"' in client.wire.data and served.journal.ends == []
    served.reply(events(FINISH, USAGE, "[DONE]"))
    names = [name for name, what in served.log if name == "closed" or (name == "client" and b'"done":true' in what)]
    assert names == ["closed", "client"]
    served.reply(END)
    assert client.answer.complete


@pytest.mark.parametrize(("path", "body", "asked", "reply", "made"), [
    ("/api/chat", HI, "/v1/chat/completions", ANSWER, {"message": {"role": "assistant", "content": "Hello"}}),
    ("/api/generate", {"prompt": "x"}, "/v1/chat/completions", ANSWER, {"response": "Hello", "done": True}),
    ("/api/generate", {"prompt": "x", "raw": True}, "/v1/completions",
     {"choices": [{"text": "y", "finish_reason": "stop"}], "usage": ANSWER["usage"]}, {"response": "y"}),
    ("/api/generate", {"prompt": "x", "suffix": "z"}, "/v1/completions",
     {"choices": [{"text": "y", "finish_reason": "stop"}], "usage": ANSWER["usage"]}, {"response": "y"}),
    ("/api/embed", {"input": "x"}, "/v1/embeddings", VECTORS, {"embeddings": [[0.5]], "prompt_eval_count": 3}),
    ("/api/embeddings", {"prompt": "x"}, "/v1/embeddings", VECTORS, {"embedding": [0.5]}),
])  # fmt: skip
def test_whole_answers(
    served: Rig, path: str, body: dict[str, Any], asked: str, reply: dict[str, Any], made: dict[str, Any]
) -> None:
    client = ask(served, path, "cloud:latest", **body, stream=False)
    assert served.up("cloud").request.startswith(f"POST {asked} ".encode())
    served.reply(whole(reply))
    answer = client.answer
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert made.items() <= answer.json.items()
    if path != "/api/embeddings":
        assert answer.json["model"] == "cloud:latest", "as it was asked for"
    (end,) = served.journal.ends
    assert (end.prompt_tokens, end.estimated, end.asked) == (3, False, "cloud")


def test_a_stream_that_reports_no_tokens_is_guessed_from_its_lines(served: Rig) -> None:
    ask(served)
    served.reply(STREAM_HEAD + events(delta("a"), delta("b"), FINISH, "[DONE]") + END)
    (end,) = served.journal.ends
    assert end.estimated and end.completion_tokens == 3


@pytest.mark.parametrize("tail", [END, events("nonsense"), events({"error": {"message": "CUDA error"}})])
def test_a_broken_stream_ends_with_an_error_and_is_cut(served: Rig, tail: bytes) -> None:
    client = ask(served)
    served.reply(STREAM_HEAD + events(delta("a")))
    served.reply(tail)
    *content, last = told(client)
    assert text_of(content) == "a" and not any(line["done"] for line in content)
    assert list(last) == ["error"] and not client.answer.complete
    assert served.journal.ends[0].outcome is Outcome.UPSTREAM_ERROR


def test_an_upstream_that_is_lost(served: Rig) -> None:
    client = ask(served)
    served.reply(STREAM_HEAD + events(delta("a")))
    served.up().wire.lose(ConnectionResetError())
    served.spin()
    assert "error" in told(client)[-1] and b'"done":true' not in client.answer.body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("body", [{"error": {"message": "too long"}}, {"error": "too long"}, {"detail": "too long"}])
def test_an_error_of_the_upstream_has_ollamas_shape(served: Rig, body: dict[str, Any], stream: bool) -> None:
    client = ask(served, **HI, stream=stream)
    served.reply(whole(body, 400))
    assert (client.answer.status, client.answer.json) == (400, {"error": "too long"})


def test_a_client_that_leaves_stops_the_engine(served: Rig) -> None:
    served.grant()
    client = ask(served, model="local")
    served.reply(STREAM_HEAD + events(delta("a")), "i1")
    client.wire.lose()
    served.spin()
    assert served.up("i1").wire.aborted and served.journal.ends[0].outcome is Outcome.CLIENT_GONE


# ---- while it waits


@pytest.mark.parametrize(("path", "body", "empty"), [
    ("/api/chat", HI, {"message": {"role": "assistant", "content": ""}}),
    ("/api/generate", {"prompt": "x"}, {"response": ""}),
])  # fmt: skip
def test_a_waiting_stream_hears_empty_content(served: Rig, path: str, body: Any, empty: dict[str, Any]) -> None:
    client = ask(served, path, "local", **body)
    served.later(1.5)
    head, _, _ = client.wire.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"application/x-ndjson" in head
    served.later(3.0)
    served.grant()
    served.spin()
    served.reply(STREAM, "i1")
    lines = told(client)
    assert len(lines) == 5 and text_of(lines) == "ab" and lines[-1]["done"] is True
    assert empty.items() <= lines[0].items() and lines[0]["done"] is False and lines[0]["model"] == "local"


def test_what_goes_wrong_after_heartbeats_is_a_line(served: Rig) -> None:
    for end in (whole({"error": {"message": "too long"}}, 400), None):
        client = ask(served, model="local")
        served.later(1.5)
        if end is None:
            served.plane.grants.revoke("i1")
            served.plane.grants.fail("local", Failure(kind=FailureKind.CRASH, message="it crashed", until=4e9))
        else:
            served.grant()
            served.spin()
            served.reply(end, "i1")
        *waited, last = told(client)
        assert text_of(waited) == "" and list(last) == ["error"]
        assert client.answer.complete and ("too long" in last["error"] or "crashed" in last["error"])
        if end is not None:
            served.plane.grants.revoke("i1")


def test_who_does_not_stream_waits_silently(served: Rig) -> None:
    client = ask(served, model="local", **HI, stream=False)
    served.later(1.5)
    assert client.wire.data == b""
    served.later(301.0)
    assert client.answer.status == 503 and isinstance(client.answer.json["error"], str)
    assert "retry-after" in client.answer.headers


# ---- to engines that speak Ollama's wire


def test_an_ollama_is_forwarded_to(served: Rig) -> None:
    client = ask(served, model="hosted:latest", **HI, think="high", options={"num_ctx": 9, "seed": 1}, keep_alive="9m")
    top, _, body = served.up("i2").request.partition(b"\r\n\r\n")
    assert top.startswith(b"POST /api/chat ")
    assert json.loads(body) == {
        "model": "m:7b", **HI, "think": "high", "options": {"num_ctx": 4096, "seed": 1}, "keep_alive": -1,
    }  # fmt: skip
    served.reply(NDJSON + chunk(said("a", odd=[1])) + chunk(said("b"), ENDED) + END)
    lines = told(client)
    assert text_of(lines) == "ab" and lines[0]["odd"] == [1], "what is not known passes"
    assert {line["model"] for line in lines} == {"hosted:latest"} and client.answer.complete
    (end,) = served.journal.ends
    assert (end.outcome, end.prompt_tokens, end.completion_tokens) == (Outcome.OK, 5, 7)


@pytest.mark.parametrize(("path", "body", "reply"), [
    ("/api/chat", HI, said("a", done=True, prompt_eval_count=5)),
    ("/api/generate", {"prompt": "x"}, {"model": "m:7b", "response": "y", "done": True, "prompt_eval_count": 5}),
    ("/api/embed", {"input": "x"}, {"model": "m:7b", "embeddings": [[0.5]], "prompt_eval_count": 5}),
    ("/api/embeddings", {"prompt": "x"}, {"embedding": [0.5]}),
])  # fmt: skip
def test_whole_answers_of_an_ollama(served: Rig, path: str, body: Any, reply: dict[str, Any]) -> None:
    client = ask(served, path, "hosted", **body, stream=False)
    assert served.up("i2").request.startswith(f"POST {path} ".encode())
    served.reply(whole(reply))
    renamed = {"model": "hosted"} if "model" in reply else {}
    assert client.answer.json == {**reply, **renamed}
    (end,) = served.journal.ends
    assert end.estimated if path == "/api/embeddings" else end.prompt_tokens == 5


@pytest.mark.parametrize("reply", [
    whole({"error": "out of memory"}, 500), NDJSON + END, NDJSON + chunk({"error": "CUDA error"}),
    NDJSON + chunk({"done": 1}),
])  # fmt: skip
def test_an_ollama_that_breaks_before_its_first_word_is_replaced(served: Rig, reply: bytes) -> None:
    client = ask(served, model="first")
    served.reply(reply, "i2")
    served.reply(STREAM, "cloud")
    assert text_of(told(client)) == "ab" and client.answer.complete
    assert client.answer.headers["x-glowplug-model"] == "cloud"
    assert {line["model"] for line in told(client)} == {"first"}


@pytest.mark.parametrize("tail", [END, chunk({"error": "CUDA error"}), chunk(said("lost"))[:-9]])
def test_an_ollama_that_breaks_later_is_told(served: Rig, tail: bytes) -> None:
    client = ask(served, model="first")
    served.reply(NDJSON + chunk(said("a")))
    served.reply(tail)
    if not tail.endswith((END, b"\n")):
        served.up("i2").wire.lose()
        served.spin()
    *content, last = told(client)
    assert text_of(content) == "a" and "error" in last and not client.answer.complete
    assert b'"done":true' not in client.answer.body


def test_an_error_of_an_ollama_passes(served: Rig) -> None:
    client = ask(served, model="hosted")
    served.reply(whole({"error": "registry.ollama.ai/library/m:7b does not support tools"}, 400))
    assert client.answer.status == 400 and list(client.answer.json) == ["error"]


def test_a_model_that_cannot(served: Rig) -> None:
    served.apply(snapshot(models=(local("e", capabilities=(Capability.EMBEDDINGS,)),), aliases=()))
    answer = ask(served, model="e").answer
    assert answer.status == 400 and "does not serve" in answer.json["error"]


# ---- whatever comes

_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)
_MEMBERS = (
    "messages", "prompt", "input", "options", "tools", "format", "think", "stream", "suffix", "raw", "system", "images",
    "keep_alive", "logprobs", "top_logprobs", "dimensions",
)  # fmt: skip
_PARTS = st.sampled_from(("role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking"))
_MESSAGES = st.lists(st.dictionaries(_PARTS, _JSON, max_size=4), max_size=3)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(("/api/chat", "/api/generate", "/api/embed", "/api/embeddings")),
    st.sampled_from(("cloud", "hosted")),
    st.dictionaries(st.sampled_from(_MEMBERS), _JSON, max_size=4),
    st.one_of(st.none(), _MESSAGES),
)
def test_every_body_is_asked_or_refused(
    served: Rig, path: str, model: str, members: dict[str, Any], messages: list[dict[str, Any]] | None
) -> None:
    said = members if messages is None else {**members, "messages": messages}
    before = len(served.journal.records)
    client = served.ask({**said, "model": model}, path=path)
    if client.wire.data:
        answer = client.answer
        assert answer.status in (200, 400), answer.body
        assert answer.status == 200 or list(answer.json) == ["error"]
    else:
        assert len(served.journal.records) == before + 1, "somebody was asked"
    client.wire.lose()
    served.spin()


@pytest.mark.parametrize("body", [
    b'{"model":"cloud","messages":[{"role":"user","content":"\\ud800"}]}',
    b'{"model":"cloud","messages":[1e400]}',
    b'{"model":"cloud","messages":' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"model":"cloud","prompt":"x","input":"x","options":{"seed":1e400}}',
])  # fmt: skip
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"])
def test_bodies_that_parsers_choke_on(served: Rig, path: str, body: bytes) -> None:
    client = served.client().send(request(body, path=path))
    served.spin()
    assert not client.wire.aborted
    if client.wire.data:
        assert client.answer.status in (200, 400)
    client.wire.lose()
    served.spin()


# ---- what clients are known to ask


def _filled(value: Any, model: str) -> Any:
    return json.loads(json.dumps(value).replace("MODEL", model))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_clients_ask(rig: Rig, path: Path) -> None:
    exchange = _filled(json.loads(path.read_text()), "cloud")
    request, expect = exchange["request"], exchange["expect"]
    headers = [f"{name}: {value}" for name, value in request["headers"].items()]
    client = rig.ask(request["body"], path=request["path"], method=request["method"], headers=headers)
    streams = expect["media"] != "application/json"
    if expect["upstream"] is None:
        assert rig.ups == []
    else:
        top, _, body = rig.up("cloud").request.partition(b"\r\n\r\n")
        assert top.startswith(f"POST {expect['upstream']} ".encode())
        assert expect["sent"].items() <= json.loads(body).items()
        rig.reply(STREAM if streams else whole(VECTORS))
    answer = client.answer
    assert answer.status == expect["status"] and answer.headers["content-type"].startswith(expect["media"])
    last = answer.body.strip().splitlines()[-1]
    if expect["last"] == "[DONE]":
        assert last == b"data: [DONE]"
    else:
        assert {**json.loads(last), **expect["last"]} == json.loads(last)


def test_a_client_finds_what_it_chats_with(served: Rig) -> None:
    """Copilot and Open WebUI ask for the very name that tags said, the former on `/v1`."""
    (first, *_) = served.ask(None, path="/api/tags", method="GET").answer.json["models"]
    for path in ("/api/chat", "/v1/chat/completions"):
        client = ask(served, path, first["model"], **HI, stream=False)
        served.reply(whole(ANSWER))
        assert client.answer.status == 200


# ---- a daemon behind it


def test_a_client_and_a_daemon_of_one_wire(live: Run, tmp_path: Path) -> None:
    """Over sockets: what the daemon streams arrives, under the name that was asked for."""
    route = replace(HOSTED, name="local", upstream_model="mistral:7b")

    async def test(live: Live) -> None:
        async with ollama.daemon(tmp_path) as daemon:
            live.serve(route)
            where = Endpoint(instance="i1", model="local", host="127.0.0.1", port=daemon.port, key="", prefix="/api")
            live.plane.grants.grant(where)
            for path, body in (("/api/chat", HI), ("/api/generate", {"prompt": "hi"})):
                answer = await live.ask({"model": "local:latest", **body}, path=path)
                lines = [json.loads(line) for line in answer.body.splitlines()]
                assert text_of(lines).split() == [f"token{n}" for n in range(1, 9)]
                assert lines[-1]["done"] is True and {line["model"] for line in lines} == {"local:latest"}
            vectors = await live.ask({"model": "local", "input": ["a", "b"]}, path="/api/embed")
            assert vectors.json["model"] == "local" and len(vectors.json["embeddings"]) == 2
            state = await daemon.state()
            assert {call["body"]["options"]["num_ctx"] for call in state["received"]} == {4096}
            assert {call["body"]["keep_alive"] for call in state["received"]} == {-1}

    live(test)
