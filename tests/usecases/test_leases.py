from __future__ import annotations

import asyncio
from typing import Any

import pytest

from glowplug.domain.plan import DeviceView, LeaseState, LeaseView
from glowplug.errors import NotFound, RequestError, Unavailable
from glowplug.usecases.leases import MemoryLeases, NewLease, check_size
from tests.usecases.planners import GIB, GPU, HOST, SMALL, FakeLeases, FakePlanner


class Desk:
    def __init__(self) -> None:
        self.planner = FakePlanner()
        self.leases = MemoryLeases(FakeLeases(self.planner), self.planner)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


def wanted(**more: Any) -> NewLease:
    return NewLease(**{"memory": "1GiB", "seconds": 60.0, **more})


async def test_a_lease_is_there_while_it_waits_and_when_it_is_held(desk: Desk) -> None:
    asking = asyncio.ensure_future(desk.leases.ask(wanted(memory="14GiB", device="gpu0", note=" comfyui ", wait=9.0)))
    await desk.planner.asked.wait()
    [waiting] = desk.leases.list().data
    assert (waiting.state, waiting.until) == (LeaseState.WAITING, None)
    desk.planner.room.set()
    held = await asking
    assert held == LeaseView(id="lease_1", device="gpu0", bytes=14 * GIB, note="comfyui", since=5.0, until=65.0)
    assert desk.leases.list().data == (held,)
    assert desk.planner.wanted == [(14 * GIB, "gpu0", 60.0, "comfyui", 9.0)]
    assert desk.leases.release("lease_1", dry_run=True) == held
    assert desk.leases.list().data == (held,)
    assert desk.leases.release("lease_1") == held
    assert desk.leases.list().data == ()
    with pytest.raises(NotFound, match="lease_1") as caught:
        desk.leases.release("lease_1")
    assert "ended by itself" in caught.value.hint


async def test_any_device_is_none_and_bytes_are_bytes(desk: Desk) -> None:
    desk.planner.room.set()
    await desk.leases.ask(wanted(memory=7))
    assert desk.planner.wanted == [(7, None, 60.0, "", 0.0)]


async def test_without_room_the_reason_is_passed_on(desk: Desk) -> None:
    desk.planner.refusing = True
    with pytest.raises(Unavailable, match="in use"):
        await desk.leases.ask(wanted())
    assert desk.leases.list().data == ()


async def test_a_plan_asks_for_nothing(desk: Desk) -> None:
    assert desk.leases.plan(wanted(memory="2GiB", device="gpu1")).claim == {"gpu1": 2 * GIB}
    assert desk.planner.wanted == []


@pytest.mark.parametrize(
    ("lease", "says"),
    [
        (wanted(memory=0), "memory is 0 (ask for some"),
        (wanted(memory="0GiB"), "memory is 0"),
        (wanted(memory=-1), "must not be negative"),
        (wanted(memory="lots"), "'lots' is not a size"),
        (wanted(memory="9" * 400), "memory"),
        (wanted(seconds=0.0), "seconds is 0 (give more than 0 and at most 86400 seconds)"),
        (wanted(seconds=86_401.0), "at most 86400"),
        (wanted(seconds=float("nan")), "seconds is nan"),
        (wanted(seconds=float("inf")), "seconds is inf"),
        (wanted(seconds=-5.0), "seconds is -5"),
        (wanted(wait=-1.0), "wait is -1"),
        (wanted(wait=3601.0), "at most 3600"),
        (wanted(note="x" * 201), "the note has 201 characters"),
        (wanted(note="a\nb"), "printable"),
        (wanted(device="gpu9"), "there is no device 'gpu9' (did you mean gpu0?)"),
        (wanted(device="the card"), "devices: gpu0, gpu1, host"),
        (wanted(memory="23.5GiB"), "more than gpu0 could ever give: it has 24 GiB, of which 1 GiB are kept free"),
        (wanted(memory="9GiB", device="gpu1"), "gpu1 could ever give: it has 8 GiB (ask for at most 8 GiB)"),
        (wanted(memory="15GiB", device="host"), "ask for at most 14 GiB"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_before_anything_is_unloaded(
    desk: Desk, lease: NewLease, says: str
) -> None:
    for attempt in (desk.leases.ask(lease), asyncio.to_thread(desk.leases.plan, lease)):
        with pytest.raises(RequestError) as caught:
            await attempt
        assert says in str(caught.value)
    assert desk.planner.wanted == []


def test_the_size_is_compared_with_the_best_device_and_only_with_what_is_known() -> None:
    check_size(23 * GIB, "", (GPU, SMALL, HOST))
    check_size(8 * GIB, "gpu1", (GPU, SMALL, HOST))
    check_size(99 * GIB, "", (DeviceView(id="gpu0"), SMALL))
    check_size(99 * GIB, "", ())
    with pytest.raises(RequestError, match="no device can be read"):
        check_size(1, "gpu0", ())
    with pytest.raises(RequestError, match="more than gpu0"):
        check_size(24 * GIB, "", (GPU, SMALL, HOST))
