"""Small machines for the tests of decisions: sizes in GiB, rooms `gpu0` … and `host`."""

from __future__ import annotations

from collections.abc import Mapping

from glowplug.domain.hardware import HOST
from glowplug.domain.model import Group
from glowplug.lifecycle.placement import Need, Room
from glowplug.lifecycle.queueing import (
    Admit,
    Evict,
    Happening,
    Looked,
    Outcome,
    Phase,
    Queued,
    Refuse,
    Rules,
    Stands,
    Traits,
    Wanted,
    Withdrawn,
)
from glowplug.lifecycle.scheduler import Scheduler

GIB = 1 << 30


def gpu(number: int, size: float = 24.0, others: float = 0.0, reserve: float = 0.0, **more: object) -> Room:
    return Room(
        f"gpu{number}",
        int(size * GIB),
        int(reserve * GIB),
        int(others * GIB),
        kind="nvidia",
        index=number,
        **more,  # type: ignore[arg-type]
    )


def host(size: float = 64.0) -> Room:
    return Room(HOST, int(size * GIB))


def need(size: float, ram: float = 0.0, devices: tuple[str, ...] = (), *, spread: bool = True) -> Need:
    return Need(int(size * GIB), int(ram * GIB), devices, spread)


class Town:
    """A scheduler with a clock.  Models are told what to do by the test; every outcome is kept in `heard`."""

    def __init__(
        self,
        *rooms: Room,
        rules: Rules | None = None,
        traits: Mapping[str, Traits] | None = None,
        groups: tuple[Group, ...] = (),
        reload: float = 10.0,
    ) -> None:
        self.now = 1000.0
        self.reload = reload
        """Seconds a load of every model takes, as far as is known."""
        self.scheduler = Scheduler()
        self.scheduler.configure(rules or Rules(), traits or {}, groups)
        self.rooms = rooms or (gpu(0), host())
        self.look()
        self.heard: list[Outcome] = []

    def look(self, free: Mapping[str, float] | None = None) -> None:
        left: dict[str, int | None] = {id: int(bytes_ * GIB) for id, bytes_ in (free or {}).items()}
        self.scheduler.set_rooms(self.now, self.rooms, left)

    def post(self, happening: Happening) -> list[Outcome]:
        out = self.scheduler.handle(self.now, happening)
        self.heard += out
        return [outcome for outcome in out if not isinstance(outcome, Queued)]

    def want(
        self, model: str, size: float | Need, priority: int = 0, *, evict: bool = True, reload: float | None = None
    ) -> list[Outcome]:
        wanted = size if isinstance(size, Need) else need(size)
        return self.post(Wanted(model, wanted, priority, evict, self.reload if reload is None else reload))

    def withdraw(self, model: str) -> list[Outcome]:
        return self.post(Withdrawn(model))

    def stands(
        self, model: str, phase: Phase | None, *, used: bool = False, claim: float | None = None
    ) -> list[Outcome]:
        size = None if claim is None else {"gpu0": int(claim * GIB)}
        return self.post(Stands(model, phase, used, size))

    def ready(self, model: str, *, used: bool = False) -> list[Outcome]:
        return self.stands(model, Phase.LOADED, used=used)

    def gone(self, model: str) -> list[Outcome]:
        return self.stands(model, None)

    def load(self, model: str, size: float | Need, *, used: bool = False, **more: object) -> Town:
        """Wanted, given memory, loaded; idle afterwards unless `used`."""
        out = self.want(model, size, **more)  # type: ignore[arg-type]
        assert [type(outcome) for outcome in out] == [Admit], out
        self.ready(model, used=True)
        if not used:
            self.ready(model)
        return self

    def later(self, seconds: float) -> list[Outcome]:
        """Pass time, looking at each deadline on the way."""
        out: list[Outcome] = []
        end = self.now + seconds
        while (at := self.scheduler.deadline(self.now)) is not None and at <= end:
            self.now = at
            out += self.post(Looked())
        self.now = end
        return out + self.post(Looked())

    def why(self, model: str) -> str:
        return self.scheduler.wishes[model].why


def admitted(out: list[Outcome]) -> dict[str, dict[str, float]]:
    """Model → GiB by room, of everybody who was given memory."""
    given = [outcome for outcome in out if isinstance(outcome, Admit)]
    return {outcome.model: {id: bytes_ / GIB for id, bytes_ in outcome.place.claim.items()} for outcome in given}


def evicted(out: list[Outcome]) -> list[str]:
    return [outcome.model for outcome in out if isinstance(outcome, Evict)]


def refused(out: list[Outcome]) -> Refuse:
    (only,) = out
    assert isinstance(only, Refuse), only
    return only
