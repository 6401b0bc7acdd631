"""Memory as it is lived through: models that make room for each other on one card of 24 GiB, and everything that goes
wrong with that.  Real processes; the card is the fake driver's, read through NVIDIA's own binding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Source
from glowplug.domain.instance import FailureKind, State
from glowplug.domain.plan import LeaseState, Verdict
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.errors import EngineFailed, Unavailable
from glowplug.lifecycle import watch
from glowplug.lifecycle.learned import Run
from glowplug.testing.fake_nvml import FakeNvml
from tests.lifecycle.memory_bench import GIB, MemoryBench


@pytest.fixture
async def bench(tmp_path: Path, fake_nvml: FakeNvml) -> AsyncIterator[MemoryBench]:
    bench = MemoryBench(tmp_path, fake_nvml)
    yield bench
    await bench.close()


def runs(bench: MemoryBench, name: str) -> list[Run]:
    return msgspec.json.decode((bench.directory / f"{name}.runs").read_bytes(), type=list[Run])


# ---- room


async def test_a_model_makes_room_for_another_and_both_are_learned(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 16, takes=14), bench.model("b", 12, takes=13))
    await bench.load("a")
    assert bench.view("a").measured["gpu0"] == 14 * GIB and bench.used() == 14
    assert 14 <= bench.claims()["a"] < 15, "it gave back what it does not need"
    await bench.load("b")
    assert bench.state("a") is State.STOPPED and bench.used() == 13
    assert bench.claims().keys() == {"b"}
    assert [state for name, state in bench.worker.states if name == "a"][-4:] == [
        State.DRAINING, State.STOPPING, State.RELEASING, State.STOPPED,
    ]  # fmt: skip
    first, second = runs(bench, "a")[0], runs(bench, "b")[0]
    assert (first.source, first.ready_device, first.estimate_device) == (Source.DECLARED, 14 * GIB, 16 * GIB)
    assert first.error == pytest.approx(2 / 14) and second.error == pytest.approx(-1 / 13)
    plan = manager.planner.plan("a")
    assert (plan.verdict, plan.footprint.source, plan.footprint.device) == (
        Verdict.AFTER_EVICTING, Source.LEARNED, 14 * GIB,
    )  # fmt: skip
    assert [victim.model for victim in plan.evict] == ["b"] and plan.eta_s is not None
    await bench.load("a")
    assert runs(bench, "a")[1].source is Source.LEARNED and runs(bench, "a")[1].error == pytest.approx(0)
    assert not bench.worker.failures


async def test_what_fits_together_loads_at_the_same_time(bench: MemoryBench) -> None:
    names = ["a", "b", "c"]
    await bench.start(*(bench.model(name, 7, "--slow-start", "0.7") for name in names))
    bench.worker.request(*names)
    coming = (State.STARTING, State.LOADING)
    await bench.until(lambda: all(bench.state(name) in coming for name in names))
    await bench.until(lambda: sorted(bench.worker.served) == names)
    assert bench.used() == 21 and not bench.worker.failures


async def test_what_does_not_fit_together_is_served_in_turn(bench: MemoryBench) -> None:
    names = ["a", "b", "c", "d", "e"]
    await bench.start(*(bench.model(name, 10.5) for name in names))
    bench.worker.serves = 0.2
    bench.worker.request(*names)
    most = 0.0
    async with asyncio.timeout(30):
        while len(bench.worker.served) < len(names):
            most = max(most, bench.used())
            await asyncio.sleep(0.01)
    assert sorted(bench.worker.served) == names
    assert {loading.queue_position for loading in bench.worker.loading} >= {1, 2, 3}
    assert most == 21 and not bench.worker.failures


async def test_a_thousand_requests_start_one_engine(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 5, "--slow-start", "0.3"))
    for number in range(1, 1001):
        manager.ensure("w", "a", number)
        if number % 100 == 0:
            await asyncio.sleep(0)
    bench.worker.waiting["a"] = 1000
    await bench.until(lambda: bench.worker.served)
    assert len(bench.alive()) == 1 and bench.used() == 5
    assert [state for _, state in bench.worker.states].count(State.STARTING) == 1
    await bench.until(lambda: bench.view("a").measured)
    assert len(runs(bench, "a")) == 1


# ---- other programs


async def test_what_others_hold_is_seen_when_it_is_decided(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 6))
    with bench.hog(20):
        await bench.until(lambda: bench.others() == 20)
        bench.worker.request("a")
        await bench.until(lambda: "a" in bench.worker.failures)
        failure = bench.worker.failures.pop("a")
        assert failure.kind is FailureKind.NO_ROOM and not failure.permanent
        assert "other programs hold 20 GiB of gpu0" in failure.message and "python" in failure.message
        assert bench.manager.planner.memory().data[0].free == 3 * GIB
    await asyncio.sleep(2.1)  # how long the refusal stands
    await bench.load("a")


async def test_others_that_want_memory_get_that_of_the_cheapest_idle_model(bench: MemoryBench) -> None:
    settings = MemorySettings(reserve=GIB, host_reserve=0, pressure=1.0)
    await bench.start(bench.model("a", 8), bench.model("b", 8), bench.model("c", 4), memory=settings)
    await bench.load("a", "b", "c")
    manager = bench.manager
    for name in ("b", "c"):
        manager.activity("w", bench.worker.endpoints[name].instance, True)
    with bench.hog(3.5):
        await bench.until(lambda: bench.state("a") is State.STOPPED)
        assert (bench.state("b"), bench.state("c")) == (State.BUSY, State.BUSY)
        await asyncio.sleep(2.5)
        assert bench.state("b") is State.BUSY, "there is enough now"


# ---- what does not come back


async def test_what_an_engine_leaves_behind_is_named_and_not_given_away_again(
    bench: MemoryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BACK_WITHIN", 0.6)
    manager = await bench.start(bench.model("a", 10, "--keep-memory"), bench.model("b", 12), bench.model("c", 14))
    await bench.load("a")
    await manager.stop_model("a")
    assert bench.worker.leaks == [("a", {"gpu0": 10 * GIB})]
    assert bench.used() == 10 and bench.claims() == {}
    await bench.load("b")
    bench.worker.request("c")
    await bench.until(lambda: "c" in bench.worker.failures)
    assert "other programs hold 10 GiB" in bench.worker.failures["c"].message


async def test_a_grandchild_that_holds_the_memory_is_killed(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 10, "--child-holds-memory"), bench.model("b", 20))
    await bench.load("a")
    assert len(bench.alive()) == 2 and bench.view("a").measured["gpu0"] == 10 * GIB
    await bench.load("b")
    assert bench.worker.leaks == [] and bench.used() == 20 and len(bench.alive()) == 1
    await manager.stop_model("b")


async def test_a_killed_engine_gives_its_memory_back_and_comes_again(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 14), bench.model("b", 6))
    await bench.load("a", "b")
    bench.worker.serves = 60.0
    bench.worker.request("a")
    await bench.until_state("a", State.BUSY)
    bench.kill("a")
    await bench.until(lambda: "a" in bench.worker.failures)
    await bench.until(lambda: bench.state("a") is State.FAILED)
    assert bench.used() == 6 and bench.claims().keys() == {"b"} and bench.state("b") is State.READY
    failure = bench.worker.failures.pop("a")
    assert "signal 9 (SIGKILL)" in failure.message and failure.log_tail and "dmesg" in failure.hint
    bench.worker.serves = 0.0
    await bench.load("a")


# ---- more than was asked for


async def test_a_claim_follows_what_an_engine_grows_to(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 8, "--grow", "2048", "--peak", "14336"))
    await bench.load("a")
    assert 8 <= bench.claims()["a"] < 9
    for _ in range(3):
        assert await bench.chat("a") == 200
    await bench.until(lambda: bench.view("a").peak["gpu0"] == 14 * GIB)
    assert 14 <= bench.claims()["a"] < 15
    (run,) = runs(bench, "a")
    assert (run.ready_device, run.peak_device) == (8 * GIB, 14 * GIB)
    assert bench.manager.planner.plan("a").footprint.device == 14 * GIB


async def test_a_load_that_finds_the_device_full_asks_for_more_the_next_time(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 10), bench.model("b", 12, takes=15))
    await bench.load("a")
    with pytest.raises(EngineFailed) as caught:
        await manager.start_model("b")
    assert caught.value.reason == FailureKind.OUT_OF_MEMORY
    assert any("cudaMalloc failed: out of memory" in line for line in caught.value.log_tail)
    await bench.until_state("b", State.FAILED)
    assert bench.state("a") is State.READY and bench.used() == 10
    plan = manager.planner.plan("b")
    assert plan.footprint.device >= 15 * GIB and [victim.model for victim in plan.evict] == ["a"]
    await manager.start_model("b")
    assert bench.state("a") is State.STOPPED and bench.used() == 15
    await bench.until(lambda: bench.view("b").measured)
    assert manager.planner.plan("b").footprint.device == 15 * GIB, "what was measured counts again"


async def test_one_that_grows_into_a_full_device_is_given_more_the_next_time(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 10, "--grow", "4096", "--peak", "16384"), bench.model("b", 11))
    await bench.load("b", "a")
    with pytest.raises(OSError):
        await bench.chat("a")
    await bench.until_state("a", State.FAILED)
    failure = bench.worker.failures["a"]
    assert failure.kind is FailureKind.OUT_OF_MEMORY and "cudaMalloc failed: out of memory" in failure.log_tail[-1]
    assert bench.state("b") is State.READY
    plan = manager.planner.plan("a")
    assert plan.footprint.device > 12 * GIB and [victim.model for victim in plan.evict] == ["b"]


async def test_a_full_device_is_no_reason_to_ask_for_more_than_there_is(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 20, "--oom"))
    for _ in range(3):
        with pytest.raises(EngineFailed) as caught:
            await manager.start_model("a")
        assert caught.value.reason == FailureKind.OUT_OF_MEMORY
        await bench.until_state("a", State.FAILED)
    bench.worker.request("a")
    await bench.until(lambda: "a" in bench.worker.failures)
    assert bench.worker.failures["a"].until > 0, "it is not tried again at once"


# ---- the device


async def test_a_model_that_silently_runs_without_its_device_is_refused(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 5, "--cpu-fallback"), bench.model("b", 5))
    with pytest.raises(EngineFailed) as caught:
        await manager.start_model("a")
    assert caught.value.reason == FailureKind.CPU_FALLBACK
    await bench.until_state("a", State.FAILED)
    assert "a" not in bench.worker.endpoints and bench.alive() == ()
    await bench.load("b")
    assert bench.state("b") is State.READY


async def test_a_device_that_is_lost_fails_what_runs_there_and_nothing_else(bench: MemoryBench) -> None:
    other = bench.nvml.add_gpu("NVIDIA T4", "GPU-2", 16 * GIB)
    manager = await bench.start(bench.model("a", 20), bench.model("b", 10, devices=("gpu1",)))
    await bench.load("a", "b")
    assert bench.nvml.used(other) == 10 * GIB
    bench.nvml.lose(bench.gpu)
    await bench.until(lambda: "a" in bench.worker.failures)
    failure = bench.worker.failures.pop("a")
    assert failure.kind is FailureKind.DRIVER_LOST and "gpu0 is lost" in failure.message
    await bench.until_state("a", State.FAILED)
    assert bench.state("b") is State.READY
    with pytest.raises(EngineFailed):
        await manager.start_model("a")
    memory = manager.planner.memory().data[0]
    assert memory.id == "gpu0" and memory.total is None and "GPU is lost" in memory.problem
    bench.nvml.find(bench.gpu)
    await bench.until(lambda: bench.others() == 0)
    bench.worker.failures.clear()
    view = await manager.start_model("a")
    assert view.state is State.READY and "gpu0" in view.claim


async def test_a_driver_that_is_lost_and_back(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 20))
    await bench.load("a")
    bench.nvml.remove_driver()
    await bench.until(lambda: "a" in bench.worker.failures)
    assert bench.worker.failures.pop("a").kind is FailureKind.DRIVER_LOST
    await bench.until_state("a", State.FAILED)
    bench.worker.request("a")
    await bench.until(lambda: "a" in bench.worker.failures)
    failure = bench.worker.failures.pop("a")
    assert failure.kind is FailureKind.DRIVER_LOST and "not loaded" in failure.message
    bench.nvml.restore_driver()
    await bench.until(lambda: bench.others() == 0)
    await bench.manager.start_model("a")


# ---- leases


async def test_a_lease_evicts_is_held_and_ends(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 16), bench.model("b", 10))
    await bench.load("a")
    plan = manager.lending.plan(14 * GIB, "gpu0")
    assert plan.verdict is Verdict.AFTER_EVICTING and [victim.model for victim in plan.evict] == ["a"]
    assert bench.state("a") is State.READY, "asking changes nothing"
    lease = await manager.lending.ask(14 * GIB, "gpu0", 3.0, "comfyui", 10.0)
    assert (lease.device, lease.state) == ("gpu0", LeaseState.HELD) and bench.state("a") is State.STOPPED
    with pytest.raises(EngineFailed, match="may not be unloaded"):
        await manager.start_model("b")
    with bench.hog(12):
        await bench.until(lambda: manager.planner.memory().data[0].used == 12 * GIB)
        memory = manager.planner.memory().data[0]
        assert memory.leases == {lease.id: 14 * GIB} and memory.free == 9 * GIB, "what it uses is not counted twice"
    await bench.until(lambda: not manager.lending.list())
    await manager.start_model("b")


async def test_a_lease_survives_a_restart_and_can_be_given_back(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 10))
    lease = await manager.lending.ask(14 * GIB, None, 600.0, "game", 1.0)
    with bench.hog(14):
        await bench.crash()
        manager = await bench.start(bench.model("a", 10))
        assert manager.lending.list() == [lease]
        memory = manager.planner.memory().data[0]
        assert memory.leases == {lease.id: 14 * GIB} and memory.free == 9 * GIB
        with pytest.raises(EngineFailed):
            await manager.start_model("a")
    manager.lending.release(lease.id)
    await manager.start_model("a")
    await bench.crash()
    manager = await bench.start(bench.model("a", 10))
    assert manager.lending.list() == []


async def test_a_lease_that_cannot_be_had_says_why(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 16))
    with pytest.raises(Unavailable, match="more than there is"):
        await manager.lending.ask(100 * GIB, None, 60.0, "", 1.0)
    await bench.load("a")
    manager.activity("w", bench.worker.endpoints["a"].instance, True)
    with pytest.raises(Unavailable, match=r"not free after 0\.2 s"):
        await manager.lending.ask(14 * GIB, None, 60.0, "", 0.2)
    assert manager.lending.list() == [] and bench.state("a") is State.BUSY
    manager.activity("w", bench.worker.endpoints["a"].instance, False)


# ---- sleep


async def asleep(bench: MemoryBench, *switches: str) -> None:
    """vLLM's model `v` with 12 GiB, idle for so long that it was to sleep; `a` needs its place."""
    await bench.start(bench.vllm("v", 12, *switches, keep_alive=0.5), bench.model("a", 18))
    await bench.load("v")
    assert 10 < bench.used() <= 12.6
    bench.worker.served.clear()


async def test_an_idle_engine_sleeps_is_woken_and_evicted(bench: MemoryBench) -> None:
    await asleep(bench)
    await bench.until_state("v", State.ASLEEP)
    pid = bench.view("v").pid
    assert bench.used() == 0.5 and bench.claims() == {"v": 0.5}
    await bench.load("a")
    assert bench.state("v") is State.ASLEEP, "there is room beside what it holds asleep"
    bench.worker.request("v")
    await bench.until(lambda: bench.worker.served[-1:] == ["v"])
    assert bench.state("a") is State.STOPPED and bench.view("v").pid == pid
    assert bench.used() > 10 and bench.claims()["v"] > 10
    assert len(runs(bench, "v")) == 1, "waking up is no load"


async def test_one_that_keeps_too_much_asleep_is_stopped(bench: MemoryBench) -> None:
    await asleep(bench, "--residual", "6000")
    await bench.until_state("v", State.STOPPED)
    assert bench.used() == 0 and State.ASLEEP not in [state for _, state in bench.worker.states]


async def test_an_engine_that_sleeps_is_adopted_asleep(bench: MemoryBench) -> None:
    await asleep(bench)
    view = await bench.until_state("v", State.ASLEEP)
    await bench.crash()
    await bench.start(bench.vllm("v", 12, keep_alive=0.5), bench.model("a", 18))
    assert (bench.state("v"), bench.view("v").pid) == (State.ASLEEP, view.pid)
    assert bench.claims() == {"v": 0.5}
    await bench.load("a")
    assert bench.state("v") is State.ASLEEP
    bench.worker.request("v")
    await bench.until(lambda: bench.worker.served[-1:] == ["v"])
    assert bench.view("v").pid == view.pid and bench.state("a") is State.STOPPED


# ---- a new control process


async def test_a_new_manager_knows_what_is_loaded_before_it_gives_anything(bench: MemoryBench) -> None:
    models = bench.model("a", 16, takes=14), bench.model("b", 10), bench.model("c", 8)
    await bench.start(*models)
    await bench.load("a")
    claims, pid = bench.claims(), bench.view("a").pid
    await bench.crash()
    manager = await bench.start(*models)
    assert bench.claims() == claims, "as it was measured, not as it was estimated"
    memory = manager.planner.memory().data[0]
    assert memory.others == 0
    await bench.load("c")
    assert bench.view("a").pid == pid and bench.state("a") is State.READY
    for busy in (True, False):  # it is left to those who may come back to it, until they have
        manager.activity("w", bench.worker.endpoints["a"].instance, busy)
    await bench.load("b")
    assert bench.used() == 18 and len(bench.alive()) == 2


async def test_an_adopted_engine_is_watched_like_any_other(bench: MemoryBench) -> None:
    models = (bench.model("a", 8, "--grow", "4096", "--peak", "14336"),)
    await bench.start(*models)
    await bench.load("a")
    await bench.crash()
    await bench.start(*models)
    await bench.until(lambda: bench.view("a").measured.get("gpu0") == 8 * GIB)
    await bench.until(lambda: "a" in bench.worker.endpoints)
    assert await bench.chat("a") == 200
    await bench.until(lambda: bench.claims()["a"] >= 12)
    assert len(runs(bench, "a")) == 1 and runs(bench, "a")[0].peak_device == 12 * GIB


async def test_who_waits_too_long_goes_first(bench: MemoryBench) -> None:
    rules = SchedulingSettings(starvation=1.0)
    await bench.start(bench.model("a", 14), bench.model("b", 14), scheduling=rules)
    await bench.load("a")
    bench.worker.serves = 2.5
    bench.worker.request("a")
    await bench.until_state("a", State.BUSY)
    bench.worker.request("b")
    await bench.until(lambda: bench.state("a") is State.DRAINING)
    bench.worker.request("a")
    await bench.until(lambda: bench.worker.served[-2:] == ["a", "b"])
    await bench.until(lambda: bench.worker.served[-1:] == ["a"])
    assert not bench.worker.failures
