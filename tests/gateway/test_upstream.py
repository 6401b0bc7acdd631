"""The upstream leg: any cut, any bytes, any fault of the network, TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.upstream import HEAD_BYTES
from glowplug.testing.fault_scripts import (
    Reset,
    Send,
    Steps,
    garbage,
    huge_header,
    informed,
    plain,
    sliced_chunks,
    until_close,
)
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import GOOD, Live, Run
from tests.gateway.rig import (
    END,
    STREAM,
    Rig,
    chat,
    cloud,
    local,
    request,
    snapshot,
    whole,
)


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


NETWORK: dict[str, Steps] = {
    "reset": (Reset(),),
    "reset in head": (Send(b"HTTP/1.1 200 OK\r\nconte"), Reset()),
    "garbage": garbage(),
    "huge header": huge_header(300_000),
    "500": plain(b"{}", 500),
    "429": plain(b"{}", 429),
}


@pytest.mark.parametrize("fault", NETWORK)
def test_failover(live: Run, fault: str) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(NETWORK[fault]) as bad, FaultUpstream(plain(GOOD)) as good:
            live.serve(
                cloud("a", bad.port), cloud("b", good.port), aliases=(AliasRoute(name="ab", targets=("a", "b")),)
            )
            answer = await live.ask(chat("ab"))
            assert (answer.status, answer.headers["x-glowplug-model"]) == (200, "b")
            assert good.requests[0].json["model"] == "up-b"
            assert (await live.ask(chat("a"))).status in (500, 502, 429)

    live(test)


@pytest.mark.parametrize("answer", [
    plain(GOOD), until_close(GOOD), sliced_chunks(GOOD), informed(GOOD, 100, 103), plain(b"x" * 500_000),
])  # fmt: skip
def test_framings(live: Run, answer: Steps) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(answer) as upstream:
            live.serve(cloud("a", upstream.port))
            for _ in range(2):
                got = await live.ask(chat("a"))
                assert (got.status, got.complete) == (200, True)
                assert got.body in (GOOD, b"x" * 500_000)

    live(test)


def test_connection_refused(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as upstream:
            port = upstream.port
        live.serve(cloud("a", port))
        answer = await live.ask(chat("a"))
        assert answer.status == 502
        assert "connect: " in answer.json["error"]["message"]

    live(test)


def test_tls_is_verified(live: Run, tmp_path: Path) -> None:
    cert, private = tmp_path / "c.pem", tmp_path / "k.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", private, "-out", cert, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not installed: apt-get install openssl")

    async def test(live: Live) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, private)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(GOOD), GOOD))

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        live.serve(cloud("a", base_url=f"https://localhost:{port}/v1"))
        refused = await live.ask(chat("a"))
        assert refused.status == 502
        assert "self" in refused.json["error"]["message"]
        live.plane.tls.load_verify_locations(cert)
        assert (await live.ask(chat("a"))).status == 200
        live.serve(cloud("a", base_url=f"https://127.0.0.1:{port}/v1"))
        wrong_name = await live.ask(chat("a"))
        assert wrong_name.status == 502
        assert "TLS" in wrong_name.json["error"]["message"]
        server.close()

    live(test)


def test_a_host_that_came_through_an_api_is_dialled_where_it_was_checked(live: Run) -> None:
    async def test(live: Live) -> None:
        found = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "fd00:ec2::254"]]
        asked: list[str] = []
        heads: list[bytes] = []

        async def lookup(host: str) -> list[str]:
            asked.append(host)
            return found.pop(0)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(GOOD), GOOD))
            writer.close()

        live.plane.lookup = lookup
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        live.serve(cloud("a", base_url=f"http://models.example:{port}/v1", guarded=True))
        assert (await live.ask(chat("a"))).status == 200
        assert b"host: models.example:%d\r\n" % port in heads[0].lower()
        for _ in range(2):
            refused = await live.ask(chat("a"))
            assert refused.status == 502
            assert "models.example stands for" in refused.json["error"]["message"]
        assert len(heads) == 1 and asked == ["models.example"] * 3
        server.close()

    live(test)


def test_a_host_of_the_configuration_file_is_not_looked_at(live: Run) -> None:
    async def test(live: Live) -> None:
        async def lookup(host: str) -> list[str]:
            raise AssertionError(host)

        live.plane.lookup = lookup
        live.serve(cloud("a"))
        assert (await live.ask(chat("a"))).status == 502

    live(test)


@pytest.mark.parametrize("size", [1000, 50_000, 200_000, 400_000])
def test_a_head_that_is_too_long_is_refused_however_it_comes(rig: Rig, size: int) -> None:
    client = rig.ask(chat())
    data = b"HTTP/1.1 200 OK\r\nx-a: %b\r\ncontent-length: 2\r\n\r\n{}" % (b"a" * HEAD_BYTES)
    for start in range(0, len(data), size):
        if not rig.up().wire.closing:
            rig.reply(data[start : start + size])
    assert client.answer.status == 502
    assert "too long" in client.answer.json["error"]["message"]


def test_interim_responses_and_a_body_do_not_count_as_head(rig: Rig) -> None:
    client = rig.ask(chat())
    early = b"HTTP/1.1 103 Early Hints\r\nlink: %b\r\n\r\n" % (b"a" * 60_000)
    rig.reply(early * 3 + whole(b"x" * HEAD_BYTES))
    assert (client.answer.status, len(client.answer.body)) == (200, HEAD_BYTES)


def test_a_dial_under_way_while_its_provider_moves_is_finished(rig: Rig) -> None:
    client = rig.client().send(request(chat()))  # the dial has begun and not ended
    rig.apply(snapshot(models=(cloud("cloud", base_url="http://127.0.0.1:2/v1"),), aliases=()))
    rig.spin()
    rig.reply(whole())
    assert client.answer.status == 200
    assert rig.up().wire.closing, "what belongs to the old place is not kept"


def test_neither_leg_delays_small_writes(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as upstream:
            live.serve(cloud("a", upstream.port))
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(chat("a")))
            await reader.readuntil(b"\r\n\r\n")
            (client,) = live.plane.connections
            pool = live.plane.tables.targets["a"].pool
            assert pool is not None
            for transport in (client.tr, *(one.tr for one in pool.open)):
                peer = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
                with peer:
                    assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert len(pool.open) == 1
            writer.close()

    live(test)
