"""How far a load is, told by the memory of a real process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.domain.instance import State
from glowplug.domain.model import Ready
from tests.lifecycle.test_manager_real import Bench

MIB = 1 << 20
LOADS = f"""
import sys, time
from pathlib import Path
content = []
with open(sys.argv[1], "rb") as weights:
    while block := weights.read(8 * {MIB}):
        content.append(block)
        time.sleep(0.5)
print("all there", flush=True)
time.sleep(600)
"""
"""A program that reads its weights bit by bit and says nothing about that."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.manager.close()
    assert bench.alive() == ()


@pytest.mark.parametrize("declared", [None, 200 * MIB])
async def test_a_program_that_says_nothing_shows_how_far_it_is_by_what_it_has_in_memory(
    bench: Bench, declared: int | None
) -> None:
    with bench.weights.open("wb") as file:
        file.truncate(64 * MIB)
    model = bench.model(
        engine="command", command=(sys.executable, "-c", LOADS), args=("{path}",), ready=Ready(log="all there"),
        memory=declared,
    )  # fmt: skip
    manager = await bench.start(model)
    manager.ensure("w", "chat-x", 1)
    await bench.until(lambda: manager.views()[0].state is State.READY)
    seen = [loading.progress for loading in bench.outbox.loading if loading.progress is not None]
    assert len(set(seen)) >= 3 and seen == sorted(seen) and seen[0] < 0.6 and seen[-1] <= 0.99
