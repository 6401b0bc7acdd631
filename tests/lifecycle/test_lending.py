"""Leases: asked, held, ended by time, given back, kept over a restart.  Time is turned."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.instance import State
from glowplug.domain.plan import LeaseState, LeaseView, Verdict
from glowplug.errors import Unavailable
from glowplug.lifecycle.lending import FILE, Kept, Lending
from tests.lifecycle.virtual_bench import GIB, VirtualBench


@pytest.fixture
async def bench(tmp_path: Path) -> VirtualBench:
    bench = VirtualBench(tmp_path)
    return await bench.start(bench.model("a", 14), bench.model("b", 12))


def lending(bench: VirtualBench) -> Lending:
    return bench.manager.lending


def kept(bench: VirtualBench) -> list[Kept]:
    return msgspec.json.decode((bench.directory / FILE).read_bytes(), type=list[Kept])


def free(bench: VirtualBench) -> float:
    bench.clock.advance(1)
    return (bench.manager.planner.memory().data[0].free or 0) / GIB


async def test_what_is_free_is_held_at_once_until_its_time_is_over(bench: VirtualBench) -> None:
    began = bench.clock.unix()
    view = await lending(bench).ask(14 * GIB, None, 600.0, "comfyui", 5.0)
    assert view == LeaseView(
        id=view.id, device="gpu0", bytes=14 * GIB, note="comfyui", since=began, until=began + 600, state=LeaseState.HELD
    )
    assert lending(bench).list() == [view] and free(bench) == 9
    assert kept(bench) == [Kept(view, {"gpu0": 0, "host": 1 << 30})]
    assert (bench.directory / FILE).stat().st_mode & 0o777 == 0o600
    bench.clock.advance(598)
    assert lending(bench).list() == [view]
    bench.clock.advance(1.1)
    assert lending(bench).list() == [] and free(bench) == 23 and kept(bench) == []


async def test_it_waits_for_what_is_unloaded_for_it(bench: VirtualBench) -> None:
    a = await bench.load("a", 14)
    asked = asyncio.ensure_future(lending(bench).ask(20 * GIB, "gpu0", 60.0, "", 30.0))
    await asyncio.sleep(0)
    (waiting,) = lending(bench).list()
    assert (waiting.state, waiting.until) == (LeaseState.WAITING, None)
    assert bench.view("a").state is State.DRAINING
    bench.drained("a")
    bench.end(a)
    view = await asked
    assert view.state is LeaseState.HELD and view.until == pytest.approx(bench.clock.unix() + 60, abs=1)


async def test_models_do_not_take_it_back(bench: VirtualBench) -> None:
    view = await lending(bench).ask(14 * GIB, None, 600.0, "", 5.0)
    bench.manager.ensure("w", "b", 1)
    assert "may not be unloaded" in bench.outbox.failures[-1].message
    lending(bench).release(view.id)
    bench.clock.advance(10)
    bench.manager.ensure("w", "b", 1)
    assert bench.view("b").state is State.STARTING


async def test_what_cannot_be_had_says_why(bench: VirtualBench) -> None:
    with pytest.raises(Unavailable, match="more than there is") as caught:
        await lending(bench).ask(100 * GIB, None, 60.0, "", 5.0)
    assert caught.value.code == "no_memory" and lending(bench).list() == []
    with pytest.raises(Unavailable):
        await lending(bench).ask(1 * GIB, "gpu7", 60.0, "", 5.0)
    assert lending(bench).list() == [] and free(bench) == 23


async def test_who_does_not_want_to_wait_longer_gets_nothing(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    bench.manager.activity("w", bench.view("a").instance, True)
    with pytest.raises(Unavailable, match="not free after 0.01 s"):  # noqa: RUF043 - a dot is a dot
        await lending(bench).ask(14 * GIB, None, 60.0, "", 0.01)
    assert lending(bench).list() == [] and bench.view("a").state is State.BUSY


@pytest.mark.parametrize("how", ["left", "released"])
async def test_one_that_waits_can_be_withdrawn(bench: VirtualBench, how: str) -> None:
    await bench.load("a", 14)
    bench.manager.activity("w", bench.view("a").instance, True)
    asked = asyncio.ensure_future(lending(bench).ask(14 * GIB, None, 60.0, "", 30.0))
    await asyncio.sleep(0)
    if how == "left":
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    else:
        lending(bench).release(lending(bench).list()[0].id)
        with pytest.raises(Unavailable, match="withdrawn"):
            await asked
    assert lending(bench).list() == []
    bench.manager.activity("w", bench.view("a").instance, False)
    bench.clock.advance(5)
    assert bench.view("a").state is State.READY, "nobody wants its memory any more"


async def test_releasing_what_is_not_there_is_no_error(bench: VirtualBench) -> None:
    lending(bench).release("lease_unknown")


async def test_planning_one_changes_nothing(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    plan = lending(bench).plan(20 * GIB, "gpu0")
    assert (plan.verdict, [victim.model for victim in plan.evict]) == (Verdict.AFTER_EVICTING, ["a"])
    assert plan.model == "" and plan.claim == {"gpu0": 20 * GIB}
    assert lending(bench).plan(2 * GIB, None).verdict is Verdict.FITS
    assert lending(bench).plan(200 * GIB, None).verdict is Verdict.NEVER
    assert bench.view("a").state is State.READY and lending(bench).list() == []


async def test_the_next_control_process_holds_it_on(bench: VirtualBench) -> None:
    bench.card.holds[900] = 2
    bench.clock.advance(1)
    view = await lending(bench).ask(14 * GIB, None, 600.0, "game", 5.0)
    bench.card.holds[901] = 9
    await bench.manager.close(stop_engines=False)
    await bench.start(bench.model("a", 14))
    assert lending(bench).list() == [view]
    assert free(bench) == 24 - 1 - 2 - 14, "what it uses of the lease is not counted twice"
    bench.clock.advance(600)
    assert lending(bench).list() == []


async def test_one_that_ended_meanwhile_is_not_taken_up(bench: VirtualBench) -> None:
    await lending(bench).ask(14 * GIB, None, 600.0, "", 5.0)
    await bench.manager.close(stop_engines=False)
    bench.clock.advance(700)
    await bench.start(bench.model("a", 14))
    assert lending(bench).list() == [] and free(bench) == 23


@pytest.mark.parametrize("content", [b"", b"{", b'[{"view":1}]', b"\xff"])
async def test_a_file_that_cannot_be_read_is_no_lease(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    bench = VirtualBench(tmp_path)
    await bench.start(bench.model("a", 14))
    assert bench.manager.lending.list() == []


async def test_closed_it_sets_no_timer_and_forgets_nothing(bench: VirtualBench) -> None:
    view = await lending(bench).ask(14 * GIB, None, 600.0, "", 5.0)
    await bench.manager.close(stop_engines=False)
    assert bench.clock.pending == 0 and kept(bench)[0].view == view
