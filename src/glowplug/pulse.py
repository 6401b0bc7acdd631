"""How a process shows whoever started it that it is not only there: its event loop answers what it is asked."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

_MOST = 64
"""Bytes of questions that are answered at once."""


def answer(descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
    """From now on send every byte that comes there back, for as long as the loop turns; -1: nobody asks."""
    if descriptor < 0:
        return
    os.set_inheritable(descriptor, False)  # nobody we start may answer for us
    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, _answer, descriptor, loop)


def _answer(descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
    with suppress(BlockingIOError):
        try:
            asked = os.read(descriptor, _MOST)
        except ConnectionError:
            asked = b""
        if not asked:  # who asked has ended
            loop.remove_reader(descriptor)
            return
        with suppress(ConnectionError):
            os.write(descriptor, asked)
