"""A loop that turns answers; one that does not, does not."""

from __future__ import annotations

import asyncio
import os
import socket

import uvloop

from glowplug.pulse import answer


def test_only_a_loop_that_turns_answers() -> None:
    async def run(asking: socket.socket, asked: int) -> None:
        answer(asked, asyncio.get_running_loop())
        answer(-1, asyncio.get_running_loop())
        assert not os.get_inheritable(asked)
        asking.send(b"?")
        await turns()
        assert asking.recv(10) == b"?"
        asking.send(b"?")
        await turns()
        assert asking.recv(10) == b"?"
        asking.close()
        await turns()  # and an end is not answered for ever

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    for runner in (asyncio.run, uvloop.run):
        asking, asked = socket.socketpair()
        asking.setblocking(False)
        with asking, asked:
            asked.set_inheritable(True)
            runner(run(asking, asked.fileno()))
