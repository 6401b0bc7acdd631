"""What a slot says to its engine, against real sockets; the slot is a stub that writes down what it is told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import LoadReport, Request, Sleeping, Stopping
from glowplug.launchers.base import LaunchSpec
from glowplug.lifecycle import events as ev
from glowplug.lifecycle import talks
from glowplug.lifecycle.events import Event
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.ports import LoopScheduler, free_port
from glowplug.lifecycle.talks import Talks
from tests.lifecycle.fakes import MODEL, FakeLauncher, FakeProcess, Scripted
from tests.lifecycle.test_probe import http, server
from tests.waiting import until

SLEEP, WAKE = Request("POST", "/sleep?level=1", timeout=0.2), Request("POST", "/wake_up", timeout=0.2)
TAGS = Request("POST", "/wake_up?tags=kv", timeout=0.2)
ON_A_CARD = Place(claim={"gpu0": 1})
Server = Callable[..., AbstractAsyncContextManager[tuple[Endpoint, list[bytes]]]]


class Engine(Scripted):
    """Sleeps when it lists `--sleep`; reports and stops as the test says."""

    says = LoadReport()
    way = Stopping()
    answers: list[bytes]
    lines: list[str]

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        self.answers, self.lines = [answer], list(log_lines)
        return self.says

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        return Sleeping((SLEEP,), (WAKE, TAGS), 0.25) if known and "--sleep" in known else None

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        return self.way


class Tenancy:
    """Says how much is still held, one answer after the other; the last one stays."""

    def __init__(self) -> None:
        self.place, self.held, self.heard = Place(), [""], list[str]()

    def before_sleep(self) -> None:
        self.heard.append("before")

    def still_held(self, residual: float) -> str:
        assert residual == 0.25
        return self.held.pop(0) if len(self.held) > 1 else self.held[0]

    def fell_asleep(self, residual: float) -> None:
        self.heard.append("asleep")


class Kit:
    clock, launcher = LoopScheduler(), FakeLauncher()


class Slot:
    def __init__(self, directory: Path) -> None:
        self.kit, self.model, self.engine, self.tenancy = Kit(), MODEL, Engine(), Tenancy()
        self.log = LogBook(directory / "log")
        self.log.begin()
        self.process = FakeProcess(LaunchSpec("i", ("srv",), {}, directory / "log"), 7, lambda _: None)
        self.running: FakeProcess | None = self.process
        self.endpoint: Endpoint | None = Endpoint(instance="i", model="m", host="127.0.0.1", port=free_port(), key="k")
        self.flags: frozenset[str] | None = frozenset({"--sleep"})
        self.posted: list[Event] = []
        self.reports: list[LoadReport] = []
        self.talks = Talks(self)  # type: ignore[arg-type]

    async def learn_flags(self) -> frozenset[str] | None:
        await asyncio.sleep(0)
        return self.flags

    def post(self, event: Event) -> None:
        self.posted.append(event)

    def reported(self, report: LoadReport) -> None:
        self.reports.append(report)

    async def told(self) -> Event:
        await until(lambda: bool(self.posted))
        (event,) = self.posted
        return event


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot(tmp_path)


# ---- how did you load


async def test_a_load_on_a_card_is_used_when_its_report_is_good(slot: Slot) -> None:
    went_on = asyncio.Event()
    slot.tenancy.place = ON_A_CARD
    slot.log.path.write_text("offloaded 33/33 layers\n")
    async with server(http(200, b'{"n_ctx":1}')) as (slot.endpoint, heard):
        slot.talks.inspect(went_on.set)
        assert not went_on.is_set(), "not before it was looked at"
        await asyncio.wait_for(went_on.wait(), 10)
    assert heard[0].startswith(b"GET /props ") and b"Authorization: Bearer secret" in heard[0]
    assert slot.engine.answers == [b'{"n_ctx":1}'] and slot.engine.lines == ["offloaded 33/33 layers"]
    assert slot.posted == [] and slot.reports == [LoadReport()]


async def test_a_load_that_may_not_be_used_is_not(slot: Slot) -> None:
    failure = Failure(kind=FailureKind.CPU_FALLBACK, message="on the CPU")
    slot.tenancy.place, slot.engine.says = ON_A_CARD, LoadReport(failure=failure)
    slot.talks.inspect(lambda: pytest.fail("it went on"))
    assert await slot.told() == ev.Reported(failure)


@pytest.mark.parametrize("answer", [http(404), b"SSH-2.0\r\n", b""])
async def test_one_that_says_nothing_of_itself_is_used(slot: Slot, answer: bytes) -> None:
    went_on = asyncio.Event()
    slot.tenancy.place = ON_A_CARD
    async with server(answer) as (slot.endpoint, _):
        slot.talks.inspect(went_on.set)
        await asyncio.wait_for(went_on.wait(), 10)
    assert slot.engine.answers == [b""]


async def test_where_there_is_no_card_nobody_waits_for_the_report(slot: Slot) -> None:
    went_on = asyncio.Event()
    slot.talks.inspect(went_on.set)
    assert went_on.is_set()
    await until(lambda: bool(slot.reports))


async def test_what_was_forgotten_meanwhile_is_not_reported(slot: Slot) -> None:
    slot.tenancy.place = ON_A_CARD
    slot.talks.inspect(lambda: pytest.fail("it went on"))
    slot.running = None
    await until(lambda: not slot.talks._tasks)
    assert slot.posted == [] and slot.reports == []


# ---- sleep and wake


async def test_it_sleeps_once_its_memory_is_back(slot: Slot) -> None:
    slot.tenancy.held = ["it still holds 5 GiB", ""]
    async with server(http(200)) as (slot.endpoint, heard):
        slot.talks.sleep()
        assert await slot.told() == ev.FellAsleep()
    assert heard[0].startswith(b"POST /sleep?level=1 ") and slot.tenancy.heard == ["before", "asleep"]


async def test_one_that_keeps_its_memory_is_not_asleep(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "BACK_AFTER", 0.15)
    slot.tenancy.held = ["it still holds 5 GiB of 8 GiB of gpu0"]
    async with server(http(200)) as (slot.endpoint, _):
        slot.talks.sleep()
        assert await slot.told() == ev.FellAsleep("it still holds 5 GiB of 8 GiB of gpu0")
    assert slot.tenancy.heard == ["before"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (http(500), "POST /sleep was answered 500"),
        (None, "POST /sleep was not answered within 0.2 s"),
        (b"", "POST /sleep failed"),
    ],
)
async def test_one_that_does_not_want_to_sleep(slot: Slot, answer: bytes | None, why: str) -> None:
    async with server(answer) as (slot.endpoint, _):
        slot.talks.sleep()
        event = await slot.told()
    assert isinstance(event, ev.FellAsleep) and event.why.startswith(why) and slot.tenancy.heard == ["before"]


@pytest.mark.parametrize("flags", [None, frozenset({"--other"})])
async def test_a_version_that_cannot(slot: Slot, flags: frozenset[str] | None) -> None:
    slot.flags = flags
    slot.talks.sleep()
    assert await slot.told() == ev.FellAsleep("this version cannot sleep")
    slot.posted.clear()
    slot.talks.wake()
    event = await slot.told()
    assert isinstance(event, ev.Woken) and event.failure is not None and "cannot wake up" in event.failure.message


async def test_it_is_woken_step_by_step(slot: Slot) -> None:
    async with server(http(200), http(200)) as (slot.endpoint, heard):
        slot.talks.wake()
        assert await slot.told() == ev.Woken()
    assert [request.split(b" ")[1] for request in heard] == [b"/wake_up", b"/wake_up?tags=kv"]


async def test_a_step_that_fails_is_the_last(slot: Slot) -> None:
    async with server(http(503)) as (slot.endpoint, heard):
        slot.talks.wake()
        event = await slot.told()
    assert isinstance(event, ev.Woken) and event.failure is not None and len(heard) == 1
    assert event.failure.kind is FailureKind.HANG and "POST /wake_up was answered 503" in event.failure.message


@pytest.mark.parametrize("begin", [Talks.sleep, Talks.wake])
async def test_an_answer_after_the_process_was_forgotten_is_dropped(slot: Slot, begin: Callable[[Talks], None]) -> None:
    async with server(http(200), http(200)) as (slot.endpoint, _):
        begin(slot.talks)
        await asyncio.sleep(0)
        slot.running = None
        await until(lambda: not slot.talks._tasks)
    assert slot.posted == [] and "asleep" not in slot.tenancy.heard


async def test_stopped_it_says_nothing_more(slot: Slot) -> None:
    async with server(None) as (slot.endpoint, heard):
        slot.talks.sleep()
        await until(lambda: bool(heard))
        slot.talks.stop()
        await until(lambda: not slot.talks._tasks)
    assert slot.posted == []


# ---- end


async def test_it_ends_by_signal_at_once(slot: Slot) -> None:
    slot.engine.way = Stopping(signal=signal.SIGINT)
    slot.talks.end()
    assert slot.process.signals == ["TERM"] and not slot.talks._tasks


async def test_it_ends_by_request_and_by_signal_when_that_fails(slot: Slot) -> None:
    slot.engine.way = Stopping(request=Request("POST", "/stop"))
    async with server(http(200), http(500)) as (slot.endpoint, heard):
        slot.talks.end()
        await until(lambda: not slot.talks._tasks)
        assert slot.process.signals == [] and heard[0].startswith(b"POST /stop ")
        slot.talks.end()
        await until(lambda: not slot.talks._tasks)
    assert slot.process.signals == ["TERM"]


async def test_it_ends_by_a_program(slot: Slot, tmp_path: Path) -> None:
    slot.engine.way = Stopping(argv=("/usr/bin/env", "touch", str(tmp_path / "ended")))
    slot.talks.end()
    await until(lambda: not slot.talks._tasks)
    assert (tmp_path / "ended").exists() and slot.process.signals == []
