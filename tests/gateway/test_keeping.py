"""Keys that ask for it: answers given again, and requests with their answers in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.snapshot import AliasRoute, Keeping
from glowplug.gateway.keeping import Keeper
from glowplug.wire.link import Logged
from tests.gateway.rig import (
    ANSWER,
    KEY,
    STREAM,
    STREAM_HEAD,
    Client,
    Rig,
    chat,
    delta,
    events,
    key,
    payloads,
    snapshot,
    whole,
)

OTHER = "sk-gp-other"


def setting(rig: Rig, **more: Any) -> None:
    keys = (key(KEY, "user", **more), key(OTHER, "other", **more))
    rig.apply(snapshot(keys=keys))
    rig.plane.adopt_settings(None)


@pytest.fixture
def cached(rig: Rig) -> Rig:
    setting(rig, cached=True)
    return rig


@pytest.fixture
def logged(rig: Rig) -> Rig:
    setting(rig, log_bodies=True)
    rig.plane.control_connected = True
    rig.uplink.take()
    return rig


def bodies(rig: Rig) -> list[Logged]:
    return [message for message in rig.uplink.take() if isinstance(message, Logged)]


def hit(client: Client) -> bool:
    return client.answer.headers.get("x-glowplug-cache") == "hit"


# ---- the cache


def test_the_same_request_is_answered_again_without_an_attempt(cached: Rig) -> None:
    first = cached.ask(chat())
    cached.reply(whole(), "cloud")
    assert not hit(first)
    again = cached.ask(chat())
    assert hit(again)
    assert (again.answer.status, again.answer.json) == (200, ANSWER)
    assert again.answer.headers["content-type"] == "application/json"
    assert again.answer.headers["x-glowplug-model"] == "cloud"
    assert again.answer.headers["x-glowplug-reason"] == "cached"
    assert again.answer.headers["age"] == "0"
    assert len(cached.journal.ends) == 1
    assert dict(cached.plane.metrics.cache) == {"miss": 1, "hit": 1}
    assert cached.plane.metrics.requests["cloud", 200] == 2


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_given_again_says_that_the_name_is_deprecated(cached: Rig, stream: bool) -> None:
    """As it is when it is given: the name may have been renamed since."""
    cached.ask(chat("both", stream=stream))
    cached.reply(STREAM if stream else whole(), "cloud")
    fresh = cached.ask(chat("both", stream=stream))
    assert hit(fresh)
    assert "deprecation" not in fresh.answer.headers
    old = AliasRoute(name="both", targets=("cloud",), deprecated=7)
    cached.apply(snapshot(revision=2, keys=cached.snap.keys, aliases=(old,)))
    again = cached.ask(chat("both", stream=stream))
    assert hit(again)
    assert again.answer.headers["deprecation"] == "@7"
    assert again.answer.headers["x-glowplug-deprecated"] == "use cloud"


def test_a_stream_comes_again_as_a_stream(cached: Rig) -> None:
    first = cached.ask(chat(stream=True))
    cached.reply(STREAM, "cloud")
    again = cached.ask(chat(stream=True))
    assert hit(again)
    assert payloads(again.answer.body) == payloads(first.answer.body)
    assert again.answer.headers["content-type"].startswith("text/event-stream")
    assert again.answer.complete


@pytest.mark.parametrize(("change", "more"), [
    ({"temperature": 1}, {}), ({"model": "cloud2"}, {}), ({}, {"token": OTHER}), ({"stream": True}, {}),
    ({}, {"headers": ["cache-control: no-cache"]}),
])  # fmt: skip
def test_another_request_or_another_key_is_asked_anew(
    cached: Rig, change: dict[str, Any], more: dict[str, Any]
) -> None:
    cached.ask(chat())
    cached.reply(whole(), "cloud")
    other = cached.ask({**chat(), **change}, **more)
    assert not other.wire.data, "nothing has been answered yet"
    assert len(cached.ups) >= 1


@pytest.mark.parametrize("reply", [whole({"error": {"message": "no"}}, 400), whole(b"")])
def test_what_is_no_good_answer_is_not_given_again(cached: Rig, reply: bytes) -> None:
    bad = reply.startswith(b"HTTP/1.1 400")
    cached.ask(chat())
    cached.reply(reply, "cloud")
    again = cached.ask(chat())
    assert bool(again.wire.data) is not bad


def test_a_stream_that_broke_is_not_given_again(cached: Rig) -> None:
    client = cached.ask(chat(stream=True))
    cached.reply(STREAM_HEAD + events(delta("a")), "cloud")
    cached.up("cloud").wire.lose()
    cached.spin()
    assert not client.answer.complete
    assert not cached.ask(chat(stream=True)).wire.data


def test_what_is_too_long_is_not_given_again(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", cached=True),), keeping=Keeping(longest=10)))
    rig.plane.adopt_settings(None)
    rig.ask(chat())
    rig.reply(whole(), "cloud")
    assert not rig.ask(chat()).wire.data


def test_keys_that_do_not_ask_for_it_are_never_answered_from_it(rig: Rig) -> None:
    setting(rig)
    for _ in range(2):
        rig.ask(chat())
        rig.reply(whole(), "cloud")
    assert len(rig.journal.ends) == 2
    assert not rig.plane.metrics.cache


@pytest.fixture
def disk(rig: Rig, tmp_path: Path) -> Iterator[Rig]:
    rig.apply(snapshot(keys=(key(KEY, "user", cached=True),), keeping=Keeping(disk=1 << 20)))
    rig.plane.adopt_settings(tmp_path / "cache.db")
    yield rig
    if rig.plane.disk_cache is not None:
        rig.plane.disk_cache.close()


def settled(rig: Rig) -> None:
    """The cache's thread has done what it was given, and the loop has heard of it."""
    assert rig.plane.disk_cache is not None
    rig.plane.disk_cache._thread.submit(int).result(5)
    rig.spin()


def test_the_shared_file_answers_what_this_workers_memory_lost(disk: Rig) -> None:
    first = disk.ask(chat())
    settled(disk)
    disk.reply(whole(), "cloud")
    assert first.answer.status == 200
    settled(disk)
    disk.plane.cache.resize(0, 0.0)
    disk.plane.cache.resize(1 << 20, 3600.0)
    again = disk.ask(chat())
    settled(disk)
    assert hit(again)
    assert hit(disk.ask(chat())), "now it is in memory again"


def test_a_client_that_leaves_while_the_file_is_asked(disk: Rig) -> None:
    client = disk.ask(chat())
    if not disk.ups:
        client.wire.lose()
    settled(disk)
    assert not disk.ups or not client.wire.lost


def test_a_file_that_is_slow_is_not_waited_for(disk: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk.plane.disk_cache is not None
    from concurrent.futures import Future

    never: Future[None] = Future()
    monkeypatch.setattr(disk.plane.disk_cache, "get", lambda *_: never)
    client = disk.ask(chat())
    assert not disk.ups
    disk.later(0.3)
    disk.reply(whole(), "cloud")
    assert client.answer.status == 200
    never.set_result(None)
    disk.spin()
    assert len(disk.journal.ends) == 1


def test_the_file_goes_with_the_setting(disk: Rig) -> None:
    disk.apply(snapshot(keys=(key(KEY, "user", cached=True),)))
    disk.plane.adopt_settings(None)
    assert disk.plane.disk_cache is None


# ---- the log of requests


def test_a_request_is_logged_with_its_answer(logged: Rig) -> None:
    client = logged.ask(chat(), headers=["x-request-id: mine"])
    logged.reply(whole(), "cloud")
    (one,) = bodies(logged)
    assert (one.request, one.key, one.kind, one.asked, one.model, one.status, one.truncated) == (
        "mine", "user", "chat", "cloud", "cloud", 200, False,
    )  # fmt: skip
    assert json.loads(one.sent) == chat()
    assert one.answered == client.answer.body


def test_a_stream_is_logged_as_the_client_saw_it(logged: Rig) -> None:
    client = logged.ask(chat(stream=True))
    logged.reply(STREAM, "cloud")
    (one,) = bodies(logged)
    assert one.answered == client.answer.body


def test_a_stream_that_broke_is_logged_as_far_as_it_came(logged: Rig) -> None:
    logged.ask(chat(stream=True))
    logged.reply(STREAM_HEAD + events(delta("a")), "cloud")
    logged.up("cloud").wire.lose()
    logged.spin()
    (one,) = bodies(logged)
    assert b'"a"' in one.answered
    assert one.status == 0


def test_a_refusal_is_logged_with_its_error(logged: Rig) -> None:
    client = logged.ask(chat())
    logged.up("cloud").wire.lose()
    logged.spin()
    (one,) = bodies(logged)
    assert (one.status, one.answered) == (502, client.answer.body)


def test_what_is_long_is_cut_and_marked(logged: Rig) -> None:
    logged.apply(snapshot(keys=(key(KEY, "user", log_bodies=True),), keeping=Keeping(longest=20)))
    logged.ask(chat())
    logged.reply(whole(), "cloud")
    (one,) = bodies(logged)
    assert one.truncated
    assert (len(one.sent), len(one.answered)) == (20, 20)


def test_while_control_is_away_bodies_are_dropped_and_counted(logged: Rig) -> None:
    logged.plane.control_connected = False
    client = logged.ask(chat())
    logged.reply(whole(), "cloud")
    assert client.answer.status == 200
    assert bodies(logged) == []
    assert logged.plane.metrics.bodies_dropped == 1


def test_a_keeper_counts_what_it_does_not_keep() -> None:
    keeper = Keeper(4, b"")
    for piece in (b"abc", b"def", b"g"):
        keeper.add(piece)
    assert (b"".join(keeper.parts), keeper.size, keeper.truncated) == (b"abcd", 7, True)
