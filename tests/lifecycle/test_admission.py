"""The scheduler's hands: rooms are those of the moment, outcomes reach who asked, and nothing looks when nothing is
loaded.  Clients are scripted, time is turned."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.hardware import Device, DeviceKind, Holder, Reading
from glowplug.domain.instance import Failure, FailureKind
from glowplug.lifecycle.admission import LOOK_EVERY, REFUSED_FOR, REST_AFTER, TOO_LARGE_FOR, Admission
from glowplug.lifecycle.deciding import Verdict
from glowplug.lifecycle.placement import Need
from glowplug.lifecycle.queueing import PREFIX, Phase, Rules, Traits
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.fakes import FakeHardware

GIB = 1 << 30


def card(used: int = 0, total: int = 24, holders: Mapping[int, int] | None = None) -> Device:
    """A GPU in GiB.  `holders`: GiB by pid, or None where the driver does not say."""
    listed = None
    if holders is not None:
        listed = tuple(Holder(pid=pid, memory=size * GIB, name=f"p{pid}") for pid, size in holders.items())
    return Device(
        id="gpu0", kind=DeviceKind.NVIDIA, name="RTX", total=total * GIB, used=used * GIB, holders=listed, uuid="GPU-0"
    )


class Client:
    """A model that does what it is told at once."""

    def __init__(self, name: str, bench: Bench) -> None:
        self.name, self._bench = name, bench
        self.place: Place | None = None
        self.failure: Failure | None = None
        self.retry_at = 0.0
        self.evicted: list[str] = []
        self.positions: list[tuple[int, str]] = []
        self.own: frozenset[int] = frozenset()
        self.private = 0

    def want(self, device: int = 0, host: int = 0, **more: bool) -> Client:
        self._bench.admission.want(self, Need(device=device * GIB, host=host * GIB), 0, evict=more.get("evict", True))
        return self

    def stands(self, phase: Phase | None, *, wanted: bool = False, claim: dict[str, int] | None = None) -> Client:
        self._bench.admission.stands(self, phase, wanted=wanted, claim=claim)
        return self

    def load(self, device: int, pid: int) -> Client:
        """Wanted, loaded and idle, with all it asked for."""
        self.want(device)
        assert self.place is not None
        self.own = frozenset({pid})
        self._bench.hold(pid, device)
        return self.stands(Phase.LOADED)

    def admitted(self, place: Place) -> None:
        self.place = place

    def refused(self, failure: Failure, retry_at: float) -> None:
        self.failure, self.retry_at = failure, retry_at

    def evict(self, why: str) -> None:
        self.evicted.append(why)
        self.stands(Phase.LEAVING)

    def queued(self, position: int, why: str) -> None:
        self.positions.append((position, why))

    def pids(self) -> frozenset[int]:
        return self.own

    def told(self) -> dict[str, int]:
        return {}

    def private_bytes(self) -> int:
        return self.private


class Bench:
    """An admission over one card whose processes the driver lists."""

    def __init__(self, *, listed: bool = True) -> None:
        self.clock = VirtualClock()
        self.holders: dict[int, int] = {}
        self.unlisted = 0
        self.listed = listed
        self.hardware = FakeHardware()
        self.admission = Admission(self.clock, self.hardware)
        self.show()
        self.admission.configure(Rules(), {}, (), GIB, GIB)

    def show(self) -> None:
        used = sum(self.holders.values()) + self.unlisted
        self.hardware.devices = [card(used, holders=self.holders if self.listed else None)]

    def hold(self, pid: int, gib: int) -> None:
        self.holders[pid] = gib
        if not gib:
            del self.holders[pid]
        self.show()

    def take(self, gib: int) -> None:
        """Nobody in particular holds so much."""
        self.unlisted = gib
        self.show()

    def client(self, name: str) -> Client:
        return Client(name, self)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_fits_is_given_at_once_and_counted(bench: Bench) -> None:
    a, b = bench.client("a").want(14), bench.client("b").want(9)
    assert a.place == Place(
        claim={"gpu0": 14 * GIB}, totals={"gpu0": 24 * GIB}, free={"gpu0": 24 * GIB}, indexes={"gpu0": 0}, kind="nvidia"
    )
    assert b.place is not None and bench.admission.scheduler.free() == {"gpu0": 0, "host": 62 * GIB}
    assert bench.admission.claim_of("a") == {"gpu0": 14 * GIB} and bench.admission.claim_of("nobody") == {}


def test_an_idle_model_makes_room_and_the_other_is_told_why_it_waits(bench: Bench) -> None:
    a, b = bench.client("a").load(14, pid=7), bench.client("b").want(12)
    assert a.evicted == ["to make room for b"] and b.place is None
    assert b.positions[-1] == (1, "waits until a has been unloaded")
    bench.hold(7, 0)
    bench.clock.advance(1)
    a.stands(None)
    assert b.place is not None and bench.admission.claim_of("a") == {}


def test_memory_of_others_is_seen_at_the_moment_of_the_decision(bench: Bench) -> None:
    bench.clock.advance(3600)
    bench.hold(666, 20)
    b = bench.client("b").want(6)
    assert b.failure is not None and b.failure.kind is FailureKind.NO_ROOM
    assert "other programs hold 20 GiB of gpu0 (p666)" in b.failure.message
    assert b.retry_at == bench.clock.monotonic() + REFUSED_FOR


def test_a_reading_taken_for_something_else_counts_for_the_next_decision(bench: Bench) -> None:
    bench.clock.advance(3600)
    bench.hold(666, 20)
    bench.admission.reading()
    assert bench.client("b").want(6).failure is not None


def test_what_leaked_is_not_given_to_the_next(bench: Bench) -> None:
    a, b = bench.client("a").load(14, pid=7), bench.client("b").want(12)
    bench.clock.advance(5)
    bench.hold(7, 0)
    bench.take(14)
    bench.admission.reading()  # as whoever waits for the memory does
    a.stands(None)
    assert b.place is None and b.failure is not None
    assert "other programs hold 14 GiB of gpu0" in b.failure.message


def test_what_the_dead_held_is_on_its_way_and_nobody_elses(bench: Bench) -> None:
    a, b = bench.client("a").load(14, pid=7), bench.client("b").want(12)
    a.own = frozenset()
    for listed in (True, False):
        if not listed:
            bench.hold(7, 0)
            bench.take(14)
        bench.clock.advance(3)
        assert b.failure is None and b.place is None
        assert bench.admission.scheduler.rooms[0].others == 0
    bench.take(1)
    bench.clock.advance(3)
    a.stands(None)
    assert b.place is not None


def test_where_the_driver_lists_nobody_claims_are_taken_for_ours() -> None:
    bench = Bench(listed=False)
    bench.client("a").load(10, pid=7)
    bench.clock.advance(1)
    assert bench.client("b").want(13).place is not None, "10 GiB of 24 are used, and they are a's"


def test_larger_than_everything_is_refused_for_longer(bench: Bench) -> None:
    b = bench.client("b").want(24)
    assert b.failure is not None and b.failure.kind is FailureKind.TOO_LARGE
    assert "gpu0 has 23 GiB" in b.failure.message
    assert b.retry_at == bench.clock.monotonic() + TOO_LARGE_FOR


def test_a_key_that_may_not_evict_is_told_so(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    b = bench.client("b").want(12, evict=False)
    assert not a.evicted and b.failure is not None and "may not unload other models" in b.failure.message


def test_withdrawn_it_is_given_nothing(bench: Bench) -> None:
    a, b = bench.client("a").load(14, pid=7), bench.client("b").want(12)
    bench.admission.withdraw(b)
    bench.hold(7, 0)
    bench.clock.advance(1)
    a.stands(None)
    assert b.place is None and not bench.admission.scheduler.wishes


def test_a_new_reserve_counts_at_once(bench: Bench) -> None:
    bench.admission.configure(Rules(), {}, (), 10 * GIB, GIB)
    assert bench.client("b").want(15).failure is not None


def test_others_that_want_memory_for_ten_seconds_get_it(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    bench.hold(666, 10)
    bench.clock.advance(9)
    assert a.evicted == []
    bench.clock.advance(5)
    assert a.evicted == ["other programs need memory of gpu0"]


def test_a_short_moment_of_pressure_unloads_nothing(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    bench.hold(666, 10)
    bench.clock.advance(8)
    bench.hold(666, 1)
    bench.clock.advance(60)
    assert a.evicted == []


def test_it_looks_while_something_is_loaded_and_then_lets_go_of_the_drivers(bench: Bench) -> None:
    seen: list[Reading] = []

    class Watcher:
        def looked(self, reading: Reading) -> None:
            seen.append(reading)

    bench.admission.watch(Watcher())
    a = bench.client("a").load(14, pid=7)
    bench.clock.advance(10 * LOOK_EVERY)
    assert len(seen) == 10 and not bench.hardware.closed
    a.stands(None)
    bench.clock.advance(REST_AFTER + 1)
    assert bench.hardware.closed and bench.clock.pending == 0 and len(seen) == 10


def test_closed_it_sets_no_timer_any_more(bench: Bench) -> None:
    bench.client("a").load(14, pid=7)
    bench.admission.close()
    assert bench.clock.pending == 0


def test_many_decisions_of_a_moment_read_once(bench: Bench) -> None:
    bench.clock.advance(10)
    before = bench.hardware.reads
    for number in range(200):
        bench.client(f"m{number}").want(0)
    assert bench.hardware.reads == before + 1


def test_a_slow_driver_is_not_asked_again_for_what_it_just_said() -> None:
    bench = Bench()

    class Slow(FakeHardware):
        def read(self) -> Reading:
            bench.clock.advance(1.0)
            return super().read()

    slow = Slow(card())
    admission = Admission(bench.clock, slow)
    admission.configure(Rules(), {}, (), GIB, GIB)
    assert admission.reading(0.25) is admission.reading(0.25) and slow.reads == 1


def test_a_claim_follows_what_was_measured(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    a.stands(Phase.LOADED, claim={"gpu0": 9 * GIB})
    assert bench.admission.claim_of("a") == {"gpu0": 9 * GIB}
    assert bench.client("b").want(9).place is not None
    assert not a.evicted


def test_how_nobody_stands_is_no_news(bench: Bench) -> None:
    bench.client("a").stands(Phase.LOADED)
    bench.client("a").stands(None)
    assert not bench.admission.scheduler.holdings


def test_an_adopted_engine_brings_its_claim(bench: Bench) -> None:
    a = bench.client("a")
    a.own = frozenset({7})
    bench.hold(7, 14)
    bench.clock.advance(1)
    bench.admission.reading()
    a.stands(Phase.LOADING, claim={"gpu0": 14 * GIB})
    assert bench.client("b").want(9).place is not None, "its memory is not counted as another program's as well"
    assert bench.client("c").want(1).place is None


def test_explaining_changes_nothing(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    decision = bench.admission.explain("b", Need(device=12 * GIB))
    assert (decision.verdict, decision.victims) == (Verdict.EVICT, ("a",))
    assert not a.evicted and not bench.admission.scheduler.wishes


# ---- leases


def lend(bench: Bench, name: str, gib: int) -> Client:
    lease = bench.client(PREFIX + name)
    bench.admission.lend(lease, Need(device=gib * GIB, spread=False))
    if lease.place is not None:
        bench.admission.lent(lease)
    return lease


def free(bench: Bench) -> int:
    bench.clock.advance(1)
    bench.admission.look()
    return bench.admission.scheduler.free()["gpu0"] // GIB


def test_a_lease_evicts_and_is_not_evicted(bench: Bench) -> None:
    a = bench.client("a").load(14, pid=7)
    lease = lend(bench, "one", 12)
    assert a.evicted == [f"to make room for {PREFIX}one"]
    bench.hold(7, 0)
    bench.clock.advance(1)
    a.stands(None)
    assert lease.place is not None
    bench.admission.lent(lease)
    b = bench.client("b").want(12)
    assert b.place is None and lease.evicted == []
    assert b.failure is not None and "may not be unloaded" in b.failure.message
    bench.admission.give_back(lease)
    assert bench.client("b").want(12).place is not None


def test_what_a_leased_program_takes_is_not_counted_twice(bench: Bench) -> None:
    bench.hold(99, 2)
    bench.clock.advance(1)
    lend(bench, "one", 10)
    assert free(bench) == 24 - 1 - 2 - 10
    bench.hold(50, 6)
    assert free(bench) == 24 - 1 - 2 - 10, "it uses what it was lent"
    bench.hold(50, 13)
    assert free(bench) == 24 - 1 - 2 - 13, "and more than that"


def test_two_leases_are_used_by_anybody(bench: Bench) -> None:
    lend(bench, "one", 5)
    bench.hold(50, 5)
    assert free(bench) == 24 - 1 - 5
    lend(bench, "two", 6)
    bench.hold(51, 6)
    assert free(bench) == 24 - 1 - 11


def test_a_lease_of_an_earlier_process_is_held_on(bench: Bench) -> None:
    lease = bench.client(f"{PREFIX}one")
    bench.hold(50, 6)
    bench.admission.lend_again(lease, {"gpu0": 10 * GIB}, {"gpu0": 0})
    assert bench.admission.base_of(lease) == {"gpu0": 0}
    assert free(bench) == 24 - 1 - 10


def test_a_configuration_does_not_unpin_a_lease(bench: Bench) -> None:
    lend(bench, "one", 12)
    bench.admission.configure(Rules(), {"b": Traits(priority=100)}, (), GIB, GIB)
    assert bench.client("b").want(12).failure is not None


def test_a_lost_device_is_not_given_away(bench: Bench) -> None:
    lost = msgspec.structs.replace(card(), total=None, used=None, problem="the driver lost it")
    bench.hardware.devices = [lost]
    bench.clock.advance(1)
    b = bench.client("b").want(5)
    assert b.failure is not None and b.failure.kind is FailureKind.DRIVER_LOST
    assert "gpu0 cannot be used: the driver lost it" in b.failure.message
