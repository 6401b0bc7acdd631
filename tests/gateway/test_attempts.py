"""One try against one target: what fails over, what is final, what is accounted."""

from __future__ import annotations

import asyncio
import json

import pytest

from glowplug.testing.fault_scripts import (
    EVENT_STREAM,
    Mark,
    Send,
    Silence,
    chunk,
    cut_chunks,
    event,
    head,
)
from glowplug.testing.fault_upstream import FaultUpstream
from glowplug.wire import link
from tests.gateway.live import Live, Run
from tests.gateway.rig import (
    END,
    STREAM,
    STREAM_HEAD,
    USAGE,
    Rig,
    chat,
    cloud,
    delta,
    events,
    local,
    payloads,
    request,
    whole,
)


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


@pytest.mark.parametrize("status", [400, 404, 422])
def test_the_clients_own_faults_do_not_fail_over(rig: Rig, status: int) -> None:
    client = rig.ask(chat("both", stream=True))
    rig.reply(whole({"error": {"message": "theirs"}}, status, "x-ratelimit-limit: 5", "set-cookie: a=b"))
    assert client.answer.status == status
    assert client.answer.json == {"error": {"message": "theirs"}}
    assert client.answer.headers["llm_provider-x-ratelimit-limit"] == "5"
    assert "set-cookie" not in client.answer.headers
    assert len(rig.ups) == 1


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


def test_a_cut_stream_is_not_ended_cleanly(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(cut_chunks(json.dumps(delta("a")))) as upstream:
            live.serve(cloud("a", upstream.port))
            answer = await live.ask(chat("a", stream=True))
            assert not answer.complete
            assert "error" in payloads(answer.body)[-1]

    live(test)


def test_a_stream_comes_as_it_is_made_and_stops_with_the_client(live: Run) -> None:
    async def test(live: Live) -> None:
        steps = (Send(head(200, EVENT_STREAM) + chunk(event("1"))), Mark("half"), Silence())
        async with FaultUpstream(steps) as upstream:
            live.serve(local("local"))
            live.grant(upstream.port)
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(chat("local", stream=True)))
            assert b"data: 1" in await reader.readuntil(b"data: 1\n\n")
            writer.transport.abort()
            await upstream.ended(1)
            assert live.journal.ends[0].outcome == "client_gone"
            assert live.uplink.sent[-1] == link.Activity("i1", False)

    live(test)


DIED = events({"error": {"message": "CUDA error", "code": 500}})


@pytest.mark.parametrize("rest", [b"", END, events("[DONE]") + END])
def test_an_error_at_the_first_token_fails_over(rig: Rig, rest: bytes) -> None:
    client = rig.ask(chat("both", stream=True))
    rig.reply(STREAM_HEAD + DIED + rest, "cloud")
    assert client.wire.data == b""
    rig.reply(STREAM, "cloud2")
    assert client.answer.complete
    assert b"CUDA" not in client.answer.body
    assert client.answer.headers["x-glowplug-reason"] == "failover; cloud failed at the first token"
    assert [(end.outcome, end.completion_tokens) for end in rig.journal.ends] == [("upstream_error", 0), ("ok", 7)]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("cloud", DIED),
        ("both", events({"error": {"message": "too long", "code": 400}})),
        ("both", events(delta("a")) + DIED),
    ],
)
def test_an_error_in_a_stream_passes_when_nobody_else_can_help(rig: Rig, model: str, said: bytes) -> None:
    client = rig.ask(chat(model, stream=True))
    rig.reply(STREAM_HEAD + said + END)
    assert "error" in payloads(client.answer.body)[-1]
    assert len(rig.ups) == 1
