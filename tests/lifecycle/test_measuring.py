from __future__ import annotations

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind, Holder, Reading
from glowplug.lifecycle.measuring import SLACK, Measure, settled

GIB = 1 << 30


def reading(*sizes: int | None, used: int = 0, pid: int = 1) -> Reading:
    """One card for each size; process `pid` holds that much of it, None: the driver says nothing of processes."""
    cards = tuple(
        Device(
            id=f"gpu{number}",
            kind=DeviceKind.NVIDIA,
            name="card",
            total=24 * GIB,
            used=used + (size or 0),
            holders=None if size is None else (Holder(pid=pid, memory=size),) if size else (),
        )
        for number, size in enumerate(sizes)
    )
    return Reading(devices=(*cards, Device(id=HOST, kind=DeviceKind.HOST, name="", total=64 * GIB, used=GIB)))


def test_the_most_of_each_device_is_kept() -> None:
    measure = Measure()
    assert measure.seen(reading(4, 1), {1}, 50, 7) == {"gpu0": 4, "gpu1": 1, HOST: 50}
    assert measure.seen(reading(3, 6), {1}, 40, 5) == {"gpu0": 3, "gpu1": 6, HOST: 40}
    assert measure.peak == {"gpu0": 4, "gpu1": 6, HOST: 50}
    assert measure.private == 5, "of private memory the last value counts"


def test_processes_that_have_gone_are_remembered() -> None:
    measure = Measure()
    measure.seen(reading(4), {1, 2}, None, 0)
    measure.seen(reading(4), {2, 3}, None, 0)
    assert measure.pids == {1, 2, 3}


def test_what_is_not_known_is_not_there() -> None:
    measure = Measure()
    assert measure.seen(reading(None), {1}, None, 0) == {}
    assert measure.seen(reading(), {1}, 0, 0) == {}
    assert measure.peak == {}
    run = measure.run("k", Footprint(device=5, host=6, source=Source.HEADER), 1.26, 2.00049)
    assert (run.ready_device, run.ready_host, run.peak_device, run.peak_host) == (None, None, None, None)
    assert (run.estimate_device, run.estimate_host, run.source) == (5, 6, Source.HEADER)
    assert (run.key, run.at, run.seconds) == ("k", 1.3, 2.0)


def test_a_run_sums_over_devices_and_keeps_the_host_apart() -> None:
    measure = Measure()
    measure.seen(reading(4, 3), {1}, 50, 0)
    measure.ready = dict(measure.peak)
    measure.seen(reading(9, 3), {1}, 60, 0)
    run = measure.run("k", Footprint(), 0, 1)
    assert (run.ready_device, run.ready_host, run.peak_device, run.peak_host) == (7, 50, 12, 60)
    assert (run.device, run.host) == (12, 60)


def test_what_is_still_held_afterwards_is_missing_but_for_the_host() -> None:
    measure = Measure()
    measure.begin(reading(0, used=GIB))
    measure.seen(reading(8 * GIB, used=GIB), {1}, 9 * GIB, 0)
    assert measure.missing(reading(8 * GIB, used=GIB)) == {"gpu0": 8 * GIB}
    assert measure.missing(reading(0, used=GIB)) == {}
    assert measure.missing(reading(0, used=4 * GIB)) == {"gpu0": 3 * GIB}, "a leak has no owner"
    fresh = Measure()
    fresh.begin(reading(0))
    assert fresh.missing(reading(8 * GIB)) == {}, "it was not seen to hold anything"


def footprint(source: Source = Source.HEADER) -> Footprint:
    return Footprint(device=10 * GIB, source=source)


def test_a_claim_shrinks_or_grows_to_what_was_measured_and_a_little_more() -> None:
    claim = {"gpu0": 10 * GIB, "gpu1": 10 * GIB}
    after = settled(claim, {"gpu0": 4 * GIB, "gpu1": 12 * GIB}, footprint())
    assert after == {"gpu0": int(4 * GIB * SLACK), "gpu1": int(12 * GIB * SLACK)}
    assert claim == {"gpu0": 10 * GIB, "gpu1": 10 * GIB}, "the old one is left alone"


def test_a_claim_stays_where_nothing_was_measured_and_names_no_device_it_was_not_given() -> None:
    assert settled({"gpu0": 10}, {}, footprint()) == {"gpu0": 10}
    assert settled({"gpu0": 10}, {"gpu0": 0, "gpu5": 99}, footprint()) == {"gpu0": 10}


def test_of_the_host_a_claim_is_only_raised() -> None:
    assert settled({HOST: 10}, {HOST: 4}, footprint()) == {HOST: 10}
    assert settled({HOST: 10}, {HOST: 40}, footprint()) == {HOST: 40}


def test_an_engine_that_takes_what_it_is_told_keeps_it_unless_it_takes_more() -> None:
    assert settled({"gpu0": 10 * GIB}, {"gpu0": 4 * GIB}, footprint(Source.POLICY)) == {"gpu0": 10 * GIB}
    assert settled({"gpu0": 10 * GIB}, {"gpu0": 12 * GIB}, footprint(Source.POLICY)) == {"gpu0": int(12 * GIB * SLACK)}


def test_what_was_given_nothing_claims_what_it_holds() -> None:
    held = {"gpu0": 1000, "host": 200, "gpu1": 0}
    assert settled({}, held, Footprint()) == {"gpu0": 1030, "host": 206}
