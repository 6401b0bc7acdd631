"""Where an instance could run: from what it needs and what the devices have.  Pure.

A *room* is one memory: an accelerator with its own, or the host.  An accelerator that shares the host's memory is no
room of its own, so that nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import HOST, Reading

CONTEXT = 512 << 20
"""Bytes that each further device costs an engine that is spread over several: a driver context and buffers of its
own (0.3 to 0.6 GiB were seen with CUDA)."""

Claim = dict[str, int]
"""Bytes by room."""


@dataclass(frozen=True, slots=True)
class Room:
    """One memory.  Bytes."""

    id: str
    total: int
    reserve: int = 0
    """Kept free for the desktop, or the system."""
    others: int = 0
    """Held by programs that are not ours."""
    kind: str = ""
    index: int = 0
    holders: tuple[str, ...] = ()
    """Names of the programs that hold `others`."""
    problem: str = ""
    """Why it cannot be used now: its driver is lost, or says nothing of its memory."""
    shared: tuple[str, ...] = ()
    """Accelerators without memory of their own that use this one."""

    @property
    def capacity(self) -> int:
        """What our models may have together."""
        return max(self.total - self.reserve - self.others, 0)


@dataclass(frozen=True, slots=True)
class Need:
    """What an instance needs, margin included.  Bytes."""

    device: int = 0
    """On accelerators; of the host where there is none."""
    host: int = 0
    devices: tuple[str, ...] = ()
    """The rooms it may use besides the host; empty: any."""
    spread: bool = True
    """Whether it can be divided over several accelerators."""
    shards: int = 0
    """Over exactly so many, in equal shares; 0 and 1: see `spread`."""


def need_of(footprint: Footprint, devices: tuple[str, ...] = (), *, spread: bool = True) -> Need:
    """A footprint with its error bar on top."""
    factor = 1.0 + max(footprint.error, 0.0)
    host = ceil(footprint.host * factor)
    return Need(ceil(footprint.device * factor), host, devices, spread, footprint.shards)


def rooms_of(
    reading: Reading, others: Mapping[str, int], names: Mapping[str, tuple[str, ...]], reserve: int, host_reserve: int
) -> tuple[Room, ...]:
    """The rooms of a reading.  `others` and `names`: what programs that are not ours hold of each device, and who they
    are.  A device whose memory is unknown is a room without any: nothing can be promised of it, and what belongs there
    must not silently go elsewhere."""
    rooms = []
    shared = tuple(device.id for device in reading.accelerators if device.unified)
    for device in reading.devices:
        if device.unified and device.accelerator:
            continue
        if device.total is None or device.used is None:
            if device.accelerator:
                rooms.append(Room(device.id, 0, kind=device.kind.value, index=device.index, problem=device.problem))
            continue
        kept = reserve if device.accelerator else host_reserve
        # A device smaller than its reserve would be no use at all: at most a tenth is kept of it.
        kept = min(kept, device.total // 10) if kept * 2 > device.total else kept
        rooms.append(
            Room(
                id=device.id,
                total=device.total,
                reserve=kept,
                others=others.get(device.id, 0),
                kind="" if device.id == HOST else device.kind.value,
                index=device.index,
                holders=names.get(device.id, ()),
                shared=shared if device.id == HOST else (),
            )
        )
    return tuple(rooms)


def options(need: Need, rooms: Sequence[Room]) -> tuple[Claim, ...]:
    """Every way the need could be met if the rooms were empty, best first: one accelerator (the tightest that is large
    enough), then more and more of them, or the host where there is none."""
    able = [room for room in rooms if room.id != HOST and (not need.devices or room.id in need.devices)]
    host = {HOST: need.host} if need.host else {}
    known = {id for room in rooms for id in (room.id, *room.shared)}
    if need.device and not able and (absent := [id for id in need.devices if id not in known | {HOST}]):
        # What was meant for a device that is not there must not silently go to the host instead.
        return tuple({id: need.device} | host for id in absent)
    if not need.device or not able:
        return ({HOST: need.device + need.host},) if need.device + need.host else ({},)
    capacities = {room.id: room.capacity for room in able}
    if need.shards > 1:
        return (_sharded(need, capacities) | host,)
    found = [{id: need.device} | host for id in sorted(capacities, key=capacities.__getitem__)]
    if need.spread:
        largest = sorted(capacities, key=capacities.__getitem__, reverse=True)
        counts = range(2, len(able) + 1)
        found += [_divided(need.device, {id: capacities[id] for id in largest[:count]}) | host for count in counts]
    return tuple(found)


def most(need: Need, rooms: Sequence[Room]) -> int:
    """The largest `Need.device` that would fit with everything else unloaded, of the host where there is no
    accelerator for it."""
    able = [room for room in rooms if room.id != HOST and (not need.devices or room.id in need.devices)]
    sizes = [room.total - room.reserve for room in able or rooms]
    if need.shards > 1:
        return min(sorted(sizes, reverse=True)[: need.shards], default=0) * need.shards
    together = sum(sizes) - CONTEXT * (len(sizes) - 1) if need.spread else 0
    return max(max(sizes, default=0), together)


def _sharded(need: Need, capacities: Mapping[str, int]) -> Claim:
    """Equal shares on the rooms that have the most; what has no room stays on one that is not there."""
    share = ceil(need.device / need.shards)
    largest = sorted(capacities, key=lambda id: (-capacities[id], id))[: need.shards]
    absent = {"further accelerators": share * (need.shards - len(largest))} if len(largest) < need.shards else {}
    return dict.fromkeys(sorted(largest), share) | absent


def _divided(bytes_: int, capacities: Mapping[str, int]) -> Claim:
    """Shares in proportion to what the rooms have."""
    whole = bytes_ + CONTEXT * (len(capacities) - 1)
    total = sum(capacities.values())
    if not total:
        return {id: ceil(whole / len(capacities)) for id in capacities}
    return {id: ceil(whole * capacity / total) for id, capacity in capacities.items()}


def fits(claim: Mapping[str, int], free: Mapping[str, int]) -> bool:
    """Whether every part of the claim is free.  Nothing fits everywhere, however full."""
    for id, bytes_ in claim.items():  # noqa: SIM110  asked very often, and twice as fast as `all`
        if bytes_ > 0 and free.get(id, 0) < bytes_:
            return False
    return True


def best(claims: Iterable[Claim], free: Mapping[str, int]) -> Claim | None:
    """The claim that fits with the fewest devices and leaves the smallest hole, or None."""
    able = [claim for claim in claims if fits(claim, free)]

    def waste(claim: Claim) -> tuple[int, int]:
        return len(claim), sum(free.get(id, 0) - bytes_ for id, bytes_ in claim.items() if id != HOST)

    return min(able, key=waste, default=None)


def free_of(rooms: Iterable[Room], claims: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """What is left of each room under these claims; less than nothing where others took what was promised."""
    left = {room.id: room.total - room.reserve - room.others for room in rooms}
    for claim in claims:
        for id, bytes_ in claim.items():
            left[id] = left.get(id, 0) - bytes_
    return left


def place_of(claim: Mapping[str, int], rooms: Sequence[Room], free: Mapping[str, int]) -> Place:
    """A claim in the words of an engine.  `free`: what was left of each room before it was given."""
    there = [room for room in rooms if room.id in claim]
    accelerators = [room for room in there if room.id != HOST]
    return Place(
        claim=dict(claim),
        totals={room.id: room.total for room in there},
        free={room.id: max(free.get(room.id, 0) + room.reserve, 0) for room in there},
        indexes={room.id: room.index for room in accelerators},
        kind=accelerators[0].kind if accelerators else "",
    )
