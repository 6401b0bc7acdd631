"""What the manager does when the machine goes to sleep, and when it is back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from glowplug.domain.instance import FailureKind, State
from tests.lifecycle.virtual_bench import VirtualBench

WHY = "the machine is about to sleep"


@pytest.fixture
async def bench(tmp_path: Path) -> VirtualBench:
    bench = VirtualBench(tmp_path)
    return await bench.start(bench.model("a", 8), bench.model("b", 8))


async def test_everything_is_stopped_and_nothing_is_started_until_it_is_back(bench: VirtualBench) -> None:
    process = await bench.load("a", 8)
    resting = asyncio.get_running_loop().create_task(bench.manager.rest(WHY, 5.0))
    await asyncio.sleep(0)
    assert bench.view("a").state is State.DRAINING, "who uses it may finish"
    bench.drained("a")
    bench.end(process)
    await resting
    assert bench.view("a").state is State.STOPPED and process.signals == ["TERM"]
    bench.manager.ensure("w", "b", 1)
    bench.clock.advance(600)
    assert bench.view("b").state is State.QUEUED and bench.view("b").why == WHY, "who asks meanwhile waits"
    assert len(bench.launcher.started) == 1
    bench.manager.resume()
    assert bench.view("b").state is State.STARTING and bench.outbox.failures == []


async def test_what_does_not_end_in_time_is_ended(bench: VirtualBench) -> None:
    process = await bench.load("a", 8)
    resting = asyncio.get_running_loop().create_task(bench.manager.rest(WHY, 0.01))
    async with asyncio.timeout(5):
        while process.signals != ["TERM"]:  # a worker that never drains does not keep the machine awake
            await asyncio.sleep(0.005)
    bench.end(process)
    await resting
    assert bench.view("a").state is State.STOPPED


async def test_what_waited_before_goes_on_waiting(bench: VirtualBench) -> None:
    await bench.load("a", 8)
    bench.manager.activity("w", bench.view("a").instance, True)
    bench.card.holds[900] = 10  # so that there is no room for both
    bench.clock.advance(1)
    bench.manager.ensure("w", "b", 1)
    assert bench.view("b").state is State.QUEUED
    resting = asyncio.get_running_loop().create_task(bench.manager.rest(WHY, 0.01))
    await asyncio.sleep(0.02)
    bench.end(bench.launcher.started[0])
    bench.clock.advance(1)
    await resting
    assert bench.view("b").state is State.QUEUED and bench.view("b").waiting == 1
    bench.manager.resume()
    assert bench.view("b").state is State.STARTING


async def test_a_device_that_did_not_come_back_is_not_replaced_by_the_host(bench: VirtualBench) -> None:
    await bench.manager.rest(WHY, 1.0)
    bench.card.lost = "no driver"
    bench.manager.resume()
    bench.manager.ensure("w", "a", 1)
    (failure,) = bench.outbox.failures
    assert failure.kind is FailureKind.DRIVER_LOST and bench.launcher.started == []
