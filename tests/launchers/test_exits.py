from __future__ import annotations

import asyncio
import sys

from glowplug.launchers.exits import ExitWatch


async def test_the_end_is_told_once() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    watch = ExitWatch(process.pid, lambda: told.put_nowait("ended"))
    assert told.empty() and process.stdin is not None
    process.stdin.write(b"end\n")
    assert await asyncio.wait_for(told.get(), 20) == "ended"
    watch.close()
    await process.wait()
    assert told.empty()


async def test_who_is_gone_already_has_ended_and_that_is_told_later() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    for pid in (2**22 + 1, 0):
        ExitWatch(pid, lambda: told.put_nowait("ended"))
        assert told.empty()
        assert await asyncio.wait_for(told.get(), 20) == "ended"


async def test_after_close_nothing_is_told() -> None:
    told: list[str] = []
    ExitWatch(2**22 + 1, lambda: told.append("ended")).close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == []
