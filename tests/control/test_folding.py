from __future__ import annotations

import asyncio

import pytest

from glowplug.control.events import Broadcaster
from glowplug.control.folding import FoldLoop
from glowplug.errors import StoreError
from glowplug.ledger.fold import Folded
from glowplug.ledger.journal import Damage
from tests.still_clock import StillClock


class Fold:
    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None
        self.result = Folded()
        self.ran = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def __call__(self) -> Folded:
        self.runs += 1
        self.loop.call_soon_threadsafe(self.ran.set)
        if self.error is not None:
            raise self.error
        return self.result

    async def wait(self) -> None:
        await asyncio.wait_for(self.ran.wait(), 5)
        self.ran.clear()

    async def reach(self, runs: int) -> None:
        """Back when it has run so often; two runs may set the event once."""
        while self.runs < runs:
            await self.wait()


async def test_it_folds_at_the_start_and_when_poked_and_else_sleeps() -> None:
    fold = Fold()
    loop = FoldLoop(fold, Broadcaster(), StillClock(), delay=0.0)
    task = asyncio.ensure_future(loop.run())
    await fold.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert fold.runs == 1
    loop.poke()
    loop.poke()
    await fold.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fold.runs == 2


@pytest.mark.parametrize("error", [StoreError("the disk is full"), OSError(5, "Input/output error")])
async def test_a_failure_is_told_and_tried_again(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    fold, events = Fold(), Broadcaster()
    listener = events.subscribe()
    fold.error = error
    loop = FoldLoop(fold, events, StillClock(), delay=0.0, retry=0.0)
    task = asyncio.ensure_future(loop.run())
    told = await listener.next(5)
    assert told is not None
    assert "nothing is lost" in str(told.data)
    fold.error = None
    await fold.reach(2)
    task.cancel()
    assert "could not be folded" in caplog.text


async def test_damage_is_told(caplog: pytest.LogCaptureFixture) -> None:
    fold, events = Fold(), Broadcaster()
    listener = events.subscribe()
    fold.result = Folded(interrupted=2, damage=(Damage("w0-1-2-3-4.gpj", 64, "broken"),))
    assert await FoldLoop(fold, events, StillClock()).once()
    told = await listener.next(5)
    assert told is not None
    assert "w0-1-2-3-4.gpj" in str(told.data)
    assert "2 attempts" in caplog.text
