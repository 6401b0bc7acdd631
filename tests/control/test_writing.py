from __future__ import annotations

import asyncio

from glowplug.control.writing import Writing


async def test_one_after_the_other_and_each_knows_its_own() -> None:
    writing, order = Writing(), []

    async def write(name: str) -> None:
        assert not writing.mine()
        async with writing:
            order.append(f"{name} begins")
            assert writing.mine()
            await asyncio.sleep(0)
            order.append(f"{name} ends")
        assert not writing.mine()

    await asyncio.gather(write("a"), write("b"))
    assert order == ["a begins", "a ends", "b begins", "b ends"]
    assert not writing.locked()


async def test_it_is_given_back_when_the_writer_is_cancelled() -> None:
    writing = Writing()

    async def write() -> None:
        async with writing:
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await asyncio.sleep(0)
    assert writing.locked() and not writing.mine()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not writing.locked()
