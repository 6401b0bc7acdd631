"""Looked up once, checked, and dialled as checked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from glowplug.config.pinning import addresses, connect, resolve


class Names:
    """A resolver whose answers are given; each is given once."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str) -> Sequence[str]:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (["169.254.169.254"], "link-local"),
        (["127.0.0.1", "169.254.169.254"], "link-local"),
        (["::ffff:169.254.169.254"], "link-local"),
        (["fe80::1%eth0"], "link-local"),
        (["fd00:ec2::254"], "metadata"),
        (["224.0.0.1"], "no address of a server"),
        (["nonsense"], "no address"),
        ([], "has no address"),
    ],
)
async def test_names_for_what_nobody_may_be_sent_to(found: list[str], why: str) -> None:
    with pytest.raises(OSError, match=why):
        await addresses("model.example", Names(found))


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "metadata.google.internal", "fe80::1%1"])
async def test_what_needs_no_looking_up(host: str) -> None:
    with pytest.raises(OSError, match=r"link-local|metadata"):
        await addresses(host, Names())


async def test_servers_that_people_have() -> None:
    assert await addresses("model.example", Names(["10.0.0.5", "fd00::5"])) == ["10.0.0.5", "fd00::5"]
    assert await addresses("127.1", Names()) == ["127.0.0.1"]
    assert "127.0.0.1" in await resolve("localhost")


async def test_what_was_checked_is_dialled_and_the_name_is_asked_for_once() -> None:
    heard: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # The second address answers; a second look, here or in the loop, would find no answer.
    transport, _ = await connect(asyncio.Protocol, "model.example", port, None, Names(["::1", "127.0.0.1"]))
    assert transport.get_extra_info("peername")[:2] == ("127.0.0.1", port)
    transport.close()
    server.close()


async def test_nobody_there() -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await connect(asyncio.Protocol, "model.example", port, None, Names(["127.0.0.1"]))
