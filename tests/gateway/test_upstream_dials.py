"""Many requests at once to one place: how many connections are made at a time, and who gets them."""

from __future__ import annotations

import asyncio
import random

import pytest

from glowplug.gateway.upstream import DIALS, Pool, UpstreamConnection
from tests.gateway.live import Live, Run
from tests.gateway.rig import Client, Rig, Up, chat, cloud, request, whole


def _ask(rig: Rig, count: int, first: int = 0) -> list[Client]:
    clients = [rig.client() for _ in range(count)]
    for number, client in enumerate(clients, first):
        client.send(request(chat("cloud", user=str(number))))
    return clients


def _who(up: Up) -> int:
    return int(up.body["user"])


def _waiting(rig: Rig) -> int:
    pool = rig.plane.tables.targets["cloud"].pool
    assert pool is not None
    assert len(pool.dials) <= DIALS
    return len(pool.turns)


def test_so_many_dial_and_the_rest_wait_in_order(rig: Rig) -> None:
    clients = _ask(rig, DIALS + 40)
    assert _waiting(rig) == 40
    rig.spin()
    assert _waiting(rig) == 0
    assert [_who(up) for up in rig.ups] == list(range(DIALS + 40))
    for up in rig.ups:
        up.say(whole())
    rig.spin()
    assert all(client.answer.status == 200 for client in clients)


def test_a_connection_that_becomes_free_goes_to_who_waits_longest(rig: Rig) -> None:
    _ask(rig, 1)
    rig.spin()
    old = rig.up()
    assert _who(old) == 0
    _ask(rig, DIALS + 2, 1)
    assert _waiting(rig) == 2
    old.say(whole())
    late = _ask(rig, 1, 99)  # comes while the connection is free, and has to wait behind the others
    rig.spin()
    assert _who(old) == DIALS + 1
    asked = [_who(up) for up in rig.ups[1:]]
    assert asked == [*range(1, DIALS + 1), DIALS + 2, 99]
    for up in rig.ups:
        up.say(whole())
    rig.spin()
    assert late[0].answer.status == 200


def test_bytes_behind_a_response_are_not_the_response_of_who_waits(rig: Rig) -> None:
    first = _ask(rig, 1)
    rig.spin()
    old = rig.up()
    _ask(rig, DIALS + 1, 1)
    old.say(whole({"n": 1}) + whole({"n": "smuggled"}))
    rig.spin()
    assert first[0].answer.json == {"n": 1}
    assert old.wire.closing
    assert sorted(_who(up) for up in rig.ups[1:]) == list(range(1, DIALS + 2))


def test_who_leaves_takes_nobody_elses_turn(rig: Rig) -> None:
    clients = _ask(rig, DIALS + 30)
    for client in clients[DIALS : DIALS + 10]:
        client.wire.lose()
    for client in clients[:5]:  # these are dialling
        client.wire.lose()
    rig.spin()
    gone = {*range(5), *range(DIALS, DIALS + 10)}
    served = {_who(up): up for up in rig.ups if b"user" in up.wire.data}
    assert set(served) == set(range(DIALS + 30)) - gone
    assert _waiting(rig) == 0


def test_all_are_told_when_the_place_cannot_be_reached(rig: Rig) -> None:
    rig.errors["cloud"] = ConnectionRefusedError(111, "Connection refused")
    clients = _ask(rig, DIALS * 3)
    for _ in range(8):
        rig.spin()
    assert {client.answer.status for client in clients} == {502}
    assert _waiting(rig) == 0


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_forgotten_whatever_happens(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    clients: list[Client] = []
    for _ in range(12):
        clients += _ask(rig, rng.randrange(DIALS), len(clients))
        for client in rng.sample(clients, len(clients) // 10):
            if not client.wire.lost:
                client.wire.lose()
        if rng.random() < 0.8:
            rig.spin()
        for up in rig.ups:
            if up.conn.sink is not None and rng.random() < 0.5:
                up.say(whole()) if rng.random() < 0.9 else up.wire.lose()
    for _ in range(10):
        rig.spin()
        for up in rig.ups:
            if up.conn.sink is not None:
                up.say(whole())
    assert _waiting(rig) == 0
    assert all(client.wire.lost or client.answer.status in (200, 502) for client in clients)


class _Sink:
    """Tells how one request went: nothing, or why it failed."""

    up: UpstreamConnection | None = None

    def __init__(self, done: asyncio.Future[str]) -> None:
        self.done = done

    def up_head(self, status: int, head: bytes) -> None:
        assert status == 200

    def up_data(self, data: bytes) -> None:
        assert not self.done.done()

    def up_end(self, data: bytes) -> None:
        self.done.set_result("")

    def up_fail(self, why: str, stale: bool) -> None:
        self.done.set_result(why)


def test_a_thousand_at_once_fit_a_short_listen_queue(live: Run) -> None:
    async def test(live: Live) -> None:
        answer = whole()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    await reader.readexactly(size)
                    writer.write(answer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=128)
        live.serve(cloud("a", server.sockets[0].getsockname()[1]))
        pool = live.plane.provider_pool(live.plane.tables.targets["a"])
        body = b"{}"
        data = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        sinks = [_Sink(live.loop.create_future()) for _ in range(1000)]
        for sink in sinks:
            pool.start(sink, data)
        assert (len(pool.dials), len(pool.turns)) == (DIALS, 1000 - DIALS)
        assert await asyncio.gather(*(sink.done for sink in sinks)) == [""] * 1000
        assert not pool.turns
        server.close()

    live(test)


def test_a_place_that_swallows_connections_costs_everybody_one_timeout(live: Run) -> None:
    async def test(live: Live) -> None:
        dialled = 0

        async def never(pool: Pool) -> tuple[asyncio.Transport, asyncio.Protocol]:
            nonlocal dialled
            dialled += 1
            await asyncio.Event().wait()
            raise AssertionError

        pool = Pool(live.loop, never, 0.2)
        sinks = [_Sink(live.loop.create_future()) for _ in range(DIALS * 5)]
        for sink in sinks:
            pool.start(sink, b"")
        assert set(await asyncio.gather(*(sink.done for sink in sinks))) == {"connecting took too long"}
        assert dialled == DIALS
        assert not pool.turns

    live(test)
