"""Whose memory it is, from readings as drivers give them, the silent ones too."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.hardware import HOST, Device, DeviceKind, Holder, Reading
from glowplug.lifecycle.accounting import NOISE, held_by, listed, missing, names, others, unaccounted

GIB = 1 << 30


def gpu(
    used: int | None,
    *holders: tuple[int, int | None] | tuple[int, int | None, str],
    id: str = "gpu0",
    silent: bool = False,
) -> Device:
    found = tuple(Holder(pid=each[0], memory=each[1], name=each[2] if len(each) > 2 else "") for each in holders)  # type: ignore[misc]
    return Device(
        id=id, kind=DeviceKind.NVIDIA, name="card", total=24 * GIB, used=used, holders=None if silent else found
    )


def host(used: int | None = GIB) -> Device:
    return Device(id=HOST, kind=DeviceKind.HOST, name="memory", total=64 * GIB, used=used)


def reading(*devices: Device) -> Reading:
    return Reading(devices=(*devices, host()))


# ---- what processes hold


def test_what_our_processes_hold_is_summed_for_each_device() -> None:
    seen = reading(gpu(9, (1, 4), (2, 3), (7, 2)), gpu(5, (1, 5), id="gpu1"))
    assert held_by(seen, {1, 2}) == {"gpu0": 7, "gpu1": 5}
    assert held_by(seen, {2}) == {"gpu0": 3}, "a device where it holds nothing is left out"
    assert held_by(seen, set()) == {}


def test_what_the_driver_does_not_say_is_unknown_and_not_nothing() -> None:
    assert held_by(reading(gpu(9, silent=True)), {1}) == {}
    assert held_by(reading(gpu(9, (1, None))), {1}) == {}
    assert held_by(reading(gpu(9, (1, 4), (2, None))), {1, 2}) == {}, "half of it would be a lie"
    assert held_by(reading(gpu(9, (1, 4), (7, None))), {1}) == {"gpu0": 4}, "a stranger's silence is not ours"


def test_the_rest_that_no_process_accounts_for() -> None:
    assert (listed(gpu(9, (1, 4), (2, 3))), unaccounted(gpu(9, (1, 4), (2, 3)))) == (7, 2)
    assert (listed(gpu(9)), unaccounted(gpu(9))) == (0, 9)
    assert unaccounted(gpu(3, (1, 4))) == 0, "drivers round"
    for unknown in (gpu(9, silent=True), gpu(9, (1, None))):
        assert listed(unknown) is None and unaccounted(unknown) is None
    assert unaccounted(gpu(None, (1, 4))) is None


# ---- others


def test_everything_that_is_not_ours_is_others() -> None:
    seen = reading(gpu(9, (1, 4), (7, 3)))
    assert others(seen, {1}, {"gpu0": 8}, GIB // 4) == {"gpu0": 5, HOST: GIB - GIB // 4}
    assert others(seen, set(), {}, 0)["gpu0"] == 9


@pytest.mark.parametrize("device", [gpu(9, silent=True), gpu(9, (1, None))])
def test_where_the_driver_names_no_sizes_what_was_claimed_is_ours(device: Device) -> None:
    assert others(reading(device), {1}, {"gpu0": 6}, 0)["gpu0"] == 3
    assert others(reading(device), {1}, {"gpu0": 20}, 0)["gpu0"] == 0
    assert others(reading(device), {1}, {}, 0)["gpu0"] == 9


def test_a_strangers_silence_hides_nothing_of_ours() -> None:
    assert others(reading(gpu(9, (1, 3), (7, None))), {1}, {"gpu0": 8}, 0)["gpu0"] == 6


def test_a_device_whose_use_is_unknown_is_left_out() -> None:
    assert "gpu0" not in others(reading(gpu(None, (1, 3))), {1}, {}, 0)


def test_the_hosts_memory_is_told_apart_by_what_our_engines_hold_of_it() -> None:
    assert others(reading(), {1}, {HOST: 50 * GIB}, 2 * GIB) == {HOST: 0}


def test_strangers_are_named_the_largest_first_and_once() -> None:
    seen = reading(gpu(20, (1, 9, "ours"), (5, 2, "game"), (6, 7, "blender"), (8, 1, "game"), (9, None, ""), (4, 1)))
    assert names(seen, {1})["gpu0"] == ("blender", "game", "pid 4", "pid 9")
    assert names(reading(gpu(9, silent=True)), set()) == {"gpu0": (), HOST: ()}


# ---- what does not come back


def test_what_dead_processes_still_hold_is_missing() -> None:
    before = {"gpu0": GIB}
    assert missing(before, reading(gpu(5 * GIB, (1, 4 * GIB))), {1}, {"gpu0": 8 * GIB}) == {"gpu0": 4 * GIB}
    assert missing(before, reading(gpu(5 * GIB, (7, 4 * GIB))), {1}, {"gpu0": 8 * GIB}) == {}, "that is somebody else"


def test_what_nobody_accounts_for_since_then_is_missing() -> None:
    seen = reading(gpu(6 * GIB, (7, 2 * GIB)))
    assert missing({"gpu0": GIB}, seen, {1}, {"gpu0": 8 * GIB}) == {"gpu0": 3 * GIB}
    assert missing({"gpu0": 4 * GIB}, seen, {1}, {"gpu0": 8 * GIB}) == {}, "it was so before"
    assert missing({"gpu0": 9 * GIB}, seen, {1}, {"gpu0": 8 * GIB}) == {}


@pytest.mark.parametrize(
    ("most", "left", "gone"),
    [
        (10 * GIB, GIB, True), (10 * GIB, GIB + 9, False), (10 * GIB, 3 * GIB, False),
        (GIB // 4, NOISE, True), (GIB // 4, NOISE + 1, False), (1, NOISE, True),
    ],
)  # fmt: skip
def test_it_is_gone_when_nine_tenths_are_back_and_noise_is_tolerated(most: int, left: int, gone: bool) -> None:
    assert (missing({"gpu0": 0}, reading(gpu(left)), {1}, {"gpu0": most}) == {}) is gone


def test_where_the_driver_does_not_say_nothing_is_called_missing() -> None:
    seen = reading(gpu(9 * GIB, silent=True))
    assert missing({"gpu0": None}, seen, {1}, {"gpu0": 8 * GIB}) == {}
    assert missing({"gpu0": 0}, seen, {1}, {"gpu0": 8 * GIB}) == {}
    assert missing({}, reading(gpu(9 * GIB)), {1}, {"gpu0": 8 * GIB}) == {}, "nobody looked before"


def test_what_the_dead_hold_is_missing_even_where_the_rest_is_unknown() -> None:
    seen = reading(gpu(9 * GIB, (1, 4 * GIB), (7, None)))
    assert missing({"gpu0": None}, seen, {1}, {"gpu0": 8 * GIB}) == {"gpu0": 4 * GIB}


def test_the_kernel_gives_the_hosts_memory_back_by_itself() -> None:
    listing = msgspec.structs.replace(host(9 * GIB), holders=(Holder(pid=1, memory=9 * GIB),))
    assert missing({HOST: 0}, Reading(devices=(listing,)), {1}, {HOST: 8 * GIB}) == {}


def test_the_host_and_devices_that_are_gone_or_were_not_used_give_nothing_back() -> None:
    seen = reading(gpu(9 * GIB, (1, 9 * GIB)))
    assert missing({HOST: 0, "gpu7": 0}, seen, {1}, {HOST: 8 * GIB, "gpu7": 8 * GIB, "gpu0": 0}) == {}


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.none() | st.integers(0, 9 * GIB)), max_size=5, unique_by=lambda each: each[0]
    ),
    st.none() | st.integers(0, 30 * GIB),
    st.sets(st.integers(1, 9)),
    st.integers(0, 9 * GIB),
)
def test_whatever_a_driver_says_nobody_holds_less_than_nothing_or_more_than_is_used(
    holders: list[tuple[int, int | None]], used: int | None, ours: set[int], claim: int
) -> None:
    seen = reading(gpu(used, *holders))
    found = others(seen, ours, {"gpu0": claim}, 0)
    assert ("gpu0" in found) is (used is not None)
    assert 0 <= found.get("gpu0", 0) <= (used or 0)
    lost = missing({"gpu0": 0}, seen, ours, {"gpu0": 8 * GIB})
    assert all(bytes_ > 0 for bytes_ in lost.values())
