"""The manager with a clock that is turned, a scripted launcher and a scripted prober."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.hardware import Device, DeviceKind
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Readiness
from glowplug.errors import EngineFailed, NotFound
from glowplug.lifecycle.learned import RunBook
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.records import Records
from glowplug.testing.clock import VirtualClock
from glowplug.wire.link import Held
from tests.lifecycle.fakes import (
    MODEL,
    FakeHardware,
    FakeLauncher,
    FakeProber,
    FakeProcess,
    KnownFootprints,
    Outbox,
    Scripted,
)


class Bench:
    """A manager and everything around it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock, self.outbox, self.launcher = VirtualClock(), Outbox(), FakeLauncher()
        self.prober, self.engine = FakeProber(), Scripted()
        self.prober.clock = self.clock
        self.hardware = FakeHardware()
        self.manager = self.new_manager()

    def new_manager(self) -> Manager:
        engines = {"llamacpp": self.engine}
        return Manager(
            self.launcher, engines, Records(self.directory), self.clock, self.outbox, self.hardware,
            logs=self.directory, prober=self.prober, pick_port=iter(range(5000, 6000)).__next__,
            footprints=KnownFootprints(RunBook(self.directory)),
        )  # fmt: skip

    async def start(self, *models: LocalModel) -> Bench:
        await self.manager.start(models or (MODEL,))
        self.manager.worker_joined("w")
        return self

    def ready(self) -> FakeProcess:
        self.prober.answer = (Readiness.READY, "")
        self.manager.ensure("w", "chat-x", 1)
        self.clock.advance(0.5)
        assert self.view().state is State.READY
        return self.launcher.started[-1]

    def view(self) -> InstanceView:
        return self.manager.views()[0]

    @property
    def instance(self) -> str:
        return self.outbox.endpoints["chat-x"].instance


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return await Bench(tmp_path).start()


async def test_from_the_first_request_to_the_memory_given_back(bench: Bench) -> None:
    for _ in range(200):
        bench.manager.ensure("w", "chat-x", 1)
    (process,) = bench.launcher.started
    assert "--port 5000" in " ".join(process.spec.argv)
    bench.prober.answer = (Readiness.LOADING, "")
    bench.clock.advance(0.1)
    assert bench.view().state is State.LOADING
    bench.prober.answer = (Readiness.READY, "")
    bench.clock.advance(0.1)
    assert bench.outbox.sent == [("grant", "w")]
    instance = bench.instance
    bench.manager.activity("w", instance, True)
    bench.clock.advance(10_000)
    assert bench.view().state is State.BUSY and bench.view().leases == 1
    bench.manager.activity("w", instance, False)
    assert bench.view().idle_until == bench.clock.unix() + 300
    bench.clock.advance(300)
    assert bench.outbox.sent[-1] == ("revoke", "w", instance)
    assert process.signals == []
    bench.manager.drained("w", instance)
    assert process.signals == ["TERM"]
    process.end()
    assert process.closed and bench.view().state is State.STOPPED and bench.view().pid is None
    assert list(bench.directory.glob("*.json")) == []
    assert bench.outbox.states == [
        State.QUEUED, State.STARTING, State.LOADING, State.READY, State.BUSY, State.READY, State.DRAINING,
        State.STOPPING, State.RELEASING, State.STOPPED,
    ]  # fmt: skip
    bench.clock.advance(40)
    assert bench.clock.pending == 0, "nothing wakes up at rest"
    assert bench.hardware.closed, "and no driver is held open"


async def test_readiness_is_probed_often_at_first_and_never_later_than_half_a_second(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 1)
    bench.clock.advance(40)
    gaps = [b - a for a, b in zip(bench.prober.asked, bench.prober.asked[1:], strict=False)]
    assert bench.prober.asked[0] == pytest.approx(1000.02)
    assert gaps[:10] == pytest.approx([0.02] * 10)
    assert gaps == sorted(gaps) and gaps[-1] == pytest.approx(0.5)


async def test_nothing_is_probed_while_it_is_ready(bench: Bench) -> None:
    bench.ready()
    asked = len(bench.prober.asked)
    bench.clock.advance(299)
    assert len(bench.prober.asked) == asked


async def test_the_next_load_has_an_estimate(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 1)
    bench.clock.advance(8)
    assert bench.outbox.loading[-1].eta_s is None
    process = bench.ready()
    assert bench.view().load_seconds == pytest.approx(8.0, abs=0.6)
    process.end(1)
    bench.prober.answer = (Readiness.REFUSED, "")
    bench.manager.ensure("w", "chat-x", 1)
    assert bench.outbox.loading[-1].eta_s == pytest.approx(8.0, abs=0.6)


async def test_progress_in_the_log_is_told(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 1)
    bench.prober.answer = (Readiness.LOADING, "")
    (bench.directory / "chat-x.log").write_text("load_tensors: x\n" + "." * 25)
    bench.clock.advance(1)
    assert (bench.outbox.loading[-1].stage, bench.outbox.loading[-1].progress) == ("loading weights", 0.25)
    assert bench.view().loading == 0.25


async def test_a_silent_load_fails_and_a_working_one_does_not(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 1)
    process = bench.launcher.started[0]
    for _ in range(10):
        process.work += 50
        bench.clock.advance(30)
    assert bench.view().state is State.STARTING
    bench.clock.advance(61)
    assert bench.outbox.failures[0].kind is FailureKind.HANG
    assert process.signals[0] == "TERM"
    bench.clock.advance(10)
    assert process.signals[:2] == ["TERM", "KILL"]


async def test_a_crash_tells_the_code_and_the_last_lines(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 2)
    (bench.directory / "chat-x.log").write_text("one\ncudaMalloc failed: out of memory\n")
    bench.launcher.started[0].end(1)
    (failure,) = bench.outbox.failures
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("chat-x: there was not enough memory") and "exit code 1" in failure.message
    assert failure.log_tail == ("one", "cudaMalloc failed: out of memory")
    assert failure.until == bench.clock.unix() + 10 and not failure.permanent
    bench.manager.ensure("w", "chat-x", 1)
    assert len(bench.launcher.started) == 1 and len(bench.outbox.failures) == 2
    bench.clock.advance(10)
    bench.manager.ensure("w", "chat-x", 1)
    assert len(bench.launcher.started) == 2


async def test_a_missing_file_is_permanent_until_a_file_changes(bench: Bench, tmp_path: Path) -> None:
    weights = tmp_path / "new.gguf"
    bench.manager.configure([msgspec.structs.replace(MODEL, path=str(weights))])
    bench.engine.problem = Failure(kind=FailureKind.MISSING_FILE, message="no weights")
    bench.manager.ensure("w", "chat-x", 1)
    assert bench.outbox.failures[0].permanent and bench.outbox.failures[0].until == 0
    bench.engine.problem = None
    bench.clock.advance(100_000)
    bench.manager.ensure("w", "chat-x", 1)
    assert bench.launcher.started == [] and bench.view().state is State.FAILED
    weights.write_bytes(b"GGUF")
    bench.manager.ensure("w", "chat-x", 1)
    assert len(bench.launcher.started) == 1


async def test_a_program_that_cannot_be_started(bench: Bench) -> None:
    bench.launcher.error = "srv could not be started: Exec format error"
    with pytest.raises(EngineFailed, match="Exec format error"):
        await bench.manager.start_model("chat-x")
    assert bench.view().failure is not None


async def test_start_model_waits_and_ignores_back_off(bench: Bench) -> None:
    bench.manager.ensure("w", "chat-x", 1)
    bench.launcher.started[0].end(1)
    starting = asyncio.ensure_future(bench.manager.start_model("chat-x"))
    await asyncio.sleep(0)
    assert len(bench.launcher.started) == 2
    bench.prober.answer = (Readiness.READY, "")
    bench.clock.advance(0.1)
    view = await starting
    assert view.state is State.READY and view.memory == 1234
    assert (await bench.manager.start_model("chat-x")).state is State.READY


async def test_stop_model_waits_for_drain_and_for_the_group(bench: Bench) -> None:
    process = bench.ready()
    stopping = asyncio.ensure_future(bench.manager.stop_model("chat-x"))
    await asyncio.sleep(0)
    bench.manager.drained("w", bench.instance)
    process.end(0, left=(777,))
    bench.clock.advance(9)
    await asyncio.sleep(0)
    assert not stopping.done() and "KILL" not in process.signals
    bench.clock.advance(2)
    assert "KILL" in process.signals
    process.left = ()
    bench.clock.advance(1)
    assert (await stopping).state is State.STOPPED
    assert (await bench.manager.stop_model("chat-x")).state is State.STOPPED


async def test_processes_that_survive_sigkill_are_named(bench: Bench) -> None:
    process = bench.ready()
    stopping = asyncio.ensure_future(bench.manager.stop_model("chat-x", force=True))
    await asyncio.sleep(0)
    process.end(0, left=(777,))
    bench.clock.advance(16)
    view = await stopping
    assert view.state is State.RELEASING and view.failure is not None and "777" in view.failure.message
    process.left = ()
    bench.clock.advance(1)
    assert bench.view().state is State.FAILED


async def test_a_drain_waits_for_every_worker_that_holds_the_grant(bench: Bench) -> None:
    bench.manager.worker_joined("x")
    process = bench.ready()
    instance = bench.instance
    bench.clock.advance(301)
    bench.manager.drained("w", instance)
    assert process.signals == []
    bench.manager.worker_left("x")
    assert process.signals == ["TERM"]


async def test_a_suspect_is_probed_three_times_then_killed(bench: Bench) -> None:
    process = bench.ready()
    instance = bench.instance
    bench.prober.answer = (Readiness.SILENT, "no answer within 2 s")
    asked = len(bench.prober.asked)
    bench.manager.suspect(instance, "first byte timeout")
    bench.manager.suspect(instance, "first byte timeout")
    bench.clock.advance(1)
    assert len(bench.prober.asked) == asked + 3
    assert bench.outbox.sent[-2:] == [("revoke", "w", instance), ("failed", "chat-x")]
    assert "does not answer" in bench.outbox.failures[0].message
    assert "KILL" in process.signals
    process.end(-9)
    bench.prober.answer = (Readiness.READY, "")
    bench.ready()
    assert len(bench.launcher.started) == 2


async def test_a_suspect_that_answers_is_left_alone(bench: Bench) -> None:
    process = bench.ready()
    bench.manager.suspect(bench.instance, "reset")
    bench.clock.advance(5)
    assert process.signals == [] and bench.view().state is State.READY


async def test_a_worker_that_comes_back_gets_what_is_right_and_loses_what_is_not(bench: Bench) -> None:
    bench.ready()
    held = [Held(bench.outbox.endpoints["chat-x"], 1)]
    stale = Held(Endpoint(instance="inst_old", model="chat-x", host="127.0.0.1", port=1, key="k"), 0)
    bench.outbox.sent.clear()
    bench.manager.worker_joined("w", [*held, stale])
    assert bench.outbox.sent == [("grant", "w"), ("revoke", "w", "inst_old")]
    assert bench.view().state is State.BUSY


async def test_only_changed_and_removed_models_are_touched(tmp_path: Path) -> None:
    other = msgspec.structs.replace(MODEL, name="chat-y")
    bench = await Bench(tmp_path).start(MODEL, other)
    bench.prober.answer = (Readiness.READY, "")
    bench.manager.ensure("w", "chat-x", 1)
    bench.manager.ensure("w", "chat-y", 1)
    bench.clock.advance(1)
    x, y = bench.launcher.started
    bench.outbox.sent.clear()
    slower = msgspec.structs.replace(MODEL, keep_alive=20.0)
    bench.manager.configure([slower, msgspec.structs.replace(other, args=("--x",))])
    assert bench.outbox.sent == [("revoke", "w", bench.outbox.endpoints["chat-y"].instance)]
    assert bench.view().keep_alive == 20.0
    bench.manager.drained("w", bench.outbox.endpoints["chat-y"].instance)
    assert (x.signals, y.signals) == ([], ["TERM"])
    y.end()
    bench.manager.configure([slower])
    assert [view.model for view in bench.manager.views()] == ["chat-x"]
    bench.manager.configure([])
    assert [view.state for view in bench.manager.views()] == [State.DRAINING]
    bench.manager.ensure("w", "chat-x", 1)
    assert "removed from the configuration" in bench.outbox.failures[-1].message
    bench.manager.drained("w", bench.outbox.endpoints["chat-x"].instance)
    x.end()
    assert bench.manager.views() == []


async def test_a_new_manager_adopts_what_runs(bench: Bench) -> None:
    process = bench.ready()
    endpoint = bench.outbox.endpoints["chat-x"]
    await bench.manager.close(stop_engines=False)
    assert process.signals == []
    bench.outbox.sent.clear()
    bench.manager = bench.new_manager()
    await bench.manager.start([MODEL])
    bench.manager.worker_joined("w", [Held(endpoint, 1)])
    assert bench.outbox.sent == [], "it is looked at before it is granted"
    bench.clock.advance(0.1)
    assert bench.outbox.sent == [("grant", "w")]
    assert bench.outbox.endpoints["chat-x"] == endpoint
    assert bench.view().state is State.BUSY and bench.view().load_seconds is not None
    assert len(bench.launcher.started) == 1
    assert bench.launcher.swept[-1] == {endpoint.instance}


@pytest.mark.parametrize("models", [[], [msgspec.structs.replace(MODEL, args=("--other",))]])
async def test_a_new_manager_stops_what_does_not_fit(bench: Bench, models: list[LocalModel]) -> None:
    process = bench.ready()
    await bench.manager.close(stop_engines=False)
    bench.manager = bench.new_manager()
    await bench.manager.start(models)
    assert process.signals == ["TERM"]
    process.end()
    assert [view.state for view in bench.manager.views()] == [State.STOPPED] * len(models)
    assert list(bench.directory.glob("*.json")) == []


async def test_a_record_of_a_process_that_is_gone_is_dropped(bench: Bench) -> None:
    bench.ready()
    await bench.manager.close(stop_engines=False)
    bench.launcher.running.clear()
    bench.manager = bench.new_manager()
    await bench.manager.start([MODEL])
    assert bench.view().state is State.STOPPED
    assert list(bench.directory.glob("*.json")) == []
    assert bench.launcher.swept[-1] == frozenset()


async def test_close_stops_engines_and_tells_those_who_wait(tmp_path: Path) -> None:
    other = msgspec.structs.replace(MODEL, name="chat-y")
    bench = await Bench(tmp_path).start(MODEL, other)
    bench.manager.ensure("w", "chat-x", 1)
    closing = asyncio.ensure_future(bench.manager.close())
    await asyncio.sleep(0)
    assert bench.outbox.failures[0].kind is FailureKind.STOPPED
    bench.launcher.started[0].end()
    await closing
    assert bench.clock.pending == 0


async def test_unknown_names(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.manager.start_model("nope")
    with pytest.raises(NotFound):
        bench.manager.log_file("nope")
    bench.manager.ensure("w", "nope", 1)
    assert bench.outbox.failures
    bench.manager.waiting("w", "nope", 0)
    bench.manager.activity("w", "inst_none", True)
    bench.manager.drained("w", "")


ONE_CARD = Device(id="gpu0", kind=DeviceKind.NVIDIA, name="card", total=8 << 30, used=0, index=0)


@pytest.mark.parametrize("first", ["the waiter leaves", "the other comes"])
async def test_a_load_nobody_waits_for_makes_room_for_one_that_somebody_waits_for(tmp_path: Path, first: str) -> None:
    bench = Bench(tmp_path)
    bench.hardware.devices.append(ONE_CARD)
    big = [msgspec.structs.replace(MODEL, name=name, memory=6 << 30) for name in ("chat-x", "chat-y")]
    await bench.start(*big)
    bench.prober.answer = (Readiness.LOADING, "")
    bench.manager.ensure("w", "chat-x", 1)
    bench.clock.advance(1.0)
    (process,) = bench.launcher.started
    for step in (first == "the waiter leaves", first == "the other comes"):
        if step:
            bench.manager.waiting("w", "chat-x", 0)
        else:
            bench.manager.ensure("w", "chat-y", 1)
        if process.signals:
            break
        assert bench.view().state is State.LOADING
    assert process.signals == ["TERM"], "at once, without the time of grace"
    process.end()
    bench.clock.advance(1.0)
    assert [view.state for view in bench.manager.views()] == [State.STOPPED, State.LOADING]
    assert len(bench.launcher.started) == 2


async def test_the_next_control_process_knows_what_an_engine_was_measured_to_hold(tmp_path: Path) -> None:
    bench = await Bench(tmp_path).start(msgspec.structs.replace(MODEL, memory=None))
    process = bench.ready()
    bench.clock.advance(1.0)
    claim = bench.view().claim
    (record,) = Records(tmp_path).load()
    assert record.claim == claim and bench.view().measured
    assert process.spec is not None
