"""The repeated looks of one slot, with a clock that is turned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Footprint
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Ready
from glowplug.engines.base import Readiness
from glowplug.launchers.base import LaunchSpec
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Event, Policy
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.watch import (
    CHECK_PAUSE,
    CHECKS,
    FIRST_LOOK,
    LAST_LINES,
    LONGEST_LINE,
    LONGEST_LOOK,
    PROGRESS_EVERY,
    Watches,
    said_ready,
)
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.fakes import MODEL, FakeProber, FakeProcess, Scripted

ENDPOINT = Endpoint(instance="i1", model="chat-x", host="127.0.0.1", port=5000, key="k")


@dataclass
class Kit:
    clock: VirtualClock
    prober: FakeProber


class Tenancy:
    """What its devices have not got back."""

    def __init__(self) -> None:
        self.lost: dict[str, int] = {}
        self.footprint = Footprint()
        self.device = 0

    def device_bytes(self) -> int:
        return self.device

    def missing(self) -> dict[str, int]:
        return self.lost


class Talks:
    """An engine with nothing to say about its load."""

    def inspect(self, then: Callable[[], None]) -> None:
        then()


class Slot:
    """The part of a slot that is watched: events are written down, and told to the machine."""

    def __init__(self, directory: Path) -> None:
        self.kit = Kit(VirtualClock(), FakeProber())
        self.kit.prober.clock = self.kit.clock
        self.model, self.engine = MODEL, Scripted()
        self.machine = Machine(Policy(digest="d", load_stall=60.0))
        self.log = LogBook(directory / "log")
        self.log.begin()
        self.endpoint: Endpoint | None = ENDPOINT
        self.process = FakeProcess(LaunchSpec("i1", ("srv",), {}, directory / "log"), 7, lambda _: None)
        self.running: FakeProcess | None = self.process
        self.posted: list[Event] = []
        self.tenancy = Tenancy()
        self.talks = Talks()
        self.leaks: list[dict[str, int]] = []
        self.watches = Watches(self)  # type: ignore[arg-type]

    def leaked(self, missing: dict[str, int]) -> None:
        self.leaks.append(missing)

    def post(self, event: Event) -> None:
        self.posted.append(event)
        self.machine.handle(self.kit.clock.monotonic(), event)

    def load(self) -> Slot:
        now = self.kit.clock.monotonic()
        for event in (ev.WorkerJoined("w"), ev.Ensure("w", 1), ev.Admitted(), ev.Launched()):
            self.machine.handle(now, event)
        self.watches.watch_load()
        return self

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.posted if isinstance(event, kind)]


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot(tmp_path)


def test_readiness_is_looked_for_until_it_is_there(slot: Slot) -> None:
    slot.load()
    slot.kit.clock.advance(FIRST_LOOK * 3.5)
    assert slot.of(ev.Probed) == [ev.Probed(Readiness.REFUSED)] * 3
    slot.kit.prober.answer = (Readiness.READY, "")
    slot.kit.clock.advance(FIRST_LOOK)
    asked = len(slot.kit.prober.asked)
    slot.kit.clock.advance(100)
    assert len(slot.kit.prober.asked) == asked and slot.kit.clock.pending == 0, "nothing looks at what is ready"


def test_looks_become_rarer_and_never_too_rare(slot: Slot) -> None:
    slot.load()
    slot.kit.clock.advance(50)
    asked = slot.kit.prober.asked
    gaps = [b - a for a, b in pairwise(asked)]
    assert gaps[0] == pytest.approx(FIRST_LOOK) and gaps[-1] == pytest.approx(LONGEST_LOOK)
    assert all(b >= a - 1e-9 for a, b in pairwise(gaps))


class ByLog(Scripted):
    """An engine without a path of its own."""

    health_path = ""


def by_log(slot: Slot, wording: str) -> Slot:
    slot.engine = ByLog()
    slot.model = msgspec.structs.replace(MODEL, ready=Ready(log=wording))
    slot.kit.prober.answer = (Readiness.READY, "")
    return slot


def test_a_line_of_the_log_can_say_ready_and_then_nobody_is_asked(slot: Slot) -> None:
    by_log(slot, r"listening on \d+").load()
    slot.log.path.write_text("starting\nlistening on nothing\n")
    slot.kit.clock.advance(5)
    assert set(slot.of(ev.Probed)) == {ev.Probed(Readiness.LOADING)}
    with slot.log.path.open("a") as file:
        file.write("listening on 80\n" + "more\n" * 50)
    slot.kit.clock.advance(LONGEST_LOOK)
    assert slot.of(ev.Probed)[-1] == ev.Probed(Readiness.READY)
    assert slot.kit.prober.asked == []


def test_the_line_of_an_earlier_launch_does_not_count(slot: Slot) -> None:
    slot.log.path.write_text("listening on 80\n")
    slot.log.begin()
    by_log(slot, "listening").load()
    slot.kit.clock.advance(5)
    assert set(slot.of(ev.Probed)) == {ev.Probed(Readiness.LOADING)}


def test_of_one_that_was_taken_over_the_port_is_asked_since_its_line_has_passed(slot: Slot) -> None:
    by_log(slot, "listening")
    for event in (ev.WorkerJoined("w"), ev.Adopted(fits=True)):
        slot.machine.handle(slot.kit.clock.monotonic(), event)
    slot.watches.watch_load()
    slot.kit.clock.advance(FIRST_LOOK * 1.5)
    assert len(slot.kit.prober.asked) == 1 and slot.of(ev.Probed) == [ev.Probed(Readiness.READY)]


def test_only_so_much_of_a_log_is_searched() -> None:
    assert said_ready("up$", ["up", *["x"] * (LAST_LINES - 1)])
    assert not said_ready("up$", ["up", *["x"] * LAST_LINES])
    assert not said_ready("up", ["x" * LONGEST_LINE + "up"]) and said_ready("^xx", ["x" * 5000])


def test_progress_is_told_when_the_log_or_the_work_has_moved_and_not_else(slot: Slot) -> None:
    slot.load()
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert len(slot.of(ev.ProgressSeen)) == 1, "the first sample is a beginning"
    slot.kit.clock.advance(PROGRESS_EVERY * 4)
    assert len(slot.of(ev.ProgressSeen)) == 1
    slot.process.work += 100
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert len(slot.of(ev.ProgressSeen)) == 2
    slot.log.path.write_text("load_tensors: x\n" + "." * 50)
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert slot.of(ev.ProgressSeen)[-1] == ev.ProgressSeen("loading weights", 0.5)
    slot.kit.clock.advance(PROGRESS_EVERY * 4)
    assert len(slot.of(ev.ProgressSeen)) == 3


def fractions(slot: Slot) -> list[float | None]:
    return [event.fraction for event in slot.of(ev.ProgressSeen) if isinstance(event, ev.ProgressSeen)]


def test_memory_tells_how_far_a_load_is_whose_log_does_not(slot: Slot) -> None:
    slot.tenancy.footprint = Footprint(parts={"weights": 100 << 20})
    slot.load()
    for resident, device in ((10, 0), (40, 20), (30, 60), (5, 50), (200, 0)):
        slot.process.resident, slot.tenancy.device = resident << 20, device << 20
        slot.process.work += 100
        slot.kit.clock.advance(PROGRESS_EVERY)
    assert fractions(slot) == [0.1, 0.4, 0.6, 0.6, 0.99]
    assert slot.machine.load.fraction == 0.99
    slot.log.path.write_text("load_tensors: x\n" + "." * 50)
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert slot.of(ev.ProgressSeen)[-1] == ev.ProgressSeen("loading weights", 0.99), "the stage is the log's"


@pytest.mark.parametrize("how", [ev.Adopted(fits=True), ev.Adopted(fits=True, asleep=True)])
def test_memory_says_nothing_of_one_that_had_it_before(slot: Slot, how: ev.Adopted) -> None:
    slot.tenancy.footprint = Footprint(parts={"weights": 100 << 20})
    slot.process.resident = 100 << 20
    for event in (ev.WorkerJoined("w"), how, ev.Ensure("w", 1), ev.Admitted(), ev.Woken()):
        slot.machine.handle(slot.kit.clock.monotonic(), event)
    slot.watches.watch_load()
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert fractions(slot) == [None]


def test_memory_that_grows_is_progress_and_without_weights_it_tells_no_fraction(slot: Slot) -> None:
    slot.load()
    for grown in (0, 0, 1 << 20, (1 << 20) + 1, 2 << 20):
        slot.process.resident = grown
        slot.kit.clock.advance(PROGRESS_EVERY)
    assert fractions(slot) == [None] * 3, "the first look, and twice a mebibyte"


def test_a_new_load_begins_with_a_new_sample(slot: Slot) -> None:
    slot.load()
    slot.kit.clock.advance(PROGRESS_EVERY)
    slot.watches.stop()
    slot.watches.watch_load()
    slot.kit.clock.advance(PROGRESS_EVERY)
    assert len(slot.of(ev.ProgressSeen)) == 2


def test_stopping_ends_all_looks(slot: Slot) -> None:
    slot.load()
    assert slot.kit.clock.pending == 2
    slot.watches.stop()
    assert slot.kit.clock.pending == 0
    slot.kit.clock.advance(10)
    assert slot.posted == []


def test_a_look_at_a_process_that_is_forgotten_is_none(slot: Slot) -> None:
    slot.load()
    slot.running = None
    slot.kit.clock.advance(10)
    assert slot.posted == [] and slot.kit.prober.asked == []


def test_an_answer_about_a_process_that_is_forgotten_meanwhile_is_dropped(slot: Slot) -> None:
    answers = []
    slot.kit.prober.probe = lambda engine, model, endpoint, done: answers.append(done)  # type: ignore[method-assign]
    slot.load()
    slot.kit.clock.advance(FIRST_LOOK)
    [answer] = answers
    slot.running = FakeProcess(slot.process.spec, 8, lambda _: None)
    answer(Readiness.READY, "")
    assert slot.posted == []


@pytest.mark.parametrize("answer", [Readiness.READY, Readiness.LOADING])
def test_one_answer_of_a_suspect_is_enough(slot: Slot, answer: Readiness) -> None:
    slot.kit.prober.answer = (Readiness.SILENT, "2 s")
    slot.watches.check_alive()
    slot.kit.clock.advance(CHECK_PAUSE / 2)
    slot.kit.prober.answer = (answer, "")
    slot.kit.clock.advance(10)
    assert slot.posted == [ev.Checked(None)] and len(slot.kit.prober.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Readiness.SILENT, "does not answer any more"),
        (Readiness.REFUSED, "cannot be reached any more"),
        (Readiness.WRONG, "cannot be reached any more"),
    ],
)
def test_a_suspect_that_never_answers_hangs(slot: Slot, answer: Readiness, words: str) -> None:
    slot.kit.prober.answer = (answer, "the detail")
    slot.watches.check_alive()
    slot.kit.clock.advance(CHECK_PAUSE * (CHECKS - 1) + 0.001)
    [checked] = slot.posted
    assert isinstance(checked, ev.Checked) and isinstance(checked.failure, Failure)
    assert (checked.failure.kind, len(slot.kit.prober.asked)) == (FailureKind.HANG, CHECKS)
    assert words in checked.failure.message and "the detail" in checked.failure.message


def test_a_group_that_is_gone_is_told_at_once_and_once(slot: Slot) -> None:
    slot.process.left = ()
    slot.watches.watch_release()
    slot.kit.clock.advance(10)
    assert slot.posted == [ev.GroupGone()]


def test_what_is_left_is_named_until_it_goes(slot: Slot) -> None:
    slot.process.left = (7, 8)
    slot.watches.watch_release()
    slot.kit.clock.advance(1)
    assert set(slot.posted) == {ev.Survivors((7, 8))} and len(slot.posted) > 3
    slot.process.left = ()
    slot.kit.clock.advance(LONGEST_LOOK)
    assert slot.posted[-1] == ev.GroupGone() and slot.kit.clock.pending == 0
    assert slot.process.signals == []


def test_a_kill_is_repeated_for_what_was_forked_meanwhile(slot: Slot) -> None:
    slot.watches.watch_release()
    slot.watches.kill()
    assert slot.process.signals == ["KILL"]
    slot.kit.clock.advance(LONGEST_LOOK)
    assert slot.process.signals.count("KILL") > 2
    slot.watches.stop()
    slot.watches.watch_release()
    killed = slot.process.signals.count("KILL")
    slot.kit.clock.advance(LONGEST_LOOK)
    assert slot.process.signals.count("KILL") == killed, "the next process is not killed for the last one"


def test_there_is_nobody_to_kill_or_to_look_at(slot: Slot) -> None:
    slot.running = None
    slot.watches.kill()
    slot.watches.watch_release()
    assert slot.posted == [] and slot.process.signals == []
