from __future__ import annotations

import asyncio
import socket
import time

import pytest

from glowplug.lifecycle.ports import LoopScheduler, free_port


async def test_the_loops_timers_run_in_order_and_can_be_called_off() -> None:
    scheduler, ran = LoopScheduler(), []
    done = asyncio.Event()
    scheduler.call_later(0.02, lambda: (ran.append("second"), done.set()))
    scheduler.call_later(0.0, lambda: ran.append("first"))
    scheduler.call_later(0.01, lambda: ran.append("never")).cancel()
    await asyncio.wait_for(done.wait(), 10)
    assert ran == ["first", "second"]


async def test_its_clocks_are_the_machines() -> None:
    scheduler = LoopScheduler()
    assert time.monotonic() == pytest.approx(scheduler.monotonic(), abs=5)
    assert time.time() == pytest.approx(scheduler.unix(), abs=5)


def test_a_free_port_can_be_had() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert all(free_port() != port for _ in range(50))
