"""From devices and the journal into the ledger, by a clock that is turned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from glowplug.control.energy import Energy, no_meters
from glowplug.domain.energy import EnergyReading, EnergySettings
from glowplug.domain.instance import InstanceView, State
from glowplug.domain.price import LOCAL
from glowplug.errors import StoreError
from glowplug.ledger.fold import Folder
from glowplug.ledger.journal import JournalWriter
from glowplug.store import check, energy, rollups
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import attempts
from glowplug.testing.clock import VirtualClock
from tests.ledger.builders import closed, opened

IDLE, WORKING = 20_000, 300_000
"""Milliwatts."""


class World:
    """A card that counts, a worker that writes a journal, a ledger."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.clock = VirtualClock()
        self.database = database
        self.settings = EnergySettings(price_per_kwh=300_000_000)
        self.gone = False
        self.looks = 0
        self.asked_again = 0
        self.devices: tuple[str, ...] = ("gpu0",)
        self.counted = 1e9
        self._until = self.clock.unix()
        self.power = IDLE
        self.energy = Energy(self.read, self.clock, database, lambda: self.settings, self.again)
        journal = directory / "journal"
        journal.mkdir()
        self.writer = JournalWriter(journal, "w0-1-1", self.clock, 65_536)
        self.folder = Folder(journal, self.energy.tap(AttemptStore(database)), lambda _worker: self.gone)

    def again(self) -> None:
        self.asked_again += 1

    def read(self) -> tuple[EnergyReading, ...]:
        self.looks += 1
        self.draw(self.power)
        return tuple(EnergyReading(device=device, counter=int(self.counted)) for device in self.devices)

    def draw(self, power: int) -> None:
        """What it draws from now on."""
        self.counted += self.power * (self.clock.unix() - self._until)
        self._until, self.power = self.clock.unix(), power

    def change(self, state: State, model: str = "m", **claim: int) -> None:
        self.energy.changed(InstanceView(model=model, engine="x", state=state, claim=claim or {"gpu0": 9, "host": 9}))

    def ask(self, request: str, model: str = "m") -> Callable[[], None]:
        started = self.clock.unix()
        begun = msgspec.structs.replace(opened(request, model=model), started=started)
        self.writer.opened(begun)

        def end() -> None:
            lasted = self.clock.unix() - started
            self.writer.closed(
                msgspec.structs.replace(
                    closed(request, model=model), started=started, duration=lasted, price=LOCAL, cost=0
                )
            )

        return end

    def run(self, request: str, seconds: float) -> None:
        """One request alone."""
        self.change(State.BUSY)
        self.draw(WORKING)
        end = self.ask(request)
        self.clock.advance(seconds)
        end()
        self.draw(IDLE)
        self.change(State.READY)

    def fold(self) -> None:
        self.energy.fold(self.folder.fold)

    def lines(self) -> dict[str, Any]:
        row = attempts.c
        query = select(row.request, row.energy_mj, row.cost, row.price)
        return self.database.call(lambda c: {line[0]: tuple(line[1:]) for line in c.execute(query)})


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def test_a_request_costs_what_the_device_used_for_it(world: World) -> None:
    world.run("first", 4.0)
    world.clock.advance(30)
    world.run("second", 4.0)
    world.clock.advance(2)
    world.fold()
    lines = world.lines()
    assert lines["second"][0] == pytest.approx(4 * (WORKING - IDLE), abs=20)
    assert lines["first"][0] == pytest.approx(4 * (WORKING - IDLE), abs=20), "what is idle was seen behind it"
    assert lines["second"][1:] == (-(-lines["second"][0] * 3 // 36), "energy 0.3/kWh")
    whole = sum(line[0] for line in lines.values())
    assert world.energy.given() == {("m", "gpu0"): pytest.approx(whole * 1000, abs=2000)}
    assert world.database.call(lambda c: check.stretch(c, 0, 9)).problems == (0, 0)
    assert world.database.call(rollups.stored) == world.database.call(rollups.computed)


def test_at_rest_nothing_wakes_up(world: World) -> None:
    world.change(State.READY)
    assert (world.clock.pending, world.looks) == (0, 0)
    world.run("a", 3.0)
    world.clock.advance(100)
    assert (world.clock.pending, world.looks) == (0, 1 + 3 + 2), "one more in which it was used, one at rest"
    world.fold()
    world.fold()
    assert world.asked_again == 0


def test_what_is_folded_before_the_look_behind_it_waits_for_it(world: World) -> None:
    world.run("a", 2.5)
    world.clock.advance(0.3)
    world.fold()
    assert (world.lines()["a"][0], world.asked_again) == (None, 1)
    world.clock.advance(2)
    world.fold()
    assert world.lines()["a"][0] is not None
    assert world.asked_again == 1


def test_two_at_once_share_and_one_that_goes_on_is_told_at_its_end(world: World) -> None:
    world.run("idle", 1.0)
    world.clock.advance(10)
    world.change(State.BUSY)
    world.draw(WORKING)
    one, other = world.ask("one"), world.ask("other")
    world.clock.advance(2)
    one()
    world.clock.advance(2)
    world.fold()
    lines = world.lines()
    assert lines["one"][0] == pytest.approx(2 * (WORKING - IDLE) / 2, abs=20)
    assert lines["other"][0] is None
    other()
    world.draw(IDLE)
    world.change(State.READY)
    world.clock.advance(4)
    world.fold()
    assert world.lines()["other"][0] == pytest.approx(3 * (WORKING - IDLE), abs=20)


def test_one_whose_worker_was_killed_has_no_energy(world: World) -> None:
    world.change(State.BUSY)
    world.ask("a")
    world.clock.advance(2)
    world.fold()
    world.gone = True
    world.change(State.READY)
    world.clock.advance(3)
    world.fold()
    assert world.lines()["a"] == (None, 0, "")
    assert world.energy.given() != {}, "it had a part of what was drawn"


def test_a_machine_that_does_not_say_is_not_asked_again_and_nothing_is_invented(world: World) -> None:
    world.devices = ()
    assert no_meters() == ()
    world.run("a", 3.0)
    world.clock.advance(10)
    assert (world.looks, world.clock.pending) == (1, 0)
    world.fold()
    assert world.lines()["a"] == (None, 0, LOCAL)


def test_measuring_can_be_left_alone(world: World) -> None:
    world.settings = EnergySettings(measure=False)
    world.run("a", 3.0)
    world.fold()
    assert (world.looks, world.lines()["a"]) == (0, (None, 0, LOCAL))


def test_models_of_providers_have_no_part_in_it(world: World) -> None:
    world.change(State.BUSY)
    world.draw(WORKING)
    mine, remote = world.ask("mine"), world.ask("remote", model="cloud")
    world.clock.advance(2)
    mine()
    remote()
    world.draw(IDLE)
    world.change(State.READY)
    world.clock.advance(3)
    world.fold()
    assert world.lines()["remote"][0] is None
    assert world.lines()["mine"][0] == pytest.approx(2 * (WORKING - IDLE), abs=20)


def test_a_model_on_the_processor_uses_the_processor(world: World) -> None:
    world.devices = ("gpu0", "host")
    world.change(State.BUSY, host=5)
    end = world.ask("a")
    world.clock.advance(1)
    end()
    world.change(State.READY, host=5)
    world.clock.advance(3)
    world.fold()
    assert set(world.energy.given()) == {("m", "host")}
    world.change(State.BUSY, "nowhere", gpu0=0)
    assert world.clock.pending == 0, "nobody knows where it runs"


def test_what_the_ledger_refuses_is_told_the_next_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("a", 2.0)
    world.clock.advance(3)

    def refuse(*_arguments: object) -> int:
        raise StoreError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(energy, "put", refuse)
        with pytest.raises(StoreError):
            world.fold()
    assert world.lines()["a"][0] is None
    world.fold()
    assert world.lines()["a"][0] is not None


def test_what_a_device_draws_idle_may_be_counted(world: World) -> None:
    world.settings = EnergySettings(idle=True)
    world.run("a", 3.0)
    world.clock.advance(3)
    world.fold()
    energy, *cost = world.lines()["a"]
    assert energy == pytest.approx(3 * WORKING, abs=20)
    assert cost == [0, LOCAL]
