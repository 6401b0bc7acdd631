"""One model request: admission, failover before the first byte, commitment after it, the cold path."""

from __future__ import annotations

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Capability, Loading, OnDisconnect
from glowplug.domain.snapshot import AliasRoute
from glowplug.wire import link
from tests.gateway.rig import (
    END,
    KEY,
    STREAM,
    STREAM_HEAD,
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
    queued = rig.ask(chat("cloud"))
    second = rig.ask(chat("both"))
    rig.reply(whole({"n": 2}), "cloud2")
    assert second.answer.json == {"n": 2}
    assert queued.answers == []
    rig.ups[0].say(whole())
    rig.spin()
    assert first.answer.status == 200
    rig.ups[0].say(whole({"n": 3}))  # on the connection that was freed
    assert queued.answer.json == {"n": 3}
    assert queued.answer.headers["x-glowplug-reason"] == "full; waited"


# ---- failover before the first byte


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
    rig.plane.grants.progress(Loading(model="local", state="loading", stage="weights", eta_s=7.2, progress=0.5))
    rig.later(301)
    assert rig.uplink.take() == [link.Ensure("local", 1), link.Waiting("local", 0)]
    assert client.answer.status == 503
    assert client.answer.headers["retry-after"] == "8"
    assert client.answer.json["error"]["loading"] == {
        "model": "local", "state": "loading", "stage": "weights", "eta_s": 7.2, "progress": 0.5, "queue_position": None,
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
    assert clients[2].answers == []
    for up in list(rig.ups):
        up.say(whole())
    rig.spin()
    rig.reply(whole(), "i1")
    assert [client.answer.status for client in clients] == [200, 200, 200]


def test_too_many_waiters(rig: Rig) -> None:
    rig.limits(waiting=2)
    waiting = [rig.ask(chat("local")) for _ in range(2)]
    assert rig.ask(chat("local")).answer.code == "model_loading"
    waiting[0].wire.lose()
    assert rig.ask(chat("local")).wire.data == b""


def test_when_too_many_wait_the_next_target_answers(rig: Rig) -> None:
    rig.limits(waiting=1)
    first = rig.ask(chat("waits"))
    second = rig.ask(chat("waits"))
    rig.reply(whole(), "cloud")
    assert (first.answers, second.answer.status) == ([], 200)
    assert second.answer.headers["x-glowplug-model"] == "cloud"
    first.wire.lose(None)


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
    assert metrics.tokens["cloud"] == [3, 4, 0]
