from __future__ import annotations

import asyncio

import msgspec
import pytest

from glowplug.domain.instance import State
from glowplug.errors import Conflict, EngineFailed, NotFound
from glowplug.usecases.models import Models, describe
from tests.usecases.managers import CATALOG, FakeManager


class Bench:
    def __init__(self) -> None:
        self.manager = FakeManager()
        self.models = Models(lambda: CATALOG, self.manager)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_rows_tell_state_and_problems_and_no_secret(bench: Bench) -> None:
    bench.manager.state = State.FAILED
    rows = {row.name: row for row in describe(CATALOG, bench.manager.views())}
    assert (rows["local"].engine, rows["local"].state, rows["local"].problems) == (
        "llamacpp", "failed", ("the flag is bad",),
    )  # fmt: skip
    assert rows["unset"].problems == ("OPENAI_API_KEY is not set",)
    assert rows["chat-default"].kind == "alias"
    assert len(rows["chat-default"].problems) == 2
    text = msgspec.json.encode(list(rows.values()))
    assert b"secret" not in text
    assert b"private" not in text


async def test_a_start_that_is_not_waited_for_goes_on(bench: Bench) -> None:
    assert (await bench.models.start("local")).state is State.LOADING
    bench.manager.go.set()
    assert (await bench.models.start("local", wait=5.0)).state is State.READY


async def test_a_start_that_fails_tells_why(bench: Bench) -> None:
    bench.manager.failing = True
    waiting = asyncio.ensure_future(bench.models.start("local", wait=5.0))
    await asyncio.sleep(0)
    bench.manager.go.set()
    with pytest.raises(EngineFailed, match="the flag is bad"):
        await waiting


async def test_a_failure_nobody_waited_for_is_told_to_the_next_who_asks(bench: Bench) -> None:
    await bench.models.start("local")
    bench.manager.failing = True
    bench.manager.go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bench.models.instances().data[0].state is State.FAILED


async def test_stop_and_dry_runs(bench: Bench) -> None:
    bench.manager.go.set()
    assert (await bench.models.start("local", wait=1.0, dry_run=True)).state is State.STOPPED
    await bench.models.start("local", wait=1.0)
    assert (await bench.models.stop("local", dry_run=True)).state is State.READY
    assert (await bench.models.stop("local", force=True)).state is State.STOPPED
    assert bench.manager.stopped == [("local", True)]


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("nobody", NotFound, "local models: local"),
        ("chat-default", Conflict, "not run on this machine"),
        ("cloud", Conflict, "not run on this machine"),
        ("unset", Conflict, "OPENAI_API_KEY"),
    ],
)
async def test_what_cannot_be_started(bench: Bench, name: str, error: type[Exception], says: str) -> None:
    for call in (bench.models.start, bench.models.stop):
        with pytest.raises(error, match=says):
            await call(name)
