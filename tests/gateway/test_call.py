"""One model request: admission, failover before the first byte, commitment after it, the cold path."""

from __future__ import annotations

import json
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Capability, Loading, OnDisconnect
from glowplug.domain.snapshot import AliasRoute
from glowplug.wire import link
from tests.gateway.rig import (
    ANSWER,
    END,
    KEY,
    KEYS,
    STREAM,
    STREAM_HEAD,
    USAGE,
    Client,
    Rig,
    chat,
    cloud,
    delta,
    events,
    key,
    local,
    payloads,
    request,
    snapshot,
    whole,
)

DEAD = Failure(kind=FailureKind.CRASH, message="it crashed", log_tail=("last words",), until=4e9)


def _broken(client: Client) -> None:
    """The stream ends in an error event, without `[DONE]` and without the clean end."""
    answer = client.answer
    assert answer.status == 200
    last = payloads(answer.body)[-1]
    assert last["error"]["source"] == "glowplug"
    assert last["error"]["request_id"] == answer.headers["x-request-id"]
    assert b"[DONE]" not in answer.body
    assert not answer.complete
    assert client.wire.done


# ---- admission


@pytest.mark.parametrize(("headers", "token", "status"), [
    ([], None, 401), ([], "sk-gp-nobody", 401), (["Authorization: Basic eA=="], None, 401),
    (["X-Api-Key: x"], None, 401),
    (["Authorization: Bearer"], None, 401), ([f"X-Api-Key: {KEY}"], None, 0), ([f"Api-Key: {KEY}"], None, 0),
    ([f"X-Api-Key: {KEY}"], "wrong", 401),
])  # fmt: skip
def test_authentication(rig: Rig, headers: list[str], token: str | None, status: int) -> None:
    client = rig.ask(chat(), headers=headers, token=token)
    if not status:
        rig.reply(whole())
        assert client.answer.status == 200
        return
    assert client.answer.status == status
    assert client.answer.headers["www-authenticate"] == "Bearer"
    assert client.answer.json["error"]["type"] == "authentication_error"
    assert rig.plane.metrics.auth_failures == 1
    assert rig.ups == []


def test_an_expired_key_and_a_server_without_snapshot(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key("old", "old", expires_at=5.0), *KEYS)))
    assert rig.ask(chat(), token="old").answer.status == 401
    rig.plane.tables.snapshot = snapshot(revision=-1)
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("LOCALHOST:99", 200), ("127.0.0.1:4000", 200), ("[::1]:4000", 200), ("evil.example", 403),
    ("localhost.evil.example", 403), ("127.0.0.1.evil", 403), ("", 403), ("my-box.lan", 403),
])  # fmt: skip
def test_host(rig: Rig, host: str, status: int) -> None:
    client = rig.ask(path="/health/live", method="GET", host=host, body=None)
    assert client.answer.status == status


@pytest.mark.parametrize(("origin", "status"), [
    ("https://evil.example", 403), ("null", 403), ("http://localhost:1", 403), ("http://localhost", 200),
    ("https://good.example", 200), ("HTTPS://GOOD.example", 200),
])  # fmt: skip
def test_origin(rig: Rig, origin: str, status: int) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    client = rig.ask(chat(), headers=[f"Origin: {origin}"])
    if status == 200:
        rig.reply(whole())
        assert client.answer.headers["access-control-allow-origin"] == origin
        assert client.answer.headers["vary"] == "origin"
    else:
        assert client.answer.code == "origin_not_allowed"
        assert "access-control-allow-origin" not in client.answer.headers
    assert client.answer.status == status


def test_preflight_and_cors_on_errors_and_streams(rig: Rig) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    more = [
        "Origin: https://good.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: x-a",
    ]
    client = rig.ask(None, method="OPTIONS", token=None, headers=more, path="/v1/models")
    assert client.answer.status == 200
    assert client.answer.headers["access-control-allow-headers"] == "x-a"
    assert "POST" in client.answer.headers["access-control-allow-methods"]
    client = rig.ask(chat(stream=True), headers=more[:1])
    rig.reply(STREAM)
    assert client.answer.headers["access-control-allow-origin"] == "https://good.example"
    client = rig.ask(chat("absent"), headers=more[:1])
    assert client.answer.status == 404
    assert client.answer.headers["access-control-allow-origin"] == "https://good.example"


def test_preflight_of_a_model_route(rig: Rig) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    more = ["Origin: https://good.example", "Access-Control-Request-Method: POST"]
    client = rig.ask(None, method="OPTIONS", token=None, headers=more)
    assert client.answer.status == 200
    assert "authorization" in client.answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(("body", "status", "code"), [
    (chat("clod"), 404, "model_not_found"), (chat("up-cloud"), 404, "model_not_found"), (b"{", 400, "invalid_body"),
    ({"messages": []}, 400, "invalid_body"), (b'{"model":"a\x01"}', 400, "invalid_body"),
    (b'{"model":"\xff"}', 400, "invalid_body"), (b'{"model":"cloud","x":' + b"[" * 99_999, 400, "invalid_body"),
])  # fmt: skip
def test_bodies_that_name_nothing(rig: Rig, body: object, status: int, code: str) -> None:
    client = rig.ask(body)
    assert (client.answer.status, client.answer.code) == (status, code)
    assert client.answer.json["error"]["request_id"] == client.answer.headers["x-request-id"]
    assert not client.wire.closing


def test_what_a_key_and_a_model_may(rig: Rig) -> None:
    models = (cloud("cloud"), cloud("cloud2", capabilities=(Capability.EMBEDDINGS,)))
    rig.apply(snapshot(keys=(key(KEY, "k", models=("cloud2",)),), models=models, aliases=()))
    assert rig.ask(chat("cloud")).answer.code == "model_not_allowed"
    client = rig.ask(chat("cloud2"))
    assert (client.answer.status, client.answer.code) == (400, "wrong_endpoint")
    client = rig.ask(chat("cloud2"), path="/v1/embeddings")
    rig.reply(whole())
    assert client.answer.status == 200


def test_a_name_spelled_with_escapes(rig: Rig) -> None:
    client = rig.ask(b'{"model":"clo\\u0075d"}')
    assert rig.up("cloud").body == {"model": "up-cloud"}
    rig.reply(whole())
    assert client.answer.status == 200


@pytest.mark.parametrize("who", ["key", "alias", "model"])
def test_requests_a_minute(rig: Rig, who: str) -> None:
    two = {"rpm": 2}
    rig.apply(snapshot(
        keys=(key(KEY, "k", **(two if who == "key" else {})),),
        models=(cloud("cloud", **(two if who == "model" else {})),),
        aliases=(AliasRoute(name="a", targets=("cloud",), **(two if who == "alias" else {})),),
    ))  # fmt: skip
    for _ in range(2):
        client = rig.ask(chat("a"))
        rig.reply(whole())
        assert client.answer.status == 200
    rig.apply(rig.snap)  # a new revision does not forget
    client = rig.ask(chat("a"))
    assert client.answer.status == 429
    assert client.answer.json["error"]["type"] == "rate_limit_error"
    assert 1 <= int(client.answer.headers["retry-after"]) <= 31


def test_concurrency(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud", max_concurrency=1), cloud("cloud2"))))
    first = rig.ask(chat("cloud"))
    assert rig.ask(chat("cloud")).answer.status == 429
    second = rig.ask(chat("both"))
    rig.reply(whole({"n": 2}), "cloud2")
    assert second.answer.json == {"n": 2}
    rig.ups[0].say(whole())
    assert first.answer.status == 200


def test_what_cannot_be_recorded_is_not_sent(rig: Rig) -> None:
    rig.journal.full = True
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.code == "journal_unavailable"
    assert rig.ups == []


@pytest.mark.parametrize(("given_id", "kept"), [("abc-1_2.3", True), ("a" * 65, False), ("a b", False), ("é", False)])
def test_request_ids(rig: Rig, given_id: str, kept: bool) -> None:
    client = rig.ask(chat(), headers=[f"X-Request-Id: {given_id}"])
    rig.reply(whole())
    assert (client.answer.headers["x-request-id"] == given_id) is kept
    assert rig.journal.ends[0].request == client.answer.headers["x-request-id"]


# ---- failover before the first byte


def _fail(rig: Rig, how: str) -> None:
    up = rig.up("cloud")
    match how:
        case "reset before head":
            up.wire.lose(ConnectionResetError())
        case "closed before head":
            up.wire.lose()
        case "reset in head":
            up.say(b"HTTP/1.1 200 OK\r\ncontent-")
            up.wire.lose(ConnectionResetError())
        case "reset after head":
            up.say(STREAM_HEAD)
            up.wire.lose(ConnectionResetError())
        case "stream of nothing, cut":
            up.say(STREAM_HEAD + b"5\r\n")
            up.wire.lose()
        case "body cut short":
            up.say(whole()[:-1])
            up.wire.lose()
        case "garbage":
            up.say(b"\x16\x03\x01 hello\r\n\r\n")
        case "two lengths":
            up.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab")
        case "both framings":
            up.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n" + END)
        case "switches protocols":
            up.say(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
        case "endless head":
            for _ in range(40):
                up.say(b"HTTP/1.1 200 OK\r\n"[: 100 if not up.conn.head else 0] + b"x-a: " + b"a" * 5000 + b"\r\n")
                if up.wire.closing:
                    break
        case "first byte timeout":
            rig.later(301)
        case _:
            up.say(whole({"error": {"message": "theirs"}}, int(how)))
    rig.spin()


FAULTS = [
    "reset before head", "closed before head", "reset in head", "reset after head", "stream of nothing, cut",
    "body cut short", "garbage", "two lengths", "both framings", "switches protocols", "endless head",
    "first byte timeout", "500", "502", "503", "504", "408", "429", "401", "403",
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_target_answers_at_once(rig: Rig, fault: str, stream: bool) -> None:
    client = rig.ask(chat("both", stream=stream))
    _fail(rig, fault)
    assert client.wire.data == b""
    rig.reply(STREAM if stream else whole(), "cloud2")
    assert client.answer.status == 200
    assert client.answer.complete
    assert client.answer.headers["x-glowplug-model"] == "cloud2"
    assert client.answer.headers["x-glowplug-attempts"] == "2"
    assert client.answer.headers["x-glowplug-reason"].startswith("failover; cloud ")
    first, second = rig.journal.ends
    assert (first.model, first.outcome) == ("cloud", "timeout" if fault == "first byte timeout" else "upstream_error")
    assert (first.attempt, first.first_byte) == (0, 0.0)
    assert (first.completion_tokens > 0) is (fault == "body cut short"), "what had been made is counted"
    assert (second.model, second.outcome, second.attempt) == ("cloud2", "ok", 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_with_no_target_left_the_error_is_ours_or_theirs(rig: Rig, fault: str) -> None:
    client = rig.ask(chat("cloud"))
    _fail(rig, fault)
    answer = client.answer
    if fault.isdigit() and fault not in ("401", "403"):
        assert answer.status == int(fault)
        assert answer.json == {"error": {"message": "theirs"}}
    else:
        assert answer.status == (504 if fault == "first byte timeout" else 502)
        assert answer.json["error"]["request_id"] == answer.headers["x-request-id"]
        assert answer.json["error"]["type"] == "upstream_error"
        assert answer.headers["x-glowplug-attempts"] == "1"
    assert not client.wire.closing
    assert len(rig.journal.ends) == 1


@pytest.mark.parametrize("error", [
    ConnectionRefusedError(111, "Connection refused"), OSError(101, "Network is unreachable"), TimeoutError(),
    ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"),
])  # fmt: skip
def test_who_cannot_be_reached(rig: Rig, error: OSError) -> None:
    rig.errors["cloud"] = error
    client = rig.ask(chat("cloud"))
    assert client.answer.status == 502
    client = rig.ask(chat("both", stream=True))
    rig.reply(STREAM, "cloud2")
    assert client.answer.complete
    assert len(rig.journal.ends) == 3


@pytest.mark.parametrize("status", [400, 404, 422])
def test_the_clients_own_faults_do_not_fail_over(rig: Rig, status: int) -> None:
    client = rig.ask(chat("both", stream=True))
    rig.reply(whole({"error": {"message": "theirs"}}, status, "x-ratelimit-limit: 5", "set-cookie: a=b"))
    assert client.answer.status == status
    assert client.answer.json == {"error": {"message": "theirs"}}
    assert client.answer.headers["x-ratelimit-limit"] == "5"
    assert "set-cookie" not in client.answer.headers
    assert len(rig.ups) == 1


def test_an_unavailable_target_is_passed_over(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud", unavailable="OPENAI_API_KEY is not set"), cloud("cloud2"))))
    client = rig.ask(chat("both"))
    rig.reply(whole(), "cloud2")
    assert client.answer.status == 200
    client = rig.ask(chat("cloud"))
    assert client.answer.status == 503
    assert "OPENAI_API_KEY" in client.answer.json["error"]["message"]


def test_all_time_together_is_bounded_by_the_alias(rig: Rig) -> None:
    rig.apply(snapshot(aliases=(AliasRoute(name="both", targets=("cloud", "cloud2"), timeout=20.0),)))
    client = rig.ask(chat("both"))
    rig.later(21)
    assert rig.up("cloud2")
    rig.later(22)
    assert client.answer.status == 504


# ---- commitment


@pytest.mark.parametrize("fault", ["reset", "close", "garbage", "idle"])
@pytest.mark.parametrize("model", ["both", "local"])
def test_after_the_first_content_byte_nobody_else_answers(rig: Rig, fault: str, model: str) -> None:
    rig.grant()
    client = rig.ask(chat(model, stream=True))
    rig.reply(STREAM_HEAD + events(delta("a"), delta("b")))
    up = rig.up()
    match fault:
        case "reset":
            up.wire.lose(ConnectionResetError())
        case "close":
            up.wire.lose()
        case "garbage":
            up.say(b"zzz\r\n")
        case "idle":
            rig.later(100)
            assert not client.wire.closing
            rig.later(121)
    rig.spin()
    _broken(client)
    assert len(rig.ups) == 1
    (end,) = rig.journal.ends
    assert end.outcome == ("timeout" if fault == "idle" else "upstream_error")
    assert end.estimated
    assert end.completion_tokens == 2
    assert end.streamed


def test_a_reset_after_done_is_a_clean_end(rig: Rig) -> None:
    client = rig.ask(chat(stream=True))
    rig.reply(STREAM[: -len(END)])
    assert len(rig.journal.ends) == 1
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    assert client.answer.complete
    assert payloads(client.answer.body)[-1] == "[DONE]"


def test_text_that_looks_like_the_end_is_not_the_end(rig: Rig) -> None:
    client = rig.ask(chat(stream=True, stream_options={"include_usage": True}))
    text = b'data: {"choices":[{"delta":{"content":"say data: [DONE]'
    rig.reply(STREAM_HEAD + b"%x\r\n%b\r\n" % (len(text), text))
    assert rig.journal.ends == []
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    assert not client.answer.complete
    assert rig.journal.ends[0].outcome == "upstream_error"


@pytest.mark.parametrize("asked", [False, True])
def test_usage_is_asked_for_and_hidden_or_shown(rig: Rig, asked: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    client = rig.ask(chat(stream=True, **options))
    assert rig.up().body["stream_options"] == {"include_usage": True}
    rig.reply(STREAM)
    assert (USAGE in payloads(client.answer.body)) is asked
    (end,) = rig.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.estimated) == (5, 7, False)


def test_a_stream_that_reports_nothing_is_counted(rig: Rig) -> None:
    rig.ask(chat(stream=True))
    rig.reply(STREAM_HEAD + events(delta("a"), delta("b"), delta("c")) + END)
    (end,) = rig.journal.ends
    assert end.estimated
    assert end.completion_tokens == 3
    assert end.prompt_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_the_record_is_written_before_the_last_byte(rig: Rig, stream: bool) -> None:
    rig.ask(chat(stream=stream))
    for start in range(0, len(STREAM), 40) if stream else [0]:
        rig.reply(STREAM[start : start + 40] if stream else whole())
    names = [name for name, _ in rig.log]
    assert names.index("opened") < names.index("up cloud")
    closed = names.index("closed")
    last = max(i for i, (name, data) in enumerate(rig.log) if name == "client")
    assert closed < last
    assert (b"[DONE]" in rig.log[last][1] or rig.log[last][1].endswith(END)) if stream else True


def test_a_stale_connection_is_retried_once_as_the_same_attempt(rig: Rig) -> None:
    client = rig.ask(chat())
    rig.reply(whole())
    first = rig.up()
    client.send(request(chat()))
    first.wire.lose()
    rig.spin()
    assert len(rig.ups) == 2
    rig.up().wire.lose()
    rig.spin()
    assert len(rig.ups) == 2, "once only"
    assert [r.status for r in client.answers] == [200, 502]
    assert [(e.attempt, e.outcome) for e in rig.journal.ends] == [(0, "ok"), (0, "upstream_error")]


RESPONSES = [
    whole(), whole(b"", 200), b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"HTTP/1.1 100 Continue\r\n\r\n" + whole(),
    b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + whole(),
    b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 300_000, whole(b"y" * 300_000), STREAM,
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: [DONE]\n\n",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(RESPONSES)))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_any_cut_of_a_response_gives_the_same(rig: Rig, number: int, cuts: list[int]) -> None:
    answer = RESPONSES[number]
    results = []
    for places in ([], cuts, [3, 260_000], list(range(0, 60, 7))):
        client = rig.ask(chat(stream=b"event-stream" in answer))
        up, before = rig.up(), len(rig.journal.ends)
        marks = sorted({min(c, len(answer)) for c in places})
        for start, end in zip([0, *marks], [*marks, len(answer)], strict=True):
            if start < end:
                up.say(answer[start:end])
        up.wire.lose()
        rig.spin()
        got = client.answer
        records = [(r.outcome, r.status, r.completion_tokens) for r in rig.journal.ends[before:]]
        results.append((got.status, got.body, got.complete, records))
    assert all(r == results[0] for r in results)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=40)
        | st.lists(
            st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n",
                             b"\r\n",
                             b"content-type: text/event-stream\r\n", b"hello", b"5\r\nhello\r\n", END, b"data: {}\n\n",
                             b"HTTP/1.1 500 X\r\n", b"HTTP/1.1 101 X\r\n", b"connection: upgrade\r\nupgrade: a\r\n",
                             b"data: [DONE]\n\n", b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n']),
            max_size=8,
        ).map(b"".join),
        max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_any_bytes_from_upstream_end_the_attempt(rig: Rig, pieces: list[bytes], stream: bool) -> None:
    client = rig.ask(chat("both", stream=stream))
    for number in (0, 1):
        up = rig.up()
        for piece in pieces:
            if not up.wire.closing:
                up.say(piece)
        if not up.wire.lost:
            up.wire.lose()
        rig.spin()
        assert up.conn.sink is None, number
    assert client.conn.call is None
    assert client.answer.status in (200, 204, 304, 500, 502, 503) or client.answer.status < 600
    rig.journal.check()


def test_bytes_after_a_response_are_not_the_next_response(rig: Rig) -> None:
    client = rig.ask(chat())
    rig.reply(whole({"n": 1}) + whole({"n": "smuggled"}))
    client.send(request(chat()))
    rig.spin()
    assert len(rig.ups) == 2, "the connection that said too much is not used again"
    rig.reply(whole({"n": 2}))
    assert [r.json["n"] for r in client.answers] == [1, 2]


def test_half_a_response_after_a_response_is_not_the_next_response(rig: Rig) -> None:
    client = rig.ask(chat())
    rig.reply(whole({"n": 1}) + b"HTTP/1.1 200 OK\r\nx-smug")
    client.send(request(chat()))
    rig.spin()
    assert len(rig.ups) == 2
    rig.reply(whole({"n": 2}))
    assert [r.json["n"] for r in client.answers] == [1, 2]


def test_a_response_that_fails_over_to_the_same_place_is_kept_apart(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud"), local("local"))))
    rig.grant()
    client = rig.ask(chat("waits"))
    rig.reply(whole(b"{}", 503) + whole({"n": "smuggled"}), "i1")
    rig.reply(whole({"n": 2}), "cloud")
    assert client.answer.json == {"n": 2}


# ---- the cold path


def test_a_plain_request_waits_and_is_served_on_grant(rig: Rig) -> None:
    client = rig.ask(chat("waits"))
    assert rig.uplink.take() == [link.Ensure("local", 1)]
    rig.later(100)
    assert client.wire.data == b""
    rig.grant()
    rig.spin()
    assert rig.uplink.take() == [link.Activity("i1", True)]
    rig.reply(whole(), "i1")
    assert rig.uplink.take() == [link.Activity("i1", False)]
    assert client.answer.status == 200
    assert client.answer.headers["x-glowplug-reason"] == "cold; waited"


def test_a_plain_request_that_has_waited_enough(rig: Rig) -> None:
    client = rig.ask(chat("local"))
    rig.plane.grants.progress(Loading(model="local", state="loading", stage="weights", eta_seconds=7.2, progress=0.5))
    rig.later(301)
    assert rig.uplink.take() == [link.Ensure("local", 1), link.Waiting("local", 0)]
    assert client.answer.status == 503
    assert client.answer.headers["retry-after"] == "8"
    assert client.answer.json["error"]["loading"] == {
        "model": "local", "state": "loading", "stage": "weights", "eta_seconds": 7.2, "progress": 0.5,
    }  # fmt: skip
    client = rig.ask(chat("waits"))
    rig.later(301)
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200, "somebody else was left"


def test_a_stream_gets_heartbeats_then_content(rig: Rig) -> None:
    client = rig.ask(chat("local", stream=True))
    assert client.wire.data == b""
    rig.later(1.1)
    rig.plane.grants.progress(Loading(model="local", state="loading", progress=0.25))
    rig.later(2.2)
    assert client.answer.status == 200
    assert client.answer.headers["content-type"].startswith("text/event-stream")
    beats = client.answer.body
    assert beats == b": glowplug local queued\n\n: glowplug local loading 25%\n\n"
    rig.grant()
    rig.spin()
    rig.reply(STREAM, "i1")
    assert client.answer.complete
    assert payloads(client.answer.body) == [delta("a"), delta("b"), "[DONE]"]
    assert client.answer.body.startswith(beats)


@pytest.mark.parametrize("beats", [False, True])
def test_the_engine_fails_while_a_stream_waits(rig: Rig, beats: bool) -> None:
    client = rig.ask(chat("local", stream=True))
    if beats:
        rig.later(1.1)
    rig.plane.grants.fail("local", DEAD)
    rig.spin()
    error = payloads(client.answer.body)[0]["error"] if beats else client.answer.json["error"]
    assert client.answer.status == (200 if beats else 503)
    assert error["reason"] == "crash"
    assert error["log_tail"] == ["last words"]
    assert b"[DONE]" not in client.answer.body
    again = rig.ask(chat("local"))
    assert again.answer.status == 503
    assert again.answer.json["error"]["code"] == "engine_failed"


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


def test_the_cloud_answers_while_it_is_cold(rig: Rig) -> None:
    for _ in range(3):
        client = rig.ask(chat("warms"))
        rig.reply(whole(), "cloud")
        assert client.answer.headers["x-glowplug-reason"] == "cold; warming local"
    assert rig.uplink.take() == [link.Ensure("local", 0)]
    rig.grant()
    client = rig.ask(chat("warms"))
    rig.reply(whole(), "i1")
    assert client.answer.headers["x-glowplug-model"] == "local"


def test_while_it_is_cold_and_the_cloud_is_broken_it_is_waited_for(rig: Rig) -> None:
    rig.errors["cloud"] = ConnectionRefusedError(111, "refused")
    client = rig.ask(chat("warms"))
    assert rig.uplink.take() == [link.Ensure("local", 0), link.Ensure("local", 1)]
    rig.grant()
    rig.spin()
    rig.reply(whole(), "i1")
    assert client.answer.status == 200


def test_reject_starts_nothing(rig: Rig) -> None:
    client = rig.ask(chat("rejects"))
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200
    client = rig.ask(chat("only-rejects"))
    assert client.answer.status == 503
    assert client.answer.json["error"]["loading"]["state"] == "queued"
    assert "retry-after" in client.answer.headers
    assert rig.uplink.take() == []


def test_two_hundred_waiters_are_granted_once_each(rig: Rig) -> None:
    clients = [rig.ask(chat("local")) for _ in range(200)]
    assert rig.uplink.take() == [link.Ensure("local", n) for n in range(1, 201)]
    rig.grant()
    rig.spin()
    assert len(rig.ups) == 200
    assert rig.uplink.take() == [link.Activity("i1", True)]
    for up in rig.ups:
        up.say(whole())
    rig.spin()
    assert all(c.answer.status == 200 for c in clients)
    assert rig.uplink.take() == [link.Activity("i1", False)]


def test_a_grant_respects_the_concurrency_of_the_target(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("local", max_concurrency=2),), aliases=()))
    clients = [rig.ask(chat("local")) for _ in range(3)]
    rig.grant()
    rig.spin()
    assert len(rig.ups) == 2
    assert clients[2].answer.status == 429
    for up in rig.ups:
        up.say(whole())


def test_too_many_waiters(rig: Rig) -> None:
    rig.limits(waiting=2)
    waiting = [rig.ask(chat("local")) for _ in range(2)]
    assert rig.ask(chat("local")).answer.code == "model_loading"
    waiting[0].wire.lose()
    assert rig.ask(chat("local")).wire.data == b""


def test_a_client_that_leaves_while_it_waits(rig: Rig) -> None:
    clients = [rig.ask(chat("local")) for _ in range(3)]
    rig.uplink.take()
    clients[1].wire.lose()
    assert rig.uplink.take() == [link.Waiting("local", 2)]
    rig.grant()
    rig.spin()
    assert len(rig.ups) == 2


def test_a_broken_engine_is_asked_for_once_more(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    rig.up("i1").wire.lose(ConnectionResetError())
    rig.spin()
    sent = rig.uplink.take()
    assert [type(m) for m in sent] == [link.Activity, link.Suspect, link.Activity, link.Ensure]
    rig.grant()
    rig.spin()
    rig.reply(whole(), "i1")
    assert client.answer.status == 200
    assert [e.outcome for e in rig.journal.ends] == ["upstream_error", "ok"]


def test_a_broken_engine_is_not_asked_for_for_ever(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    for _ in range(5):
        if rig.up("i1").wire.lost:
            break
        rig.up("i1").wire.lose(ConnectionResetError())
        rig.grant()
        rig.spin()
    assert client.answer.status == 502
    assert len(rig.journal.ends) == 2


def test_a_snapshot_without_the_model_refuses_who_waits(rig: Rig) -> None:
    client = rig.ask(chat("local"))
    other = rig.ask(chat("waits", stream=True))
    rig.apply(snapshot(models=(cloud("cloud"),), aliases=()))
    rig.spin()
    assert client.answer.status == 503
    rig.reply(STREAM, "cloud")
    assert other.answer.complete
    assert rig.ask(chat("local")).answer.status == 404


def test_a_snapshot_that_keeps_the_model_keeps_who_waits(rig: Rig) -> None:
    client = rig.ask(chat("local"))
    rig.apply(snapshot(revision=2))
    rig.grant()
    rig.spin()
    rig.reply(whole(), "i1")
    assert client.answer.status == 200


# ---- the client leaves


@pytest.mark.parametrize("when", ["dialling", "asked", "head", "content", "done"])
@pytest.mark.parametrize("model", ["local", "cloud"])
def test_a_client_that_leaves_stops_the_upstream(rig: Rig, model: str, when: str) -> None:
    rig.grant()
    client = rig.client().send(request(chat(model, stream=True)))
    if when != "dialling":
        rig.spin()
    said = {"head": STREAM_HEAD, "content": STREAM_HEAD + events(delta("a")), "done": STREAM[: -len(END)]}
    if when in said:
        rig.reply(said[when])
    client.wire.lose()
    rig.spin()
    assert all(up.wire.aborted for up in rig.ups)
    (end,) = rig.journal.ends
    assert end.outcome == ("ok" if when == "done" else "client_gone")
    assert rig.plane.connections == set()


@pytest.mark.parametrize("stream", [False, True])
def test_a_paid_provider_is_read_to_its_usage(rig: Rig, stream: bool) -> None:
    rig.apply(snapshot(models=(cloud("cloud", on_disconnect=OnDisconnect.DRAIN), cloud("cloud2"))))
    client = rig.ask(chat("both", stream=stream))
    data = STREAM if stream else whole()
    rig.reply(data[:150])
    client.wire.lose()
    assert rig.journal.ends == []
    assert len(rig.plane.detached) == 1
    rig.reply(data[150:])
    (end,) = rig.journal.ends
    assert end.outcome == "client_gone"
    assert (end.prompt_tokens, end.completion_tokens, end.estimated) == ((5, 7, False) if stream else (3, 4, False))
    assert rig.plane.detached == set()


@pytest.mark.parametrize("how", ["too long", "breaks", "503", "stale"])
def test_a_drain_ends_and_asks_nobody_else(rig: Rig, how: str) -> None:
    rig.apply(snapshot(models=(cloud("cloud", on_disconnect=OnDisconnect.DRAIN), cloud("cloud2"))))
    if how == "stale":
        rig.ask(chat("both"))
        rig.reply(whole())
    client = rig.ask(chat("both"))
    count = len(rig.ups)
    client.wire.lose()
    match how:
        case "too long":
            rig.later(119)
            assert rig.plane.detached
            rig.later(121)
        case "503":
            rig.reply(whole(b"{}", 503))
        case _:
            rig.up().wire.lose()
    rig.spin()
    assert rig.plane.detached == set()
    assert len(rig.ups) == count
    assert rig.journal.ends[-1].outcome == "client_gone"


# ---- back-pressure


def test_a_slow_client_pauses_the_upstream(rig: Rig) -> None:
    client = rig.ask(chat(stream=True))
    rig.reply(STREAM_HEAD + events(delta("a")))
    client.conn.pause_writing()
    assert not rig.up().wire.reading
    rig.later(100)
    client.conn.resume_writing()
    assert rig.up().wire.reading
    rig.reply(STREAM[len(STREAM_HEAD) :])
    assert client.answer.complete
    rig.ask(chat())
    assert rig.up().wire.reading, "the pooled connection reads again"
    rig.reply(whole())


def test_metrics_have_seen_it(rig: Rig) -> None:
    rig.ask(chat())
    rig.reply(whole())
    rig.ask(chat("absent"))
    metrics = rig.plane.metrics
    assert dict(metrics.requests) == {("cloud", 200): 1, ("", 404): 1}
    assert dict(metrics.attempts) == {("cloud", "ok"): 1}
    assert metrics.tokens["cloud"] == [3, 4]
