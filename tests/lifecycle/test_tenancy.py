"""A model's dealings with memory, through a manager whose clock is turned."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import Device, DeviceKind, Reading
from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.engines.base import LoadReport
from glowplug.lifecycle.learned import RunBook
from glowplug.lifecycle.measuring import SLACK
from glowplug.lifecycle.records import Records
from glowplug.lifecycle.tenancy import AFTER_READY, lost_device
from tests.lifecycle.virtual_bench import GIB, VirtualBench


@pytest.fixture
async def bench(tmp_path: Path) -> VirtualBench:
    bench = VirtualBench(tmp_path)
    return await bench.start(bench.model("a", 14, stop_timeout=1.0), bench.model("b", 12), bench.model("c", 4))


def claimed(bench: VirtualBench, name: str) -> float:
    return bench.view(name).claim.get("gpu0", 0) / GIB


async def test_it_is_measured_a_moment_after_it_is_ready_and_gives_back_the_rest(bench: VirtualBench) -> None:
    bench.manager.ensure("w", "a", 1)
    bench.card.holds[bench.launcher.started[-1].pid] = 12
    assert claimed(bench, "a") == pytest.approx(14 * 1.05)
    bench.clock.advance(0.05)
    await bench.until(lambda: bench.view("a").state is State.READY)
    assert bench.view("a").measured == {}, "the requests that waited go first"
    bench.clock.advance(AFTER_READY)
    assert bench.view("a").measured["gpu0"] == 12 * GIB and claimed(bench, "a") == pytest.approx(12 * SLACK)
    (run,) = RunBook(bench.directory).runs("a")
    assert (run.estimate_device, run.ready_device, run.peak_device) == (14 * GIB, 12 * GIB, 12 * GIB)
    assert run.at == pytest.approx(bench.clock.unix(), abs=0.1) and 0 < run.seconds < 0.1
    (record,) = Records(bench.directory).load()
    assert record.claim == bench.view("a").claim, "the next control process knows"


async def test_one_process_that_was_gone_before_it_was_measured(bench: VirtualBench) -> None:
    bench.manager.ensure("w", "a", 1)
    bench.clock.advance(0.05)
    await bench.until(lambda: bench.view("a").state is State.READY)
    bench.end(bench.launcher.started[-1], -9)
    bench.clock.advance(10)
    assert bench.view("a").state is State.FAILED and RunBook(bench.directory).runs("a") == []


async def test_growth_raises_claim_and_peak_and_is_written_down(bench: VirtualBench) -> None:
    process = await bench.load("a", 10)
    bench.card.holds[process.pid] = 10.1
    bench.clock.advance(3)
    assert RunBook(bench.directory).runs("a")[0].peak_device == 10 * GIB, "a file is not written for so little"
    assert claimed(bench, "a") == pytest.approx(10.1 * SLACK, rel=1e-6)
    bench.card.holds[process.pid] = 15
    bench.clock.advance(3)
    assert claimed(bench, "a") == pytest.approx(15 * SLACK)
    (run,) = RunBook(bench.directory).runs("a")
    assert (run.ready_device, run.peak_device) == (10 * GIB, 15 * GIB)
    bench.card.holds[process.pid] = 11
    bench.clock.advance(3)
    assert bench.view("a").peak["gpu0"] == 15 * GIB and claimed(bench, "a") == pytest.approx(15 * SLACK)


async def test_room_is_made_and_memory_is_waited_for(bench: VirtualBench) -> None:
    a = await bench.load("a", 14)
    bench.manager.ensure("w", "b", 1)
    view = bench.view("b")
    assert (view.state, view.queue_position) == (State.QUEUED, 1) and "a" in view.why
    assert bench.view("a").state is State.DRAINING and bench.view("a").why == "to make room for b"
    bench.drained("a")
    assert a.signals == ["TERM"]
    a.left = ()
    a.on_exit(0)
    bench.clock.advance(3)
    assert bench.view("a").state is State.RELEASING, "its processes are gone, its memory is not"
    assert bench.view("b").state is State.QUEUED
    bench.card.holds.pop(a.pid)
    bench.clock.advance(0.3)
    assert bench.view("a").state is State.STOPPED and bench.view("a").claim == {}
    assert bench.view("b").state is State.STARTING
    assert bench.outbox.leaks == []


async def test_what_does_not_come_back_is_a_leak(bench: VirtualBench) -> None:
    a = await bench.load("a", 14)
    bench.manager.ensure("w", "b", 1)
    bench.drained("a")
    a.end()
    bench.clock.advance(11)
    assert bench.outbox.leaks == [{"gpu0": 14 * GIB}] and a.signals == ["TERM", "KILL"], (
        "asked once, and killed again when it was known"
    )
    assert bench.view("a").state is State.STOPPED
    failure = bench.outbox.failures[-1]
    assert failure.kind is FailureKind.NO_ROOM and "other programs hold 14 GiB" in failure.message
    bench.manager.ensure("w", "c", 1)
    assert bench.view("c").state is State.STARTING, "there is room for that beside the leak"


async def test_nobody_waits_any_more(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    bench.manager.ensure("w", "b", 1)
    bench.manager.waiting("w", "b", 0)
    assert bench.view("b").state is State.STOPPED and bench.view("b").queue_position is None
    assert len(bench.launcher.started) == 1


async def test_a_load_that_found_the_memory_full_asks_for_more(bench: VirtualBench) -> None:
    bench.launcher.error = ""
    bench.manager.ensure("w", "b", 1)
    process = bench.launcher.started[-1]
    (bench.directory / "b.log").write_text("cudaMalloc failed: out of memory\n")
    bench.engine.classify = lambda code, lines: Failure(  # type: ignore[method-assign]
        kind=FailureKind.OUT_OF_MEMORY, message="full"
    )
    bench.end(process, 1)
    assert bench.view("b").state is State.FAILED
    (run,) = RunBook(bench.directory).runs("b")
    assert run.short and run.error is None and run.peak_device == pytest.approx(12 * 1.05 * 1.25 * GIB, rel=1e-6)
    bench.clock.advance(11)
    bench.manager.ensure("w", "b", 1)
    assert claimed(bench, "b") == pytest.approx(12 * 1.05 * 1.25)
    for _ in range(8):
        bench.end(bench.launcher.started[-1], 1)
        bench.clock.advance(301)
        bench.manager.ensure("w", "b", 1)
    assert claimed(bench, "b") == 23, "never for more than there is"


async def test_a_lost_device_fails_what_runs_there(bench: VirtualBench) -> None:
    process = await bench.load("a", 14)
    bench.card.lost = "the driver lost it"
    bench.clock.advance(3)
    failure = bench.outbox.failures[-1]
    assert failure.kind is FailureKind.DRIVER_LOST and "gpu0 is lost: the driver lost it" in failure.message
    assert process.signals[0] == "TERM" and bench.view("a").state is State.STOPPING
    bench.end(process)
    assert bench.view("a").state is State.FAILED
    bench.card.lost = ""
    bench.clock.advance(1)
    bench.manager.ensure("w", "a", 1)
    assert bench.view("a").state is State.STARTING, "it worked: no back-off"


async def test_what_its_engine_says_of_the_load_is_shown(bench: VirtualBench) -> None:
    bench.engine.says = LoadReport(warnings=("the context was shrunk", "odd"))
    await bench.load("a", 14)
    assert bench.view("a").why == "the context was shrunk; odd"


async def test_one_without_its_device_is_not_used(bench: VirtualBench) -> None:
    bench.engine.says = LoadReport(failure=Failure(kind=FailureKind.CPU_FALLBACK, message="on the CPU"))
    bench.manager.ensure("w", "a", 1)
    bench.clock.advance(0.05)
    await bench.until(lambda: bench.outbox.failures)
    assert bench.outbox.failures[0].kind is FailureKind.CPU_FALLBACK and ("grant", "w") not in bench.outbox.sent


async def test_a_new_process_takes_up_claims_and_measures_again(bench: VirtualBench) -> None:
    process = await bench.load("a", 12)
    claim = bench.view("a").claim
    await bench.manager.close(stop_engines=False)
    await bench.start(bench.model("a", 14), bench.model("b", 12))
    assert bench.view("a").claim == claim
    memory = bench.manager.planner.memory().data[0]
    assert memory.others == 0 and memory.ours == {"a": claim["gpu0"]}
    bench.clock.advance(0.1)
    await bench.until(lambda: bench.view("a").state is State.READY)
    bench.card.holds[process.pid] = 16
    bench.clock.advance(3)
    assert claimed(bench, "a") == pytest.approx(16 * SLACK)
    (run,) = RunBook(bench.directory).runs("a")
    assert (run.ready_device, run.peak_device) == (12 * GIB, 16 * GIB), "it continues the run it was started as"


async def test_where_no_process_is_listed_nothing_is_called_a_leak(bench: VirtualBench) -> None:
    bench.card.lists = False
    bench.manager.ensure("w", "a", 1)
    process = bench.launcher.started[-1]
    bench.card.holds[process.pid] = 14
    bench.clock.advance(0.05)
    await bench.until(lambda: bench.view("a").state is State.READY)
    bench.clock.advance(1)
    assert claimed(bench, "a") == pytest.approx(14 * 1.05), "what was not measured stays as it was estimated"
    bench.end(process, -9)
    assert bench.outbox.leaks == []


def device(id: str, kind: DeviceKind, total: int | None, problem: str = "") -> Device:
    return Device(id=id, kind=kind, name="x", total=total, used=None, problem=problem)


@pytest.mark.parametrize(
    ("claim", "total", "lost"),
    [({"gpu0": 5}, None, True), ({"gpu0": 5}, 10, False), ({"host": 5}, None, False), ({"gpu7": 5}, None, False)],
)
def test_lost_devices(claim: dict[str, int], total: int | None, lost: bool) -> None:
    reading = Reading(devices=(device("gpu0", DeviceKind.NVIDIA, total), device("host", DeviceKind.HOST, 10)))
    failure = lost_device(reading, Place(claim=claim))
    assert (failure is not None) is lost
    if failure is not None:
        assert failure.kind is FailureKind.DRIVER_LOST and "its driver does not answer" in failure.message


async def test_a_file_that_vanishes_while_it_is_read_wedges_nothing(
    bench: VirtualBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    footprints = bench.manager._kit.footprints
    monkeypatch.setattr(footprints, "known", lambda *_: None)

    def gone(*_: object) -> Footprint:
        raise FileNotFoundError(2, "No such file", "/w")

    monkeypatch.setattr(footprints, "find", gone)
    bench.manager.ensure("w", "a", 1)
    await bench.until(lambda: bench.view("a").state is not State.QUEUED)
    assert bench.view("a").state is State.STARTING


async def test_a_model_that_changes_while_it_is_looked_up_is_looked_up_again(
    bench: VirtualBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    footprints = bench.manager._kit.footprints
    monkeypatch.setattr(footprints, "known", lambda *_: None)
    bench.manager.ensure("w", "a", 1)
    bench.manager.configure([msgspec.structs.replace(bench.model("a", 14), memory=5 * GIB)])
    await bench.until(lambda: bench.view("a").state is State.STARTING)
    assert claimed(bench, "a") == pytest.approx(5 * 1.05)


@pytest.mark.parametrize("awaited", [True, False])
async def test_what_a_person_started_need_not_wait_for_requests_that_nobody_made(
    bench: VirtualBench, *, awaited: bool
) -> None:
    if awaited:
        bench.manager.ensure("w", "a", 1)
    else:
        starting = asyncio.get_running_loop().create_task(bench.manager.start_model("a"))
        await asyncio.sleep(0)
    bench.card.holds[bench.launcher.started[-1].pid] = 14
    bench.clock.advance(0.05)
    await bench.until(lambda: bench.view("a").state is State.READY)
    bench.clock.advance(0.3)
    bench.manager.ensure("w", "b", 1)
    expected = State.READY if awaited else State.DRAINING
    assert bench.view("a").state is expected, "those who waited for it are on their way; else nobody is"
    if not awaited:
        await starting
