"""Who used how much of the energy that devices report.  Pure: readings and attempts in, millijoules out.

`Meter` makes intervals of readings, `Shares` gives the energy of each interval to the attempts that ran in it:

    share of r = max(0, E - idle * T) * busy(r) / sum of busy over all that ran on the device

with E the energy of the device in an interval of T seconds, `idle` the power it draws when nobody asks it anything, and
`busy(r)` the seconds of the interval in which r was under way.  What several use at once is split evenly among those
that are at it, as Shen et al. do for the shared part of a processor ("Power Containers", ASPLOS 2013);
idle power belongs to the machine.  An interval is given away once and whole numbers are rounded down, so the sum over
all attempts is never more than what the device measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from math import ceil
from typing import Final, NamedTuple

from glowplug.domain.energy import EnergyReading

SHORTEST_REST: Final = 0.9
LONGEST_REST: Final = 600.0
"""Seconds of a span without a request that tell what a device draws idle.  After longer ones the model was unloaded."""
_LONGEST_SAMPLED: Final = 2.0
"""Seconds between two looks at a power that stand for all that was drawn between them."""
_CLOCKS: Final = 0.5
"""Seconds by which the two clocks may differ over an interval; more is a jump, or a machine that slept."""
_MICRO: Final = 1_000_000
_MOST_INTERVALS: Final = 50_000
"""Kept while the journal cannot be folded; older ones are nobody's then."""

Identity = tuple[str, int]
"""Request and number of the attempt."""


class Moment(NamedTuple):
    """One moment on both clocks, in seconds."""

    unix: float
    monotonic: float


class Interval(NamedTuple):
    """What a device has used between two moments, for whom."""

    device: str
    start: float
    end: float
    """Unix seconds."""
    millijoules: int
    models: frozenset[str]
    """Those that answered on it meanwhile."""


class _Last(NamedTuple):
    moment: Moment
    reading: EnergyReading


class Meter:
    """Makes intervals of readings."""

    def __init__(self) -> None:
        self.idle: dict[str, float] = {}
        """Milliwatts by device: the least that was seen while nobody asked anything."""
        self._last: dict[str, _Last] = {}

    def look(self, readings: Iterable[EnergyReading], moment: Moment, used: Mapping[str, Set[str]]) -> list[Interval]:
        """What was used since the last look; `used`: the models that had requests since then, by device."""
        found = []
        now = {reading.device: _Last(moment, reading) for reading in readings}
        for device, new in now.items():
            old = self._last.get(device)
            if old is None:
                continue
            seconds = moment.monotonic - old.moment.monotonic
            energy = _between(old, new, seconds)
            if energy is None or seconds <= 0 or abs(moment.unix - old.moment.unix - seconds) > _CLOCKS:
                continue
            if models := used.get(device):
                found.append(Interval(device, old.moment.unix, moment.unix, energy, frozenset(models)))
            elif SHORTEST_REST <= seconds <= LONGEST_REST:
                drawn = energy / seconds
                self.idle[device] = min(drawn, self.idle.get(device, drawn))
        self._last = now
        return found


def _between(old: _Last, new: _Last, seconds: float) -> int | None:
    """Millijoules between two readings; None where they do not tell."""
    before, after = old.reading, new.reading
    if before.counter is not None and after.counter is not None:
        return after.counter - before.counter if after.counter >= before.counter else None
    if before.power is not None and after.power is not None and seconds <= _LONGEST_SAMPLED:
        return int((before.power + after.power) * seconds / 2)
    return None


class _Run:
    """An attempt, and what it was given."""

    __slots__ = ("end", "measured", "micro", "model", "start")

    def __init__(self, model: str, start: float) -> None:
        self.model = model
        self.start = start
        self.end: float | None = None
        """None while it is under way."""
        self.micro = 0
        """Microjoules."""
        self.measured = False


class Shares:
    """Gives intervals to attempts.  Whoever calls says up to when every attempt is known (`give`)."""

    def __init__(self) -> None:
        self._runs: dict[Identity, _Run] = {}
        self._intervals: list[Interval] = []
        self.given: dict[tuple[str, str], int] = {}
        """Microjoules by model and device, ever."""

    @property
    def busy(self) -> bool:
        """Whether there is something to give, or somebody to give it to."""
        return bool(self._intervals or self._runs)

    @property
    def waiting(self) -> bool:
        """Whether somebody has ended and was not given everything yet."""
        return any(run.end is not None for run in self._runs.values())

    def drawn(self, intervals: Iterable[Interval]) -> None:
        self._intervals += intervals
        del self._intervals[:-_MOST_INTERVALS]

    def opened(self, identity: Identity, model: str, start: float) -> None:
        """An attempt began at `start` (Unix seconds).  One that is known stays as it is."""
        self._runs.setdefault(identity, _Run(model, start))

    def closed(self, identity: Identity, model: str, start: float, end: float) -> None:
        """It ended."""
        run = self._runs.setdefault(identity, _Run(model, start))
        if run.end is None:
            run.end = max(end, start)

    def forget(self, gone: Iterable[Identity]) -> None:
        """Nobody knows when these ended: they are given no more, and what they were given stays unsaid."""
        for identity in gone:
            self._runs.pop(identity, None)

    def give(self, until: float, idle: Mapping[str, float]) -> dict[Identity, int]:
        """Give away what was drawn up to `until` (Unix seconds), before which every attempt is known; `idle`:
        milliwatts by device that are nobody's.

        Returns the millijoules of those that ended by then and of which anything was measured; all that ended are let
        go of.
        """
        later = []
        for interval in self._intervals:
            if interval.end > until:
                later.append(interval)
            else:
                self._give(interval, idle.get(interval.device))
        self._intervals = later
        ended = {identity: run for identity, run in self._runs.items() if run.end is not None and run.end <= until}
        for identity in ended:
            del self._runs[identity]
        return {identity: run.micro // 1000 for identity, run in ended.items() if run.measured}

    def _give(self, interval: Interval, idle: float | None) -> None:
        energy = interval.millijoules
        if idle is not None:
            energy = max(0, energy - ceil(idle * (interval.end - interval.start)))
        busy: list[tuple[_Run, int]] = []
        for run in self._runs.values():
            if run.model in interval.models:
                end = interval.end if run.end is None else min(run.end, interval.end)
                if (share := int((end - max(run.start, interval.start)) * _MICRO)) > 0:
                    busy.append((run, share))
        whole = sum(share for _, share in busy)
        for run, share in busy:
            micro = energy * 1000 * share // whole
            run.micro += micro
            run.measured = True
            place = (run.model, interval.device)
            self.given[place] = self.given.get(place, 0) + micro
