"""Where an instance may go: tables, and what must hold for any need in any rooms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.footprint import Footprint
from glowplug.domain.hardware import HOST, Device, DeviceKind, Reading
from glowplug.lifecycle.placement import (
    CONTEXT,
    Claim,
    Need,
    Room,
    best,
    fits,
    free_of,
    most,
    need_of,
    options,
    place_of,
    rooms_of,
)

GIB = 1 << 30
MEMORY = Room(HOST, 64 * GIB, 2 * GIB)


def gpu(number: int, size: float, **more: object) -> Room:
    return Room(f"gpu{number}", int(size * GIB), kind="nvidia", index=number, **more)  # type: ignore[arg-type]


def device(id: str, total: float | None, used: float | None = 0.0, **more: object) -> Device:
    kind = DeviceKind.HOST if id == HOST else DeviceKind.NVIDIA
    sizes = [None if size is None else int(size * GIB) for size in (total, used)]
    return Device(id=id, kind=kind, name=id, total=sizes[0], used=sizes[1], **more)  # type: ignore[arg-type]


def rooms(*devices: Device, others: dict[str, int] | None = None, reserve: int = GIB) -> dict[str, Room]:
    found = rooms_of(Reading(devices=devices), others or {}, {"gpu0": ("game",)}, reserve, 2 * GIB)
    return {room.id: room for room in found}


# ---- what is needed


def test_the_error_bar_is_on_top_and_a_negative_one_takes_nothing_away() -> None:
    footprint = Footprint(device=1000, host=10, error=0.25)
    assert need_of(footprint, ("gpu1",), spread=False) == Need(1250, 13, ("gpu1",), False)
    assert need_of(Footprint(device=1000, error=-0.5)).device == 1000


# ---- rooms


def test_rooms_keep_a_reserve_and_know_the_others() -> None:
    found = rooms(device("gpu0", 24), device(HOST, 64), others={"gpu0": 3 * GIB, HOST: GIB})
    assert (found["gpu0"].reserve, found[HOST].reserve) == (GIB, 2 * GIB)
    assert found["gpu0"].capacity == 20 * GIB
    assert (found["gpu0"].holders, found["gpu0"].kind, found[HOST].kind) == (("game",), "nvidia", "")


@pytest.mark.parametrize(("total", "kept"), [(24.0, 1.0), (2.0, 1.0), (1.99, 0.199), (0.5, 0.05)])
def test_a_device_that_its_reserve_would_eat_keeps_a_tenth(total: float, kept: float) -> None:
    assert rooms(device("gpu0", total))["gpu0"].reserve == pytest.approx(kept * GIB, abs=2)


def test_a_device_that_others_fill_has_no_capacity_rather_than_less() -> None:
    assert rooms(device("gpu0", 4), others={"gpu0": 9 * GIB})["gpu0"].capacity == 0


def test_what_shares_the_hosts_memory_is_counted_once() -> None:
    found = rooms(device("gpu0", 32, unified=True), device(HOST, 32))
    assert list(found) == [HOST] and found[HOST].shared == ("gpu0",)


def test_a_lost_accelerator_is_a_room_without_memory_and_an_unknown_host_is_none() -> None:
    lost = device("gpu0", None, None, problem="the driver does not answer")
    found = rooms(lost, device("gpu1", 8, None), device(HOST, None, None))
    assert {id: (room.total, room.problem) for id, room in found.items()} == {
        "gpu0": (0, "the driver does not answer"),
        "gpu1": (0, ""),
    }
    assert found["gpu0"].kind == "nvidia"


# ---- options


def test_the_tightest_device_comes_first_then_more_and_more_of_them() -> None:
    found = options(Need(6 * GIB, GIB), [gpu(0, 24), gpu(1, 8), gpu(2, 12), MEMORY])
    assert [sorted(claim) for claim in found] == [
        ["gpu1", HOST], ["gpu2", HOST], ["gpu0", HOST], ["gpu0", "gpu2", HOST], ["gpu0", "gpu1", "gpu2", HOST],
    ]  # fmt: skip
    assert all(claim[HOST] == GIB for claim in found)


def test_each_further_device_costs_a_context_and_shares_follow_the_capacity() -> None:
    claim = options(Need(12 * GIB), [gpu(0, 12), gpu(1, 4), MEMORY])[-1]
    whole = 12 * GIB + CONTEXT
    assert whole <= sum(claim.values()) <= whole + 2
    assert claim["gpu0"] == pytest.approx(3 * claim["gpu1"], abs=4)


def test_what_cannot_be_divided_is_not() -> None:
    found = options(Need(30 * GIB, spread=False), [gpu(0, 24), gpu(1, 24), MEMORY])
    assert [len(claim) for claim in found] == [1, 1]


def test_only_the_devices_that_are_allowed_are_used() -> None:
    everything = [gpu(0, 24), gpu(1, 24), MEMORY]
    assert options(Need(GIB, 0, ("gpu1",)), everything) == ({"gpu1": GIB},)
    assert options(Need(GIB, 0, (HOST,)), everything) == ({HOST: GIB},), "`devices: [host]` is a way to say CPU"


def test_without_an_accelerator_the_host_has_to_hold_it_all() -> None:
    assert options(Need(3 * GIB, GIB), [MEMORY]) == ({HOST: 4 * GIB},)
    assert options(Need(0, GIB), [gpu(0, 24), MEMORY]) == ({HOST: GIB},)
    assert options(Need(), [gpu(0, 24), MEMORY]) == ({},)


def test_a_lost_device_is_still_where_it_belongs_and_the_host_is_no_substitute() -> None:
    lost = gpu(0, 0, problem="lost")
    assert options(Need(GIB), [lost, MEMORY]) == ({"gpu0": GIB},)
    assert options(Need(GIB, 0, ("gpu0",)), [MEMORY]) == ({"gpu0": GIB},), "it is named and not there at all"


def test_a_named_device_that_shares_the_hosts_memory_means_the_host() -> None:
    shared = Room(HOST, 64 * GIB, shared=("gpu0",))
    assert options(Need(GIB, 0, ("gpu0",)), [shared]) == ({HOST: GIB},)


# ---- fitting


def test_nothing_fits_even_where_less_than_nothing_is_left() -> None:
    assert fits({}, {}) and fits({"gpu0": 0}, {"gpu0": -5})
    assert fits({"gpu0": 5}, {"gpu0": 5}) and not fits({"gpu0": 6}, {"gpu0": 5}) and not fits({"gpu1": 1}, {"gpu0": 5})


def test_the_best_claim_takes_few_devices_and_leaves_the_smallest_hole() -> None:
    claims: tuple[Claim, ...] = ({"gpu0": 4}, {"gpu1": 4}, {"gpu0": 2, "gpu1": 2})
    assert best(claims, {"gpu0": 20, "gpu1": 5}) == {"gpu1": 4}
    assert best(claims, {"gpu0": 4, "gpu1": 5}) == {"gpu0": 4}
    assert best(claims, {"gpu0": 3, "gpu1": 3}) == {"gpu0": 2, "gpu1": 2}
    assert best(claims, {"gpu0": 1, "gpu1": 3}) is None
    assert best([{"gpu1": 3, "gpu2": 3}, {"gpu0": 4}], {"gpu0": 20, "gpu1": 3, "gpu2": 3}) == {"gpu0": 4}


def test_what_is_free_can_be_less_than_nothing() -> None:
    found = free_of([Room("gpu0", 10, 1, others=3), Room("gpu1", 5)], [{"gpu0": 4}, {"gpu0": 4, "gone": 1}])
    assert found == {"gpu0": -2, "gpu1": 5, "gone": -1}


def test_a_place_says_it_in_the_words_of_an_engine() -> None:
    everything = [gpu(0, 24), Room("gpu3", 8 * GIB, GIB, kind="amd", index=3), MEMORY]
    place = place_of({"gpu3": 5, HOST: 2}, everything, {"gpu3": 6 * GIB, HOST: -4 * GIB, "gpu0": 1})
    assert (place.claim, place.kind, place.indexes) == ({"gpu3": 5, HOST: 2}, "amd", {"gpu3": 3})
    assert place.totals == {"gpu3": 8 * GIB, HOST: 64 * GIB}
    assert place.free == {"gpu3": 7 * GIB, HOST: 0}, "what the driver calls free has the reserve in it"
    assert place_of({HOST: 2}, everything, {}).kind == ""


# ---- what holds for anything

SIZES = st.integers(0, 40 * GIB)


@given(
    need=st.builds(Need, SIZES, SIZES, st.sampled_from([(), ("gpu0",), ("gpu0", "gpu2")]), st.booleans()),
    sizes=st.lists(st.integers(0, 48 * GIB), max_size=4),
    others=st.integers(0, 20 * GIB),
)
def test_every_option_is_the_whole_need_where_it_may_be(need: Need, sizes: list[int], others: int) -> None:
    everything = [Room(f"gpu{i}", size, others=others, kind="nvidia", index=i) for i, size in enumerate(sizes)]
    for claim in options(need, [*everything, MEMORY]):
        used = [id for id in claim if id != HOST]
        assert all(not need.devices or id in need.devices for id in used)
        assert sum(claim.values()) >= need.device + need.host
        assert sum(claim.values()) <= need.device + need.host + (CONTEXT + 1) * max(len(used), 1)
        if used:
            assert claim.get(HOST, 0) == need.host
            assert need.spread or len(used) == 1
        elif need.device:
            assert not (need.devices or sizes), "the host only where there is no accelerator at all"


def test_an_engine_that_is_told_to_divide_itself_gets_so_many_in_equal_shares() -> None:
    cards = [Room("gpu0", 24 * GIB), Room("gpu1", 10 * GIB), Room("gpu2", 16 * GIB), Room(HOST, 64 * GIB)]
    assert options(Need(20 * GIB, GIB, shards=2), cards) == ({"gpu0": 10 * GIB, "gpu2": 10 * GIB, HOST: GIB},)
    assert options(Need(20 * GIB, spread=False, shards=2), cards)[0].keys() == {"gpu0", "gpu2"}
    assert options(Need(20 * GIB, spread=False, shards=1), cards)[0] == {"gpu1": 20 * GIB}, "one is as ever"
    assert most(Need(1, shards=2), cards) == 32 * GIB and most(Need(1, shards=3), cards) == 30 * GIB


def test_shards_that_have_no_accelerator_fit_nowhere() -> None:
    (claim,) = options(Need(20 * GIB, shards=4), [Room("gpu0", 24 * GIB), Room(HOST, 64 * GIB)])
    assert claim == {"gpu0": 5 * GIB, "further accelerators": 15 * GIB}
    assert not fits(claim, {"gpu0": 24 * GIB, HOST: 64 * GIB})
    assert options(Need(20 * GIB, shards=4), [Room(HOST, 64 * GIB)]) == ({HOST: 20 * GIB},), "a CPU build has none"
