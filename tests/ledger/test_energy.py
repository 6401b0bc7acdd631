"""Who used how much: nothing twice, nothing invented."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.energy import EnergyReading
from glowplug.ledger.energy import Interval, Meter, Moment, Shares

START = 1_764_000_000.0
GPU = "gpu0"


def at(seconds: float) -> Moment:
    return Moment(START + seconds, 50.0 + seconds)


def counted(millijoules: int, device: str = GPU) -> list[EnergyReading]:
    return [EnergyReading(device=device, counter=millijoules)]


def drawing(milliwatts: int) -> list[EnergyReading]:
    return [EnergyReading(device=GPU, power=milliwatts)]


USED = {GPU: {"m"}}


def interval(start: float, end: float, millijoules: int, *models: str, device: str = GPU) -> Interval:
    return Interval(device, START + start, START + end, millijoules, frozenset(models or ("m",)))


def test_a_counter_tells_what_was_used_between_two_looks() -> None:
    meter = Meter()
    assert meter.look(counted(1000), at(0), USED) == [], "one reading tells nothing"
    assert meter.look(counted(91_000), at(1), USED) == [interval(0, 1, 90_000)]
    assert meter.look(counted(91_000), at(2), {}) == [], "nobody used it"


def test_a_power_tells_only_over_a_short_time() -> None:
    meter = Meter()
    meter.look(drawing(100_000), at(0), {})
    assert meter.look(drawing(300_000), at(1), USED) == [interval(0, 1, 200_000)]
    assert meter.look(drawing(300_000), at(9), USED) == [], "nobody knows what it drew meanwhile"


def test_what_the_device_draws_idle_is_not_the_requests() -> None:
    meter = Meter()
    meter.look(counted(0), at(0), {})
    meter.look(counted(40_000), at(2), {})
    meter.look(counted(100_000), at(5), {})
    assert meter.idle == {GPU: 20_000.0}, "the least"
    shares = Shares()
    shares.drawn(meter.look(counted(190_000), at(6), USED))
    shares.drawn(meter.look(counted(191_000), at(7), USED))
    shares.closed(("a", 0), "m", START + 5.5, START + 5.9)
    shares.closed(("b", 0), "m", START + 6, START + 7)
    assert shares.give(START + 9, meter.idle) == {("a", 0): 70_000, ("b", 0): 0}, "measured, and nothing left"


@pytest.mark.parametrize("seconds", [0.5, 700])
def test_a_rest_that_is_too_short_or_too_long_tells_no_idle_power(seconds: float) -> None:
    meter = Meter()
    meter.look(counted(0), at(0), {})
    meter.look(counted(1000), at(seconds), {})
    assert meter.idle == {}


def test_what_cannot_be_is_not_counted() -> None:
    meter = Meter()
    meter.look(counted(5000), at(0), USED)
    assert meter.look(counted(10), at(1), USED) == [], "the driver was loaded anew"
    assert meter.look(counted(20), Moment(START + 900, 52), USED) == [], "the clock was set"
    assert meter.look([], at(3), USED) == [], "the device is away"
    assert meter.look(counted(40), at(4), USED) == []
    assert meter.look(drawing(7), at(5), USED) == [], "another kind of reading"


def test_two_that_run_at_once_share_by_the_time_they_run() -> None:
    shares = Shares()
    shares.drawn([interval(0, 1, 100, "m", "n"), interval(1, 2, 60, "m", "n")])
    shares.closed(("a", 0), "m", START - 5, START + 9)
    shares.closed(("b", 0), "n", START + 0.75, START + 1)
    shares.closed(("c", 0), "other", START, START + 2)
    assert shares.give(START + 10, {}) == {("a", 0): 140, ("b", 0): 20}
    assert shares.given == {("m", GPU): 140_000, ("n", GPU): 20_000}
    assert not shares.busy


def test_a_short_request_gets_what_the_device_did_for_it() -> None:
    shares = Shares()
    shares.drawn([interval(0, 1, 90)])
    shares.closed(("a", 0), "m", START + 0.5, START + 0.6)
    assert shares.give(START + 1, {}) == {("a", 0): 90}


def test_what_is_not_known_to_its_end_waits() -> None:
    shares = Shares()
    shares.drawn([interval(0, 1, 50), interval(1, 2, 50), interval(2, 3, 50)])
    shares.opened(("a", 0), "m", START)
    shares.closed(("b", 0), "m", START, START + 1.5)
    assert shares.give(START + 1, {}) == {}, "who runs on has its part of what was drawn so far"
    assert shares.give(START + 2, {}) == {("b", 0): 25 + 16}
    shares.closed(("a", 0), "m", START, START + 3)
    shares.closed(("a", 0), "m", START, START + 2.5)
    assert shares.give(START + 3, {}) == {("a", 0): 25 + 33 + 50}


def test_one_of_which_nothing_was_measured_is_not_said_to_have_used_nothing() -> None:
    shares = Shares()
    shares.closed(("a", 0), "m", START, START + 1)
    assert shares.give(START + 2, {}) == {}
    shares.drawn([interval(3, 4, 0)])
    shares.closed(("b", 0), "m", START + 3, START + 4)
    assert shares.give(START + 4, {}) == {("b", 0): 0}


def test_one_whose_worker_is_gone_is_let_go_of() -> None:
    shares = Shares()
    shares.opened(("a", 0), "m", START)
    assert shares.busy and not shares.waiting
    shares.forget([("a", 0), ("never", 1)])
    shares.drawn([interval(0, 1, 50)])
    assert shares.give(START + 1, {}) == {} and shares.given == {}


@dataclass
class World:
    """Everything that happened."""

    measured: int = 0
    said: dict[tuple[str, int], int] = field(default_factory=dict)


_moments = st.integers(0, 60).map(lambda tenths: tenths / 10)
_attempts = st.lists(st.tuples(_moments, _moments, st.sampled_from(["m", "n", "x"])), max_size=12)
_energies = st.lists(st.integers(0, 500_000), min_size=6, max_size=6)


@given(_attempts, _energies, _energies, st.lists(_moments, max_size=5), st.booleans())
def test_the_sum_over_all_attempts_is_never_more_than_what_was_measured(
    attempts: list[tuple[float, float, str]],
    first: list[int],
    second: list[int],
    folds: list[float],
    count_idle: bool,
) -> None:
    """Two devices, attempts that overlap as they like, told at folds whenever they come; some are told twice."""
    world, meter, shares = World(), Meter(), Shares()
    totals = [0, 0]
    devices = ("gpu0", "gpu1")

    def fold(now: float) -> None:
        for number, (start, length, model) in enumerate(attempts):
            identity = (f"r{number}", 0)
            if start + length <= now:
                if identity not in world.said:
                    shares.closed(identity, model, START + start, START + start + length)
            elif start <= now:
                shares.opened(identity, model, START + start)
        for identity, energy in shares.give(START + now, {} if count_idle else meter.idle).items():
            assert identity not in world.said, "nobody is told twice"
            world.said[identity] = energy

    for second_, drawn in enumerate(zip(first, second, strict=True)):
        readings = [EnergyReading(device=d, counter=total) for d, total in zip(devices, totals, strict=True)]
        shares.drawn(meter.look(readings, at(second_), {"gpu0": {"m", "n"}, "gpu1": {"n"}}))
        if second_ < 5:
            totals = [total + more for total, more in zip(totals, drawn, strict=True)]
            world.measured += sum(drawn)
        for moment in sorted(folds):
            if second_ - 1 < moment <= second_:
                fold(moment)
    fold(500.0)
    assert sum(world.said.values()) <= world.measured
    assert sum(world.said.values()) * 1000 <= sum(shares.given.values()) <= world.measured * 1000
    for number, (start, length, model) in enumerate(attempts):
        if model != "x" and length and start < 5:
            assert (f"r{number}", 0) in world.said
