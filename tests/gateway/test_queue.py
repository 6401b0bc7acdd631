"""In line for a slot: who is served, in which order, and what ends the waiting."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Cold
from glowplug.domain.snapshot import AliasRoute, Limits
from glowplug.wire import link
from glowplug.wire.exposition import Sample
from tests.gateway.endpoints import Case, error_of, every_case, everything
from tests.gateway.rig import ADMIN, KEY, STREAM, Client, Rig, chat, cloud, key, local, payloads, snapshot, whole

DEAD = Failure(kind=FailureKind.CRASH, message="it crashed", until=4e9)


def one(most: int | None = 1, **more: Any) -> Any:
    """A snapshot with one provider of so many slots, and a local model of as many."""
    models = (cloud("cloud", max_concurrency=most), cloud("cloud2"), local("local", max_concurrency=most))
    return snapshot(**{"models": models, **more})


def _answered(clients: list[Client]) -> list[int]:
    return [client.answer.status if client.answers else 0 for client in clients]


@pytest.mark.parametrize("model", ["cloud", "local"])
def test_one_after_the_other_on_the_same_connection(rig: Rig, model: str) -> None:
    rig.apply(one())
    rig.grant()
    clients = [rig.ask(chat(model)) for _ in range(4)]
    assert len(rig.ups) == 1
    for number in range(4):
        assert _answered(clients) == [200] * number + [0] * (4 - number)
        rig.reply(whole())
    assert _answered(clients) == [200] * 4
    assert len(rig.ups) == 1
    reasons = [client.answer.headers["x-glowplug-reason"] for client in clients]
    assert reasons == ["first", *["full; waited"] * 3]
    if model == "local":
        last = rig.uplink.take()[-1]
        assert last == link.Activity("i1", False)


def test_higher_keys_first(rig: Rig) -> None:
    rig.apply(one(keys=(key(KEY, "low"), key(ADMIN, "high", priority=5))))
    rig.ask(chat("cloud"))
    low = [rig.ask(chat("cloud")) for _ in range(2)]
    high = [rig.ask(chat("cloud"), token=ADMIN) for _ in range(2)]
    for _ in range(3):
        rig.reply(whole())
    assert (_answered(high), _answered(low)) == ([200, 200], [0, 0])
    rig.reply(whole())
    rig.reply(whole())
    assert _answered(low) == [200, 200]


def test_keys_in_turn(rig: Rig) -> None:
    rig.apply(one(keys=(key(KEY, "greedy"), key(ADMIN, "modest"))))
    busy = [rig.ask(chat("cloud")) for _ in range(6)]
    late = [rig.ask(chat("cloud"), token=ADMIN) for _ in range(2)]
    served = []
    for _ in range(8):
        before = _answered(late).count(200)
        rig.reply(whole())
        served.append("modest" if _answered(late).count(200) > before else "greedy")
    assert served == ["greedy", "greedy", "modest", "greedy", "modest", "greedy", "greedy", "greedy"]
    assert _answered(busy) == [200] * 6


def test_a_line_full_of_one_key_has_room_for_another(rig: Rig) -> None:
    rig.apply(one(keys=(key(KEY, "greedy"), key(ADMIN, "modest")), limits=Limits(waiting=2)))
    rig.ask(chat("cloud"))
    first, second = rig.ask(chat("cloud")), rig.ask(chat("cloud"))
    third = rig.ask(chat("cloud"))
    assert _answered([first, second, third]) == [0, 0, 429]
    late = rig.ask(chat("cloud"), token=ADMIN)
    assert _answered([first, second, late]) == [0, 429, 0]
    again = rig.ask(chat("cloud"), token=ADMIN)
    assert _answered([first, late, again]) == [0, 0, 429]
    for _ in range(3):
        rig.reply(whole())
    assert _answered([first, late]) == [200, 200]


def test_keys_that_waited_for_a_load_are_served_in_turn(rig: Rig) -> None:
    rig.apply(one(keys=(key(KEY, "greedy"), key(ADMIN, "modest")), limits=Limits(waiting=4)))
    greedy = [rig.ask(chat("local")) for _ in range(4)]
    modest = rig.ask(chat("local"), token=ADMIN)
    assert _answered(greedy) == [0, 0, 0, 503], "the last of them made room"
    assert rig.uplink.take()[-1] == link.Ensure("local", 4)
    rig.grant()
    rig.spin()
    rig.reply(whole())
    rig.reply(whole())
    assert (_answered(greedy), _answered([modest])) == ([200, 0, 0, 503], [200])
    rig.reply(whole())
    rig.reply(whole())
    assert _answered(greedy) == [200, 200, 200, 503]


def test_who_comes_later_does_not_overtake(rig: Rig) -> None:
    rig.apply(one())
    rig.ask(chat("cloud"))
    first = rig.ask(chat("cloud"))
    rig.ups[0].say(whole())  # the slot is free, and not yet taken by who waits
    late = rig.client().send(b"")
    late = rig.ask(chat("cloud"))
    rig.reply(whole())
    assert _answered([first, late]) == [200, 0]
    rig.reply(whole())
    assert _answered([late]) == [200]


@every_case
def test_streams_hear_their_place(rig: Rig, case: Case) -> None:
    models = (cloud("cloud", capabilities=everything().models[0].capabilities, max_concurrency=1),)
    rig.apply(snapshot(models=models, aliases=()))
    rig.ask(chat("cloud"))
    first = rig.ask(chat("cloud"))
    client = case.ask(rig, "cloud")
    rig.later(1.1)
    if case.stream:
        assert client.answer.body == b": glowplug cloud queued 2\n\n"
    else:
        assert client.wire.data == b""
    first.wire.lose()
    rig.reply(whole())
    rig.reply(case.good)
    assert client.answer.status == 200
    assert client.answer.complete
    assert rig.journal.ends[-1].outcome == "ok"


@every_case
@pytest.mark.parametrize("why", ["too many", "too long"])
def test_what_is_told_when_there_is_no_slot(rig: Rig, case: Case, why: str) -> None:
    caps = everything().models[0].capabilities
    limits = Limits(waiting=0 if why == "too many" else 9)
    aliases = (AliasRoute(name="a", targets=("cloud",), timeout=100.0),)
    rig.apply(snapshot(models=(cloud("cloud", capabilities=caps, max_concurrency=1),), aliases=aliases, limits=limits))
    blocking = rig.ask(chat("cloud"))
    client = case.ask(rig, "a")
    if why == "too long":
        assert client.wire.data == b""
        rig.later(101)
    error = error_of(case, client)
    assert error["code"] == "model_full"
    assert error["type"] == "rate_limit_error"
    assert client.answer.status == 429
    assert client.answer.headers["retry-after"] == "1"
    assert not rig.plane.tables.targets["cloud"].queue
    blocking.wire.lose()


def test_another_target_that_becomes_ready_answers(rig: Rig) -> None:
    models = (cloud("cloud", max_concurrency=1), cloud("cloud2", max_concurrency=1))
    rig.apply(snapshot(models=models))
    busy = [rig.ask(chat("cloud")), rig.ask(chat("cloud2"))]
    client = rig.ask(chat("both"))
    assert client.answers == []
    rig.ups[1].say(whole())
    rig.later(1.1)
    rig.ups[1].say(whole({"n": 2}))
    assert client.answer.json == {"n": 2}
    assert client.answer.headers["x-glowplug-model"] == "cloud2"
    assert not rig.plane.tables.targets["cloud"].queue
    busy[0].wire.lose()


def test_a_client_that_leaves_is_not_in_line_any_more(rig: Rig) -> None:
    rig.apply(one())
    busy = rig.ask(chat("cloud"))
    leaver, stayer = rig.ask(chat("cloud")), rig.ask(chat("cloud", stream=True))
    leaver.wire.lose()
    rig.later(1.1)
    assert stayer.answer.body == b": glowplug cloud queued 1\n\n"
    rig.reply(whole())
    assert busy.answer.status == 200
    rig.reply(STREAM)
    assert payloads(stayer.answer.body)[-1] == "[DONE]"
    assert len(rig.journal.ends) == 2


def test_the_client_that_is_served_leaves_and_the_next_is(rig: Rig) -> None:
    rig.apply(one())
    rig.grant()
    first = rig.ask(chat("local", stream=True))
    second = rig.ask(chat("local"))
    first.wire.lose()
    rig.spin()
    rig.reply(whole(), "i1")
    assert second.answer.status == 200


@pytest.mark.parametrize(("most", "running"), [(3, 3), (None, 4), (1, 1)])
def test_a_new_revision_raises_the_limit(rig: Rig, most: int | None, running: int) -> None:
    rig.apply(one())
    clients = [rig.ask(chat("cloud")) for _ in range(4)]
    rig.apply(one(most, revision=2))
    rig.spin()
    assert len(rig.ups) == running
    while not all(client.answers for client in clients):
        for up in list(rig.ups):
            if up.conn.sink is not None:
                up.say(whole())
        rig.spin()
    assert _answered(clients) == [200] * 4


def test_a_new_revision_lowers_the_limit(rig: Rig) -> None:
    rig.apply(one(3))
    clients = [rig.ask(chat("cloud")) for _ in range(3)]
    rig.apply(one(1, revision=2))
    late = rig.ask(chat("cloud"))
    for number, up in enumerate(rig.ups[:3]):
        assert late.answers == [], number
        assert len([u for u in rig.ups if u.conn.sink is not None]) == 3 - number
        up.say(whole())
        rig.spin()
    rig.ups[2].say(whole())
    assert _answered([*clients, late]) == [200] * 4


def test_a_target_that_is_removed_moves_those_in_line_on(rig: Rig) -> None:
    rig.apply(one())
    busy = rig.ask(chat("cloud"))
    blocked = rig.ask(chat("cloud2"))
    alone, both = rig.ask(chat("cloud")), rig.ask(chat("cloud", stream=True))
    rig.apply(snapshot(models=(cloud("cloud2"),), aliases=()))
    rig.spin()
    assert alone.answer.json["error"]["code"] == "model_full"
    assert both.answer.status == 429
    rig.ups[0].say(whole())
    rig.ups[1].say(whole())
    assert _answered([busy, blocked]) == [200, 200]


@pytest.mark.parametrize("how", ["revoked", "failed", "suspect"])
def test_an_instance_that_goes_moves_those_in_line_on(rig: Rig, how: str) -> None:
    rig.apply(one())
    rig.grant()
    rig.ask(chat("local"))
    sole, other = rig.ask(chat("local")), rig.ask(chat("waits"))
    assert other.answers == []
    rig.reply(whole(), "cloud")
    assert other.answer.status == 200, "the next target was ready"
    rig.uplink.take()
    match how:
        case "revoked":
            rig.plane.grants.revoke("i1")
        case "failed":
            rig.plane.grants.revoke("i1")
            rig.plane.grants.fail("local", DEAD)
        case _:
            rig.ups[0].wire.lose(ConnectionResetError())
    rig.spin()
    if how == "failed":
        assert sole.answer.json["error"]["reason"] == "crash"
        rig.ups[0].say(whole())
        return
    sent = rig.uplink.take()
    assert link.Ensure("local", 1) in sent or link.Ensure("local", 2) in sent
    if how == "revoked":
        rig.ups[0].say(whole())
    rig.grant("local", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    rig.reply(whole(), "i2")
    assert sole.answer.status == 200


def test_a_drain_of_the_worker_ends_the_line(rig: Rig) -> None:
    rig.apply(one())
    busy, waiting = rig.ask(chat("cloud")), rig.ask(chat("cloud"))
    waiting.conn.call.shut()  # type: ignore[union-attr]
    assert waiting.answer.json["error"]["code"] == "shutting_down"
    assert not rig.plane.tables.targets["cloud"].queue
    busy.wire.lose()


def test_the_cloud_is_full_while_the_local_model_is_cold(rig: Rig) -> None:
    models = (local("local"), cloud("cloud", max_concurrency=1))
    aliases = (AliasRoute(name="warms", targets=("local", "cloud"), cold=Cold.CLOUD_WHILE_COLD),)
    rig.apply(snapshot(models=models, aliases=aliases))
    busy = rig.ask(chat("cloud"))
    client = rig.ask(chat("warms"))
    assert rig.uplink.take() == [link.Ensure("local", 0)]
    rig.grant()
    rig.later(1.1)
    rig.reply(whole(), "i1")
    assert client.answer.headers["x-glowplug-model"] == "local"
    busy.wire.lose()


def test_metrics_count_who_is_in_line(rig: Rig) -> None:
    rig.apply(one())
    clients = [rig.ask(chat("cloud")) for _ in range(3)]
    assert Sample((("model", "cloud"),), 2) in rig.plane.families()["glowplug_requests_waiting"]
    for client in reversed(clients):
        client.wire.lose()
