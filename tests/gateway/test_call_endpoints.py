"""Every endpoint is forwarded byte for byte, with its own head, accounted by its own usage."""

from __future__ import annotations

import json

import pytest

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute
from tests.gateway.endpoints import (
    ALL,
    FORM_TYPE,
    SOUND,
    Case,
    error_of,
    event,
    every_case,
    everything,
    sound,
    stream_of,
)
from tests.gateway.rig import END, KEY, STREAM_HEAD, Rig, chat, cloud, request, snapshot, whole


@every_case
def test_forwarded_as_it_is(rig: Rig, case: Case) -> None:
    rig.apply(everything())
    client = case.ask(rig, "cloud", "X-Other: secret")
    top, _, sent = rig.up("cloud").request.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    path = case.path if case.wire == "anthropic" else case.path.partition("?")[0]
    path = path.removeprefix("/v1").removeprefix("/v2")
    assert lines[0] == f"POST /v1{path} HTTP/1.1"
    assert "x-other: secret" not in lines
    assert f"content-length: {len(sent)}" in lines
    kinds = [line for line in lines if line.startswith("content-type")]
    assert kinds == [f"content-type: {FORM_TYPE}" if case.form else "content-type: application/json"]
    given = "x-api-key: sk-cloud" if case.wire == "anthropic" else "authorization: Bearer sk-cloud"
    assert given in lines
    body = case.body("up-cloud")
    if case.form:
        assert sent == body
    elif case.path.endswith("completions") and case.stream:
        assert json.loads(sent) == {**body, "stream_options": {"include_usage": True}}
    else:
        assert sent == json.dumps(body).encode()
    rig.reply(case.good)
    answer = client.answer
    assert answer.status == 200
    assert answer.complete
    expected = case.good.partition(b"\r\n\r\n")[2]
    if not case.stream:
        assert answer.body == expected
    (end,) = rig.journal.ends
    assert end.outcome == "ok"
    assert end.streamed is (case.stream or case.path.endswith("speech"))
    if not end.estimated:
        assert (end.prompt_tokens, end.completion_tokens) == case.tokens


@every_case
def test_the_record_is_closed_before_the_last_byte(rig: Rig, case: Case) -> None:
    rig.apply(everything())
    case.ask(rig, "cloud")
    rig.reply(case.good)
    names = [name for name, _ in rig.log]
    assert names.index("closed") < len(names) - 1 - names[::-1].index("client")


def test_sound_passes_as_it_comes(rig: Rig) -> None:
    rig.apply(everything())
    client = rig.ask({"model": "cloud", "input": "x"}, path="/v1/audio/speech")
    data = sound()
    rig.reply(data[:600])
    head = client.wire.data.partition(b"\r\n\r\n")[0].decode()
    assert "content-type: audio/mpeg" in head
    assert "transfer-encoding: chunked" in head
    assert "text/event-stream" not in head
    rig.reply(data[600:])
    assert client.answer.body == SOUND
    assert client.answer.headers["x-glowplug-model"] == "cloud"


def test_sound_that_breaks_is_cut_and_nothing_is_said_in_it(rig: Rig) -> None:
    rig.apply(everything())
    client = rig.ask({"model": "cloud", "input": "x"}, path="/v1/audio/speech")
    rig.reply(sound()[:600])
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    assert not client.answer.complete
    assert SOUND.startswith(client.answer.body)
    assert client.wire.done


def test_sound_that_breaks_before_its_first_byte_leaves_nothing_behind(rig: Rig) -> None:
    rig.apply(everything(aliases=(AliasRoute(name="a", targets=("cloud", "local")),)))
    client = rig.ask({"model": "a", "input": "x", "stream_format": "sse"}, path="/v1/audio/speech")
    rig.reply(sound().partition(b"\r\n\r\n")[0] + b"\r\n\r\n", "cloud")
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    rig.later(1.1)
    assert client.answer.headers["content-type"].startswith("text/event-stream")
    assert client.answer.body == b": glowplug local queued\n\n"
    client.wire.lose()


def test_no_sound_at_all(rig: Rig) -> None:
    rig.apply(everything())
    client = rig.ask({"model": "cloud", "input": "x"}, path="/v1/audio/speech")
    rig.reply(sound(b""))
    assert client.answer.headers["content-type"] == "audio/mpeg"
    assert client.answer.body == b""
    assert client.answer.complete


def test_sound_after_heartbeats_is_no_answer(rig: Rig) -> None:
    rig.apply(everything())
    client = rig.ask({"model": "local", "input": "x", "stream_format": "sse"}, path="/v1/audio/speech")
    rig.later(1.1)
    rig.grant()
    rig.spin()
    rig.reply(sound(), "i1")
    assert b'"error"' in client.answer.body
    assert b"\x00\x01" not in client.answer.body
    assert client.answer.complete


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_instead_of_sound_is_collected(rig: Rig, status: int) -> None:
    rig.apply(everything())
    client = rig.ask({"model": "cloud", "input": "x"}, path="/v1/audio/speech")
    rig.reply(whole({"error": {"message": "theirs"}}, status))
    assert client.answer.status == status
    assert client.answer.json == {"error": {"message": "theirs"}}


# ---- whose words


@every_case
@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("no key", 401),
        ("bad key", 401),
        ("GET", 400),
        ("no body", 400),
        ("unknown", 404),
        ("too long", 413),
        ("host", 403),
    ],
)
def test_refusals_are_in_the_words_of_the_wire(rig: Rig, case: Case, what: str, status: int) -> None:
    rig.apply(everything())
    kind = [f"Content-Type: {FORM_TYPE}"] if case.form else []
    match what:
        case "no key":
            client = case.ask(rig, "cloud", token=None)
        case "bad key":
            client = case.ask(rig, "cloud", token="sk-gp-nobody")
        case "GET":
            client = rig.ask(None, path=case.path, method="GET")
        case "no body":
            client = rig.ask(b"nothing", path=case.path, headers=kind)
        case "unknown":
            client = case.ask(rig, "nobody")
        case "host":
            client = case.ask(rig, "cloud", host="evil.example")
        case _:
            rig.limits(body_bytes=10)
            client = case.ask(rig, "cloud")
    assert client.answer.status == status
    error_of(case, client)


@every_case
def test_a_model_that_does_not_serve_it(rig: Rig, case: Case) -> None:
    kinds = [c for c in ALL if c not in (Capability.CHAT, Capability.COMPLETIONS)]
    one = (Capability.COMPLETIONS,) if case.path != "/v1/completions" else (kinds[0],)
    rig.apply(snapshot(models=(cloud("cloud", capabilities=one),), aliases=()))
    client = case.ask(rig, "cloud")
    assert (client.answer.status, error_of(case, client)["code"]) == (400, "wrong_endpoint")


@pytest.mark.parametrize("header", [
    f"x-api-key: {KEY}", f"Authorization: Bearer {KEY}", f"api-key: {KEY}", f"x-litellm-api-key: {KEY}",
])  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_a_key_wherever_clients_put_it(rig: Rig, header: str, path: str) -> None:
    rig.apply(everything())
    client = rig.ask(chat("cloud"), path=path, token=None, headers=[header])
    rig.reply(whole())
    assert client.answer.status == 200


def test_fields_of_the_wire_pass(rig: Rig) -> None:
    rig.apply(everything())
    client = rig.ask(
        chat("cloud"), path="/v1/messages", headers=["anthropic-beta: a,b", "anthropic-version: 2024-01-01"]
    )
    sent = rig.up().request.split(b"\r\n\r\n")[0].split(b"\r\n")
    assert b"anthropic-beta: a,b" in sent
    assert b"anthropic-version: 2024-01-01" in sent
    rig.reply(whole({"type": "message"}, 200, "anthropic-ratelimit-requests-limit: 5"))
    assert client.answer.headers["llm_provider-anthropic-ratelimit-requests-limit"] == "5"
    assert client.answer.headers["request-id"] == client.answer.headers["x-request-id"]


def test_the_fields_of_one_request_are_not_those_of_the_next(rig: Rig) -> None:
    rig.apply(everything())
    first = request(chat("cloud"), path="/v1/messages", headers=["anthropic-beta: one"])
    second = request(chat("cloud"), path="/v1/messages")
    rig.client().send(first + second)
    rig.spin()
    assert b"anthropic-beta: one" in rig.up().request
    rig.reply(whole())
    assert b"anthropic-beta" not in rig.up().request
    rig.reply(whole())


# ---- broken streams


@every_case
def test_a_broken_stream_ends_in_the_words_of_the_wire(rig: Rig, case: Case) -> None:
    if not case.stream:
        return
    rig.apply(everything())
    client = case.ask(rig, "cloud")
    first = b'data: {"choices":[]}\n\n' if case.wire == "openai" else event("message_start")
    rig.reply(STREAM_HEAD + b"%x\r\n%b\r\n" % (len(first), first))
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    assert not client.answer.complete
    assert error_of(case, client)["type"] in ("upstream_error", "api_error")


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/chat/completions"])
def test_an_upstream_error_after_heartbeats(rig: Rig, path: str, status: int) -> None:
    rig.apply(everything())
    client = rig.ask(chat("local", stream=True), path=path)
    rig.later(1.1)
    rig.grant()
    rig.spin()
    rig.plane.grants.instances["i1"].granted_at = -1e9
    rig.reply(whole({"error": {"message": "theirs"}}, status), "i1")
    last = client.answer.body.split(b"\n\n")[-2]
    named = b"" if path.endswith("completions") else b"event: error\n"
    name, _, told = last.rpartition(b"data: ")
    assert name == named
    error = json.loads(told)
    assert error["error"]["message"] == "theirs"
    assert error.get("type") == ("error" if path.endswith("messages") else None), "in the words of the client's wire"
    assert client.answer.complete


@pytest.mark.parametrize("cut", range(0, 700, 37))
def test_a_client_that_leaves_after_the_last_event_was_served(rig: Rig, cut: int) -> None:
    rig.apply(everything())
    client = rig.ask(chat("cloud", stream=True), path="/v1/messages")
    start = event("message_start", message={"usage": {"input_tokens": 5, "output_tokens": 0}})
    data = stream_of(start, event("message_delta", usage={"output_tokens": 7}), event("message_stop"))[: -len(END)]
    rig.reply(data[:cut])
    rig.reply(data[cut:])
    client.wire.lose()
    rig.spin()
    (end,) = rig.journal.ends
    assert (end.prompt_tokens, end.completion_tokens) == (5, 7)
