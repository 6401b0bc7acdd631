"""One slot: it carries out what its machine asks for, in order, and never re-enters it."""

from __future__ import annotations

import asyncio
import math
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.programs import FlagCatalogue
from glowplug.errors import EngineFailed
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.admission import Admission
from glowplug.lifecycle.digest import command_digest
from glowplug.lifecycle.learned import RunBook
from glowplug.lifecycle.records import Records
from glowplug.lifecycle.slot import Kit, Slot
from glowplug.testing.clock import VirtualClock
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
from tests.waiting import until


class Bench:
    """A slot and everything around it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock, self.outbox, self.launcher = VirtualClock(), Outbox(), FakeLauncher()
        self.prober, self.engine, self.records = FakeProber(), Scripted(), Records(directory)
        self.prober.clock = self.clock
        self.gone: list[str] = []
        self.ports = iter(range(5000, 6000))
        self.slot = self.new()

    def new(self, model: LocalModel = MODEL) -> Slot:
        kit = Kit(
            launcher=self.launcher, engines={"llamacpp": self.engine}, records=self.records, clock=self.clock,
            outbox=self.outbox, prober=self.prober, catalogue=FlagCatalogue(), logs=self.directory,
            pick_port=self.ports.__next__, admission=Admission(self.clock, FakeHardware()),
            footprints=KnownFootprints(RunBook(self.directory)), hosts=None,
        )  # fmt: skip
        return Slot(kit, model, self.gone.append)

    def start(self) -> FakeProcess:
        self.slot.post(ev.WorkerJoined("w"))
        self.slot.post(ev.Ensure("w", 1))
        return self.launcher.started[-1]

    def ready(self) -> FakeProcess:
        process = self.start()
        self.prober.answer = (Readiness.READY, "")
        self.clock.advance(0.1)
        assert self.slot.machine.state is State.READY
        return process

    @property
    def record_files(self) -> list[str]:
        return [path.name for path in self.directory.glob("*.json") if "load" not in path.name]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.slot.detach()


async def test_a_launch_has_a_new_port_key_and_name_each_time(bench: Bench) -> None:
    first = bench.ready()
    one = bench.slot.endpoint
    assert one is not None and one.host == "127.0.0.1" and one.port == 5000
    assert "5000" in first.spec.argv and one.key not in " ".join(first.spec.argv)
    assert first.spec.env["LLAMA_API_KEY"] == one.key, "other users can read a command line, not an environment"
    assert first.spec.instance == one.instance == bench.slot.instance
    assert first.spec.log == bench.directory / "chat-x.log"
    first.end(1)
    bench.slot.post(ev.Ensure("w", 1))
    two = bench.slot.endpoint
    assert two is not None and two.port == 5001
    assert len({one.key, two.key, one.instance, two.instance}) == 4


async def test_a_running_process_is_on_record_with_all_that_adopts_it_and_forgotten_when_it_is_gone(
    bench: Bench,
) -> None:
    process = bench.ready()
    [record] = bench.records.load()
    assert (record.model, record.pid, record.start_time) == ("chat-x", process.pid, process.start_time)
    assert record.endpoint == bench.slot.endpoint
    assert record.digest == command_digest(bench.engine, MODEL)
    assert record.load_seconds == bench.slot.load_seconds is not None
    process.end(0)
    assert process.closed and bench.slot.running is None and bench.slot.instance == ""
    assert bench.record_files == []


async def test_a_process_on_record_is_taken_over_and_one_that_is_gone_is_not(bench: Bench) -> None:
    process = bench.ready()
    [record] = bench.records.load()
    bench.slot.detach()
    assert process.signals == [] and process.closed
    other = bench.new()
    assert not other.adopt(msgspec.structs.replace(record, start_time=1), fits=True)
    assert other.machine.state is State.STOPPED
    assert other.adopt(record, fits=True)
    assert bench.launcher.adopting[-1] == (record.launcher, record.argv_hash)
    assert (other.endpoint, other.load_seconds) == (record.endpoint, record.load_seconds)
    bench.clock.advance(0.1)
    assert other.machine.state is State.READY
    other.detach()


async def test_a_launch_that_fails_at_once_does_not_re_enter_the_machine(bench: Bench) -> None:
    seen: list[tuple[bool, str]] = []
    handle = bench.slot.machine.handle
    inside = False

    def watched(now: float, event: ev.Event) -> list[ev.Effect]:
        nonlocal inside
        seen.append((inside, type(event).__name__))
        inside = True
        try:
            return handle(now, event)  # type: ignore[return-value]
        finally:
            inside = False

    bench.slot.machine.handle = watched  # type: ignore[method-assign,assignment]
    bench.engine.problem = Failure(kind=FailureKind.BAD_FLAG, message="no such flag")
    bench.slot.post(ev.Ensure("w", 1))
    assert seen == [(False, "Ensure"), (False, "Admitted"), (False, "LaunchFailed")]
    assert bench.slot.machine.state is State.FAILED
    assert bench.outbox.states == [State.QUEUED, State.STARTING, State.FAILED]
    assert bench.outbox.failures[0].message == "chat-x: no such flag"


async def test_a_program_that_cannot_be_started_is_missing(bench: Bench) -> None:
    bench.launcher.error = "srv could not be started: no such file"
    bench.slot.post(ev.Ensure("w", 1))
    [failure] = bench.outbox.failures
    assert failure.kind is FailureKind.MISSING_PROGRAM and failure.permanent
    assert bench.record_files == [] and bench.slot.endpoint is None


async def test_those_who_wait_for_it_hear_of_readiness_or_of_the_failure(bench: Bench) -> None:
    first, second = bench.slot.when_ready(), bench.slot.when_ready()
    second.cancel()
    bench.ready()
    assert first.done() and first.result() is None
    process = bench.launcher.started[-1]
    waiting, stopped = bench.slot.when_ready(), bench.slot.when_stopped()
    (bench.directory / "chat-x.log").write_text("one\nfailed to load model\n")
    process.end(1)
    with pytest.raises(EngineFailed) as caught:
        await waiting
    assert (caught.value.reason, caught.value.log_tail) == ("bad_model", ("one", "failed to load model"))
    assert stopped.done()


async def test_a_wait_for_the_end_is_over_when_what_is_left_cannot_be_killed(bench: Bench) -> None:
    process = bench.ready()
    stopped = bench.slot.when_stopped()
    bench.slot.post(ev.StopAsked(force=True))
    process.end(0, left=(777,))
    bench.clock.advance(9)
    assert not stopped.done()
    bench.clock.advance(10)
    assert stopped.done() and bench.slot.machine.stuck
    process.left = ()
    bench.clock.advance(1)


async def test_one_timer_stands_for_the_next_deadline_and_none_at_rest(bench: Bench) -> None:
    process = bench.ready()
    bench.clock.advance(1)
    assert bench.clock.pending == 2, "the end of its idle time, and the next look at the devices"
    bench.slot.post(ev.LeaseReport("w", True))
    assert bench.clock.pending == 1, "a busy one has no deadline of its own"
    bench.slot.post(ev.LeaseReport("w", False))
    assert bench.clock.pending == 2
    bench.clock.advance(300)
    assert bench.outbox.sent[-1][0] == "revoke"
    bench.slot.post(ev.Drained("w"))
    process.end(0)
    assert bench.slot.machine.state is State.STOPPED
    bench.clock.advance(30)
    assert bench.clock.pending == 0


async def test_a_retired_slot_says_when_it_is_gone(bench: Bench) -> None:
    process = bench.ready()
    bench.slot.retired = True
    bench.slot.post(ev.StopAsked(force=True))
    assert bench.gone == []
    process.end(0)
    assert bench.gone == ["chat-x"]


async def test_detaching_leaves_the_process_and_nobody_waiting(bench: Bench) -> None:
    process = bench.start()
    waiting = bench.slot.when_ready()
    bench.slot.detach()
    assert waiting.cancelled() and process.signals == [] and process.closed
    bench.slot.kit.admission.close()
    assert bench.clock.pending == 0
    assert bench.record_files != [], "the next control process finds it"


async def test_a_crash_without_a_word_brings_the_end_of_the_log(bench: Bench) -> None:
    process = bench.start()
    (bench.directory / "chat-x.log").write_text("".join(f"line {n}\n" for n in range(50)))
    process.end(3)
    [failure] = bench.outbox.failures
    assert failure.kind is FailureKind.CRASH
    assert failure.log_tail == tuple(f"line {n}" for n in range(30, 50))


async def test_who_has_a_fixed_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        bench = Bench(tmp_path)
        bench.slot = bench.new(msgspec.structs.replace(MODEL, port=port))
        process = bench.start()
        (tmp_path / "chat-x.log").write_text("couldn't bind HTTP server socket\n")
        process.end(1)
        bench.slot.detach()
    assert f"port {port} is taken by " in bench.outbox.failures[-1].message


async def test_a_program_is_asked_for_its_flags_before_its_first_launch(tmp_path: Path) -> None:
    program = tmp_path / "srv"
    program.write_text(f"#!{sys.executable}\nprint('--no-ui    text')\n")
    program.chmod(0o755)
    bench = Bench(tmp_path)
    bench.engine.help_argument = "--help"
    bench.slot = bench.new(msgspec.structs.replace(MODEL, command=(str(program),)))
    bench.slot.post(ev.Ensure("w", 1))
    assert bench.launcher.started == [] and bench.slot.machine.state is State.STARTING
    await until(lambda: bool(bench.launcher.started))
    assert "--no-ui" in bench.launcher.started[0].spec.argv and "--metrics" not in bench.launcher.started[0].spec.argv
    bench.slot.detach()


async def test_a_stop_while_the_program_is_asked_starts_nothing(tmp_path: Path) -> None:
    program = tmp_path / "srv"
    program.write_text(f"#!/bin/sh\nwhile [ ! -e '{tmp_path}/go' ]; do sleep 0.02; done\n")
    program.chmod(0o755)
    bench = Bench(tmp_path)
    bench.engine.help_argument = "--help"
    bench.slot = bench.new(msgspec.structs.replace(MODEL, command=(str(program),)))
    stopped = bench.slot.when_stopped()
    bench.slot.post(ev.Ensure("w", 1))
    await asyncio.sleep(0)
    bench.slot.post(ev.StopAsked(force=True))
    await asyncio.wait_for(stopped, 10)
    (tmp_path / "go").touch()
    assert await bench.slot.kit.catalogue.learn((str(program),), "--help", {}) is None, "the question goes on"
    assert bench.launcher.started == [] and bench.slot.machine.state is State.STOPPED
    bench.slot.detach()


async def test_the_row_has_load_time_and_failure_beside_what_the_machine_knows(bench: Bench) -> None:
    bench.engine.problem = Failure(kind=FailureKind.MISSING_FILE, message="no weights")
    bench.slot.post(ev.Ensure("w", 1))
    row = bench.slot.view()
    assert row.failure is not None and row.failure.message == "chat-x: no weights" and row.failure.permanent
    assert (row.load_seconds, bench.slot.machine.retry_at) == (None, math.inf)
    bench.engine.problem = None
    bench.slot.post(ev.Ensure("w", 1, explicit=True))
    bench.prober.answer = (Readiness.READY, "")
    bench.clock.advance(0.1)
    row = bench.slot.view(memory=True)
    assert row.failure is None and row.load_seconds == pytest.approx(0.02) and row.memory == 1234


async def test_an_engine_may_take_no_more_than_the_hosts_budget_unless_it_is_told_less(bench: Bench) -> None:
    assert bench.start().spec.memory_max == (64 << 30) - (2 << 30)
    bench.slot.detach()
    bench.slot = bench.new(msgspec.structs.replace(MODEL, memory_max=5 << 30))
    assert bench.start().spec.memory_max == 5 << 30
