"""Requests in, answers out: framing, order, limits, whatever the cuts."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from glowplug.testing.fault_scripts import (
    EVENT_STREAM,
    LAST_CHUNK,
    Send,
    chunk,
    event,
    head,
)
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import (
    ANSWER,
    KEY,
    STREAM,
    Rig,
    chat,
    cloud,
    payloads,
    request,
    responses,
    whole,
)

fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("chunks", [0, 1, 7, 1000])
def test_a_plain_request(rig: Rig, chunks: int) -> None:
    client = rig.ask(chat(temperature=0.5), chunks=chunks)
    assert rig.up("cloud").body == {**chat(temperature=0.5), "model": "up-cloud"}
    rig.reply(whole())
    assert client.answer.status == 200
    assert client.answer.json == ANSWER
    assert client.answer.headers["x-glowplug-model"] == "cloud"
    assert client.answer.headers["x-glowplug-attempts"] == "1"
    assert client.answer.headers["x-request-id"].startswith("req_")
    assert not client.wire.closing
    (end,) = rig.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.estimated, end.status) == (3, 4, False, 200)


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/completions", "/v1/embeddings", "/embeddings", "/chat/completions"]
)
def test_every_route_has_its_own_path_upstream(rig: Rig, path: str) -> None:
    rig.ask(chat(), path=path)
    assert rig.up("cloud").request.startswith(f"POST /v1{path.removeprefix('/v1')} HTTP/1.1\r\n".encode())


def test_the_head_upstream_is_ours(rig: Rig) -> None:
    rig.ask(chat(), headers=["Cookie: secret", "X-Client: 1", "User-Agent: me"])
    head = rig.up("cloud").request.partition(b"\r\n\r\n")[0].lower()
    assert b"authorization: bearer sk-cloud" in head
    assert KEY.encode() not in head
    assert b"cookie" not in head


def test_keep_alive_serves_one_after_the_other_on_one_upstream(rig: Rig) -> None:
    client = rig.client()
    for number in range(3):
        client.send(request(chat()))
        rig.spin()
        rig.reply(whole({"n": number}))
    assert [r.json["n"] for r in client.answers] == [0, 1, 2]
    assert len(rig.ups) == 1


def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    client = rig.client()
    client.send(
        request(chat("cloud"))
        + request(path="/health/live", method="GET", token=None)
        + request(path="/admin/x", method="GET")
        + request(chat("cloud2", stream=True))
        + request(path="/health/live", method="GET", token=None)
    )
    rig.spin()
    assert client.answers == []
    assert not client.wire.reading
    rig.reply(whole({"first": 1}), "cloud")
    assert len(client.answers) == 2
    rig.reply(whole(b"{}", 202), "control")
    rig.reply(STREAM, "cloud2")
    assert [r.status for r in client.answers] == [200, 200, 202, 200, 200]
    assert payloads(client.answers[3].body)[-1] == "[DONE]"
    assert client.answers[4].json == {"status": "live"}
    assert client.wire.reading


def test_a_request_after_connection_close_is_not_served_and_harms_nothing(rig: Rig) -> None:
    client = rig.client().send(request(chat(), headers=["Connection: close"]) + request(chat()))
    rig.spin()
    rig.reply(whole({"n": 1}))
    assert client.answer.json == {"n": 1}
    assert client.answer.headers["connection"] == "close"
    assert client.wire.closing
    assert len(rig.ups) == 1


def test_nothing_is_begun_on_a_connection_that_closes(rig: Rig) -> None:
    rig.plane.draining = True
    client = rig.client().send(request(path="/health/live", method="GET") + request(chat()))
    rig.spin()
    assert client.answer.status == 200
    assert client.wire.closing
    assert rig.ups == []


def test_a_bad_request_behind_a_good_one_waits_its_turn(rig: Rig) -> None:
    client = rig.client().send(request(chat()) + b"GARBAGE\r\n\r\n")
    rig.spin()
    rig.reply(whole({"n": 1}))
    assert [r.status for r in client.answers] == [200, 400]
    assert client.wire.done


@pytest.mark.parametrize("model", ["cloud", "absent"])
def test_head_of_a_model_route_is_refused(rig: Rig, model: str) -> None:
    client = rig.ask(chat(model), method="PUT")
    assert client.answer.status == 400
    assert client.answer.code == "method_not_allowed"


def test_head(rig: Rig) -> None:
    client = rig.client().send(request(method="HEAD", path="/health/live") + request(method="HEAD", path="/v1/models"))
    rig.spin()
    first, second = responses(client.wire.data, head=True)
    assert int(first.headers["content-length"]) == len(b'{"status":"live"}')
    assert int(second.headers["content-length"]) > 100


@pytest.mark.parametrize(("version", "connection", "kept"), [
    ("1.1", None, True), ("1.1", "close", False), ("1.0", None, False), ("1.0", "keep-alive", True),
])  # fmt: skip
def test_versions_and_persistence(rig: Rig, version: str, connection: str | None, kept: bool) -> None:
    headers = [f"Connection: {connection}"] if connection else []
    client = rig.ask(chat(), version=version, headers=headers)
    rig.reply(whole())
    assert client.answer.json == ANSWER
    want = ("keep-alive" if version == "1.0" else None) if kept else "close"
    assert client.answer.headers.get("connection") == want
    assert client.wire.closing is not kept


# ---- Expect


def test_continue_is_said_after_the_head_passed(rig: Rig) -> None:
    data = request(chat(), headers=["Expect: 100-continue"])
    cut = data.index(b"\r\n\r\n") + 4
    client = rig.client().send(data[: cut - 1])
    assert client.wire.data == b""
    client.send(data[cut - 1 : cut])
    assert client.wire.data == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(data[cut:])
    rig.spin()
    rig.reply(whole())
    assert [r.status for r in client.answers] == [100, 200]


@pytest.mark.parametrize(("change", "status"), [
    ({"token": "wrong"}, 401), ({"token": None}, 401), ({"host": "evil"}, 403), ({"method": "PUT"}, 400),
])  # fmt: skip
def test_continue_is_not_said_to_who_is_refused(rig: Rig, change: dict[str, Any], status: int) -> None:
    data = request(chat(), headers=["Expect: 100-continue"], **change)
    client = rig.client().send(data[: data.index(b"\r\n\r\n") + 4])
    assert client.answer.status == status
    assert client.wire.done


def test_continue_is_not_said_for_a_body_that_is_too_large(rig: Rig) -> None:
    rig.limits(body_bytes=1000)
    client = rig.client().send(request(headers=["Expect: 100-continue", "Content-Length: 1001"]))
    assert client.answer.status == 413
    assert client.wire.done


def test_continue_is_not_said_to_http_1_0(rig: Rig) -> None:
    data = request(chat(), headers=["Expect: 100-continue"], version="1.0")
    client = rig.client().send(data[: data.index(b"\r\n\r\n") + 4])
    assert client.wire.data == b""


# ---- framing that could be read two ways

_TOP = "POST /v1/chat/completions HTTP/1.1\r\n"
_OK = f"Host: localhost\r\nAuthorization: Bearer {KEY}\r\n"
_BODY = json.dumps(chat())
_CHUNKED = f"{len(_BODY):x}\r\n{_BODY}\r\n0\r\n\r\n"
_SIZE = f"Content-Length: {len(_BODY)}\r\n"
AMBIGUOUS = {
    "length and chunked": _TOP + _OK + _SIZE + "Transfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "chunked and length": _TOP + _OK + "Transfer-Encoding: chunked\r\n" + _SIZE + "\r\n" + _CHUNKED,
    "two lengths": _TOP + _OK + _SIZE + f"Content-Length: {len(_BODY) + 1}\r\n\r\n" + _BODY,
    "equal lengths": _TOP + _OK + _SIZE + _SIZE + "\r\n" + _BODY,
    "length list": _TOP + _OK + f"Content-Length: {len(_BODY)}, {len(_BODY)}\r\n\r\n" + _BODY,
    "length sign": _TOP + _OK + f"Content-Length: +{len(_BODY)}\r\n\r\n" + _BODY,
    "length negative": _TOP + _OK + "Content-Length: -1\r\n\r\n" + _BODY,
    "length hex": _TOP + _OK + "Content-Length: 0x10\r\n\r\n" + _BODY,
    "length huge": _TOP + _OK + "Content-Length: 99999999999999999999999\r\n\r\n" + _BODY,
    "length empty": _TOP + _OK + "Content-Length: \r\n\r\n" + _BODY,
    "bare LF in head": (_TOP + _OK + _SIZE).replace("\r\n", "\n") + "\n" + _BODY,
    "bare LF after a header": _TOP + _OK + "X-A: b\n" + _SIZE + "\r\n" + _BODY,
    "bare LF ends head": _TOP + _OK + _SIZE + "\n" + _BODY,
    "bare CR in value": _TOP + _OK + "X-A: b\rc\r\n" + _SIZE + "\r\n" + _BODY,
    "folded header": _TOP + _OK + "X-A: b\r\n c\r\n" + _SIZE + "\r\n" + _BODY,
    "folded length": _TOP + _OK + f"Content-Length:\r\n {len(_BODY)}\r\n\r\n" + _BODY,
    "space before colon": _TOP + _OK + f"Content-Length : {len(_BODY)}\r\n\r\n" + _BODY,
    "space before first header": _TOP + " X-A: b\r\n" + _OK + _SIZE + "\r\n" + _BODY,
    "gzip, chunked": _TOP + _OK + "Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKED,
    "chunked, gzip": _TOP + _OK + "Transfer-Encoding: chunked, gzip\r\n\r\n" + _CHUNKED,
    "gzip": _TOP + _OK + "Transfer-Encoding: gzip\r\n\r\n" + _CHUNKED,
    "identity": _TOP + _OK + "Transfer-Encoding: identity\r\n" + _SIZE + "\r\n" + _BODY,
    "xchunked": _TOP + _OK + "Transfer-Encoding: xchunked\r\n\r\n" + _CHUNKED,
    "chunked twice": _TOP + _OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "chunked, chunked": _TOP + _OK + "Transfer-Encoding: chunked, chunked\r\n\r\n" + _CHUNKED,
    "chunked in 1.0": _TOP.replace("1.1", "1.0") + _OK + "Transfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "chunk size junk": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + _BODY,
    "chunk size sign": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk size 0x": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size huge": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
    "chunk bare LF": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "chunk without end": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "chunk extension with LF": _TOP + _OK + "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    "absolute form": _TOP.replace(" /v1", " http://localhost/v1") + _OK + _SIZE + "\r\n" + _BODY,
    "authority form": "CONNECT localhost:80 HTTP/1.1\r\n" + _OK + "\r\n",
    "asterisk form": "OPTIONS * HTTP/1.1\r\n" + _OK + "\r\n",
    "no host": _TOP + _OK.partition("\r\n")[2] + _SIZE + "\r\n" + _BODY,
    "two hosts": _TOP + "Host: localhost\r\n" + _OK + _SIZE + "\r\n" + _BODY,
    "two authorizations": _TOP + _OK + "Authorization: Bearer x\r\n" + _SIZE + "\r\n" + _BODY,
    "two api keys": _TOP + _OK + "X-Api-Key: x\r\nX-API-KEY: x\r\n" + _SIZE + "\r\n" + _BODY,
    "NUL in name": _TOP + _OK + "X-\0A: b\r\n" + _SIZE + "\r\n" + _BODY,
    "NUL in value": _TOP + _OK + "X-A: \0\r\n" + _SIZE + "\r\n" + _BODY,
    "NUL in target": _TOP.replace("/v1", "/\0v1") + _OK + _SIZE + "\r\n" + _BODY,
    "space in target": _TOP.replace("/v1", "/ v1") + _OK + _SIZE + "\r\n" + _BODY,
    "version 2.0": _TOP.replace("1.1", "2.0") + _OK + _SIZE + "\r\n" + _BODY,
    "version 0.9": _TOP.replace("1.1", "0.9") + _OK + _SIZE + "\r\n" + _BODY,
    "version 1.2": _TOP.replace("1.1", "1.2") + _OK + _SIZE + "\r\n" + _BODY,
    "no version": _TOP.replace(" HTTP/1.1", "") + _OK + _SIZE + "\r\n" + _BODY,
    "unknown method": _TOP.replace("POST", "PROST") + _OK + _SIZE + "\r\n" + _BODY,
    "tls": "\x16\x03\x01\x02\x00\x01",
    "http2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("size", [1, 5, 100_000])
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_framing_is_refused_and_the_connection_closed(rig: Rig, name: str, size: int) -> None:
    data = AMBIGUOUS[name].encode("latin-1")
    client = rig.client()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    rig.spin()
    first, *more = client.answers
    assert first.status == 400
    assert first.code == "malformed_request"
    assert more == []
    assert rig.ups == []
    assert client.wire.done
    assert first.headers["connection"] == "close"


# ---- limits


@pytest.mark.parametrize("size", [100, 4096, 1 << 20])
def test_a_head_that_is_too_large(rig: Rig, size: int) -> None:
    rig.limits(head_bytes=8192)
    data = request(chat(), headers=["X-A: " + "a" * 5000, "X-B: " + "b" * 5000])
    client = rig.client()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    assert client.answer.status == 431
    assert client.wire.done
    assert rig.ups == []


def test_a_large_body_in_one_piece_is_no_large_head(rig: Rig) -> None:
    rig.limits(head_bytes=8192)
    client = rig.ask(chat(pad="x" * 50_000))
    rig.reply(whole())
    assert client.answer.status == 200


def test_a_second_head_that_is_too_large_in_the_same_piece(rig: Rig) -> None:
    rig.limits(head_bytes=8192)
    live = {"path": "/health/live", "method": "GET"}
    client = rig.client().send(request(**live) + request(**live, headers=["X-A: " + "a" * 20_000]))
    assert [r.status for r in client.answers] == [200, 431]


def test_too_many_headers(rig: Rig) -> None:
    rig.limits(headers=20)
    client = rig.ask(chat(), headers=[f"X-{i}: 1" for i in range(30)])
    assert client.answer.status == 431
    client = rig.ask(chat(), headers=[f"X-{i}: 1" for i in range(10)])
    rig.reply(whole())
    assert client.answer.status == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read(rig: Rig) -> None:
    rig.limits(body_bytes=100_000)
    client = rig.client().send(request(headers=["Content-Length: 100001"]))
    assert client.answer.status == 413
    assert client.wire.done
    client.send(b"x" * 50_000)
    assert client.conn.parts == []


@pytest.mark.parametrize("limit", [1000, 100_000])
def test_chunks_that_grow_too_large_are_refused_at_once(rig: Rig, limit: int) -> None:
    rig.limits(body_bytes=limit)
    client = rig.client().send(request(headers=["Transfer-Encoding: chunked"]))
    sent = 0
    while sent < 2 * limit and not client.wire.data:
        client.send(b"100\r\n" + b"x" * 256 + b"\r\n")
        sent += 256
    assert sent <= limit + 256
    assert client.answer.status == 413
    assert client.wire.done
    assert client.conn.parts == []


def test_who_is_refused_with_a_long_body_gets_the_answer_before_the_end(rig: Rig) -> None:
    client = rig.client().send(request(headers=["Content-Length: 1000000"], token="wrong"))
    assert client.answer.status == 401
    assert client.wire.done
    for _ in range(20):
        client.send(b"x" * 50_000)
    rig.later(60)
    assert client.wire.lost


def test_who_is_refused_with_a_short_body_may_go_on(rig: Rig) -> None:
    client = rig.client().send(request(chat(), token="wrong") + request(path="/health/live", method="GET"))
    assert [r.status for r in client.answers] == [401, 200]


def test_a_slow_head(rig: Rig) -> None:
    client = rig.client()
    rig.later(9)
    assert not client.wire.closing
    client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
    deadline = client.conn.deadline
    for _ in range(3):
        client.send(b"a")
        assert client.conn.deadline == deadline, "a byte now and then must not extend the head's deadline"
    rig.later(11)
    assert client.answer.status == 408
    assert client.wire.done


def test_a_client_that_never_speaks_is_closed_in_silence(rig: Rig) -> None:
    client = rig.client()
    rig.later(11)
    assert client.wire.lost
    assert client.wire.data == b""


def test_a_slow_body(rig: Rig) -> None:
    data = request(chat(pad="x" * 100))
    client = rig.client().send(data[:-50])
    rig.later(59)
    assert client.wire.data == b"", "the body has its own, longer deadline"
    client.send(data[-50:-20])
    rig.later(61)
    assert client.answer.status == 408
    assert client.wire.done


def test_the_first_silence_of_a_body_is_measured_as_one(rig: Rig) -> None:
    data = request(chat())
    client = rig.client().send(data[: data.index(b"\r\n\r\n") + 4])
    rig.later(30)
    assert client.wire.data == b""
    rig.later(61)
    assert client.answer.status == 408


def test_an_idle_keep_alive_connection_is_closed(rig: Rig) -> None:
    client = rig.ask(chat())
    rig.reply(whole())
    rig.later(70)
    assert not client.wire.closing
    rig.later(76)
    assert client.wire.lost


def test_a_connection_that_cannot_be_flushed_is_cut(rig: Rig) -> None:
    client = rig.client()
    client.wire.close = lambda: setattr(client.wire, "closing", True)  # type: ignore[method-assign]
    client.send(request(chat(), token="wrong", headers=["Connection: close"]))
    assert client.wire.closing
    assert not client.wire.aborted
    rig.later(130)
    assert client.wire.aborted
    client.wire.lose()


@pytest.mark.parametrize("waits", [False, True])
def test_a_client_that_reads_nothing_is_cut(rig: Rig, waits: bool) -> None:
    client = rig.ask(chat(stream=True))
    rig.reply(STREAM[:-20])
    client.conn.pause_writing()
    assert not rig.up().wire.reading
    if waits:
        client.conn.resume_writing()
        assert rig.up().wire.reading
        rig.later(100)
        assert not client.wire.aborted
    else:
        rig.later(121)
        assert client.wire.aborted
        assert rig.journal.ends[0].outcome == "client_gone"


def test_a_client_that_reads_nothing_gets_no_further_answer(rig: Rig) -> None:
    client = rig.client().send(request(chat()) + request(chat("cloud2", stream=True)))
    rig.spin()
    client.conn.pause_writing()  # the first answer does not fit
    rig.reply(whole(b"x" * 1000), "cloud")
    assert [u.where for u in rig.ups] == ["cloud"], "the second request waits until the first answer has gone"
    client.conn.resume_writing()
    rig.spin()
    rig.reply(STREAM, "cloud2")
    assert [r.status for r in client.answers] == [200, 200]


def test_too_many_pipelined_requests(rig: Rig) -> None:
    client = rig.client().send(request(chat()) * 100)
    rig.spin()
    assert client.wire.lost


def test_thousands_of_pipelined_local_requests(rig: Rig) -> None:
    client = rig.client().send(request(path="/health/live", method="GET", token=None) * 3000)
    rig.spin()
    assert [r.status for r in client.answers] == [200] * 3000


# ---- upgrades


@pytest.mark.parametrize("size", [1, 100_000])
def test_h2c_is_ignored_and_the_request_served(rig: Rig, size: int) -> None:
    more = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    data = request(chat(), headers=more) + request(path="/health/live", method="GET")
    client = rig.client()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    rig.spin()
    assert rig.up("cloud").body["messages"] == chat()["messages"]
    rig.reply(whole())
    assert [r.status for r in client.answers] == [200, 200]


def test_h2c_without_a_body_and_over_and_over(rig: Rig) -> None:
    one = request(path="/health/live", method="GET", headers=["Connection: upgrade", "Upgrade: h2c"])
    client = rig.client().send(one * 2000)
    rig.spin()
    assert [r.status for r in client.answers] == [200] * 2000


def test_a_websocket_with_a_body_is_refused(rig: Rig) -> None:
    more = ["Connection: upgrade", "Upgrade: websocket"]
    client = rig.client().send(request(b"hello", path="/ws", method="GET", headers=more))
    rig.spin()
    assert client.answer.status == 400
    assert client.wire.done


# ---- our own faults


def test_an_exception_of_ours_is_not_blamed_on_the_client(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("glowplug.gateway.local.serve", broken)
    with caplog.at_level(logging.ERROR):
        client = rig.client().send(request(path="/x", method="GET"))
    assert client.answer.status == 500
    assert "ours" in caplog.text
    assert "ours" not in client.answer.body.decode()


# ---- any cut, any bytes

_cuts = st.lists(st.integers(0, 2500), max_size=10)
_one = st.sampled_from(
    [
        request(chat()),
        request(chat(pad="x" * 300), chunks=16),
        request(chat(stream=True)),
        request(chat("absent")),
        request(chat(), token="wrong"),
        request(path="/v1/models", method="GET"),
        request(path="/admin/x", method="GET"),
        request(b"not json"),
        request(chat(), headers=["Connection: Upgrade", "Upgrade: h2c"]),
        b"\r\n" + request(path="/health/live", method="GET"),
        request(chat(), headers=["Connection: close"]),
        AMBIGUOUS["length and chunked"].encode(),
    ]
)


def _converse(loop: asyncio.AbstractEventLoop, data: bytes, cuts: list[int], answer_cuts: list[int]) -> list[Any]:
    rig = Rig(loop)
    client = rig.client()
    places = sorted({min(c, len(data)) for c in cuts})

    def serve() -> None:
        for _ in range(20):
            rig.spin()
            waiting = [u for u in rig.ups if len(u.wire.data) > u.seen]
            if not waiting:
                return
            for up in waiting:
                stream = b'"stream": true' in up.request
                reply = STREAM if stream else whole()
                marks = sorted({min(c, len(reply)) for c in answer_cuts})
                for start, end in zip([0, *marks], [*marks, len(reply)], strict=True):
                    if not up.wire.closing and start < end:
                        up.say(reply[start:end])

    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        if not client.wire.lost and start < end:
            client.send(data[start:end])
        serve()
    out: list[Any] = [client.wire.done]
    for one in client.answers:
        body: Any = one.body
        if one.status >= 400:
            body = {k: v for k, v in one.json["error"].items() if k != "request_id"}
        out.append((one.status, one.headers.get("content-type"), body, one.complete))
    rig.journal.check()
    records = [(r.model, r.outcome, r.status, r.prompt_tokens, r.completion_tokens) for r in rig.journal.ends]
    if not client.wire.lost:
        client.wire.lose()
    for up in rig.ups:
        up.wire.abort()
    rig.spin()
    return [*out, records]


@fuzz
@given(st.lists(_one, min_size=1, max_size=4), _cuts, _cuts)
@example([request(chat(stream=True))] * 2, list(range(2000)), list(range(1200)))
def test_any_cut_of_both_sides_gives_the_same(
    turned_loop: asyncio.AbstractEventLoop, requests: list[bytes], cuts: list[int], answer_cuts: list[int]
) -> None:
    data = b"".join(requests)
    assert _converse(turned_loop, data, cuts, answer_cuts) == _converse(turned_loop, data, [], [])


_tokens = st.sampled_from(
    [b"POST ", b"GET ", b"/v1/chat/completions", b" HTTP/1.1\r\n", b"Host: localhost\r\n", b"\r\n", b"\n", b"\r", b"0",
     b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b": ", b"X", b" ",
     b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"CONNECT x:1",
     f"Authorization: Bearer {KEY}\r\n".encode(), b"Expect: 100-continue\r\n", b"\x00", b"/health/live",
     b'{"model":"cloud"}']
)  # fmt: skip


@fuzz
@given(st.lists(st.binary(max_size=30) | st.lists(_tokens, max_size=12).map(b"".join), max_size=8))
def test_any_bytes_are_answered_or_waited_for(turned_loop: asyncio.AbstractEventLoop, pieces: list[bytes]) -> None:
    rig = Rig(turned_loop)
    client = rig.client()
    real = rig.loop.get_exception_handler()
    for piece in pieces:
        if not client.wire.lost:
            client.send(piece)
    rig.spin()
    statuses = [int(part[:3]) for part in client.wire.data.split(b"HTTP/1.1 ")[1:]]
    assert all(s in (100, 200, 400, 401, 403, 404, 408, 413, 431, 502, 503) for s in statuses), statuses
    if 400 not in statuses and not client.wire.closing:
        rig.later(100_000)
        rig.later(200_000)
    assert real is rig.loop.get_exception_handler()
    if not client.wire.lost:
        client.wire.lose()
    for up in rig.ups:
        up.wire.abort()
    rig.spin()
    rig.journal.check()


def test_a_slow_reader_bounds_what_is_read_from_upstream(live: Run) -> None:
    async def test(live: Live) -> None:
        piece = chunk(event("x" * 60_000))
        big = (Send(head(200, EVENT_STREAM)), *[Send(piece)] * 400, Send(LAST_CHUNK))
        async with FaultUpstream(big) as upstream:
            live.serve(cloud("a", upstream.port))
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=4096)
            writer.write(request(chat("a", stream=True)))
            await upstream.arrived(1)
            call = None
            while call is None or not call.paused:
                await asyncio.sleep(0.005)
                call = next((c.call for c in live.plane.connections), None)
            (connection,) = live.plane.connections
            assert connection.tr.get_write_buffer_size() < 2_000_000
            total = 0
            while not (data := await reader.read(1 << 20)).endswith(LAST_CHUNK):
                total += len(data)
            assert total > 400 * 60_000 - (1 << 20)
            writer.transport.abort()

    live(test)


def test_a_refused_upload_can_read_why(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(cloud("a"))
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(request(b"x" * 8_000_000, token="wrong"))
        data = await reader.read(-1)
        assert responses(data)[0].status == 401
        writer.transport.abort()

    live(test)
