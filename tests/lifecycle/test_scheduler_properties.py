"""Random histories of many models on few devices must keep the scheduler's promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from glowplug.domain.instance import FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle.placement import Need, Room, free_of
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
NAMES = tuple("abcdefg")
RULES = Rules(min_residency=60.0, starvation=120.0, queue=5, pressure=10.0)


@dataclass
class Instance:
    """What the world knows of one model's engine."""

    claim: dict[str, int]
    phase: Phase = Phase.LOADING
    leases: int = 0
    served: bool = False
    ready_at: float = 0.0


@dataclass
class World:
    """Instances as their machines would move them; the scheduler hears of everything."""

    scheduler: Scheduler
    now: float = 1000.0
    instances: dict[str, Instance] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    refused: dict[str, FailureKind] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    settled: bool = False

    def post(self, happening: Happening) -> None:
        todo: list[Outcome] = self.scheduler.handle(self.now, happening)
        while todo:
            todo += self.do(todo.pop(0))

    def do(self, outcome: Outcome) -> list[Outcome]:
        match outcome:
            case Admit(model, place):
                before = self.instances.get(model)
                assert before is None or before.phase is Phase.ASLEEP, "two instances of one model"
                assert model in self.waiting, "memory for somebody who does not want it"
                self.instances[model] = Instance(dict(place.claim))
                self.waiting.discard(model)
                self.check_room(model)
                self.check_groups(model)
            case Evict(model, _):
                instance = self.instances[model]
                assert instance.phase in (Phase.LOADED, Phase.ASLEEP), "only what is loaded can be unloaded"
                assert not self.scheduler.traits[model].pinned
                if instance.phase is Phase.LOADED and not instance.served:
                    assert self.now >= instance.ready_at + RULES.arrival, "loaded for nothing"
                if instance.leases:
                    starved = [w for w in self.scheduler.wishes.values() if w.starving(self.now, RULES)]
                    assert starved, "a model in use is drained only for somebody who waited too long"
                return self.move(model, Phase.LEAVING)
            case Refuse(model, failure):
                assert model in self.waiting
                self.waiting.discard(model)
                self.refused[model] = failure.kind
            case Queued(model, position, _):
                assert 1 <= position <= len(NAMES)
        return []

    def move(self, model: str, phase: Phase | None) -> list[Outcome]:
        instance = self.instances[model]
        if phase is None:
            assert not instance.leases, "stopped under a lease"
            del self.instances[model]
        else:
            instance.phase = phase
        wanted = bool(instance.leases) or (phase is Phase.LOADING) or model in self.waiting
        claim = instance.claim if phase is Phase.ASLEEP else None
        return self.scheduler.handle(self.now, Stands(model, phase, wanted, claim))

    def report(self, model: str, phase: Phase | None) -> None:
        todo = self.move(model, phase)
        while todo:
            todo += self.do(todo.pop(0))

    def check_room(self, model: str) -> None:
        """Where others took what was given before, nothing more is given."""
        left = free_of(self.scheduler.rooms, [instance.claim for instance in self.instances.values()])
        given = [id for id, bytes_ in self.instances[model].claim.items() if bytes_]
        assert all(left[id] >= 0 for id in given), f"more given than there is: {left}"

    def check_groups(self, model: str) -> None:
        for group in self.scheduler.groups.values():
            inside = [name for name in self.instances if name in group.members]
            if model in group.members:
                assert len(inside) <= group.most, f"{inside} of {group.name} are loaded together"
            if group.exclusive and inside:
                assert set(inside) == set(self.instances), f"{group.name} is not alone"


class Histories(RuleBasedStateMachine):
    @initialize(
        gpus=st.lists(st.integers(4, 24), min_size=0, max_size=3),
        sizes=st.lists(st.integers(1, 14), min_size=len(NAMES), max_size=len(NAMES)),
        pinned=st.sampled_from(["", "a", "ab"]),
        most=st.integers(1, 2),
        exclusive=st.booleans(),
        grouped=st.booleans(),
    )
    def begin(self, gpus: list[int], sizes: list[int], pinned: str, most: int, exclusive: bool, grouped: bool) -> None:
        rooms = [Room(f"gpu{i}", size * GIB, GIB, kind="nvidia", index=i) for i, size in enumerate(gpus)]
        rooms.append(Room("host", 16 * GIB, 2 * GIB))
        scheduler = Scheduler(RULES)
        traits = {name: Traits(priority=i % 3, pinned=name in pinned) for i, name in enumerate(NAMES)}
        groups = [Group(name="g", members=("c", "d", "e"), most=most, exclusive=exclusive)] if grouped else []
        scheduler.configure(RULES, traits, groups)
        scheduler.set_rooms(1000.0, rooms, {})
        self.needs = {name: Need(size * GIB, 0, spread=size % 2 == 0) for name, size in zip(NAMES, sizes, strict=True)}
        self.world = World(scheduler)

    @rule(name=st.sampled_from(NAMES), evict=st.booleans(), priority=st.integers(-2, 2))
    def want(self, name: str, evict: bool, priority: int) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.phase in (Phase.LOADING, Phase.LOADED):
            return
        self.world.waiting.add(name)
        self.world.refused.pop(name, None)
        self.world.post(Wanted(name, self.needs[name], priority, evict))

    @rule(name=st.sampled_from(NAMES))
    def give_up(self, name: str) -> None:
        if name in self.world.waiting:
            self.world.waiting.discard(name)
            self.world.post(Withdrawn(name))

    @rule(name=st.sampled_from(NAMES), late=st.booleans())
    def become_ready(self, name: str, late: bool) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.phase is Phase.LOADING:
            instance.leases = 0 if late else 1  # the request it was started for
            instance.served, instance.ready_at = not late, self.world.now
            self.world.report(name, Phase.LOADED)

    @rule(name=st.sampled_from(NAMES), fails=st.booleans())
    def load_ends(self, name: str, fails: bool) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.phase is Phase.LOADING and fails:
            self.world.report(name, None)

    @rule(name=st.sampled_from(NAMES))
    def use(self, name: str) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.phase is Phase.LOADED:
            instance.leases += 1
            instance.served = True
            self.world.report(name, Phase.LOADED)

    @rule(name=st.sampled_from(NAMES))
    def finish(self, name: str) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.leases:
            instance.leases -= 1
            self.world.report(name, instance.phase)

    @rule(name=st.sampled_from(NAMES))
    def fall_asleep(self, name: str) -> None:
        """It was evicted, or idle, and gives back all but a part of its memory."""
        instance = self.world.instances.get(name)
        if instance and instance.phase in (Phase.LOADED, Phase.LEAVING) and not instance.leases:
            instance.claim = {id: bytes_ // 4 for id, bytes_ in instance.claim.items()}
            self.world.report(name, Phase.ASLEEP)

    @rule(room=st.integers(0, 3), size=st.integers(0, 12))
    def others_come_and_go(self, room: int, size: int) -> None:
        rooms = list(self.world.scheduler.rooms)
        if room < len(rooms):
            rooms[room] = replace(rooms[room], others=size * GIB)
            self.world.scheduler.set_rooms(self.world.now, rooms, {rooms[room].id: (12 - size) * GIB})
            self.world.post(Looked())

    @rule(name=st.sampled_from(NAMES))
    def memory_comes_back(self, name: str) -> None:
        instance = self.world.instances.get(name)
        if instance and instance.phase is Phase.LEAVING and not instance.leases:
            self.world.report(name, None)

    @rule(seconds=st.sampled_from([0.1, 1.0, 20.0, 60.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.world.now + seconds
        for _ in range(100):
            deadline = self.world.scheduler.deadline(self.world.now)
            if deadline is None or deadline > end:
                break
            assert deadline > self.world.now
            self.world.now = deadline
            self.world.post(Looked())
        else:
            raise AssertionError("it never stops looking")
        self.world.now = end
        self.world.post(Looked())

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if not hasattr(self, "world"):
            return
        assert set(self.world.scheduler.wishes) == self.world.waiting
        assert {n: h.phase for n, h in self.world.scheduler.holdings.items()} == {
            n: i.phase for n, i in self.world.instances.items()
        }

    def teardown(self) -> None:
        """Loads end, memory comes back, and nobody new asks, but what is in use stays in use until it is drained:
        all the same everybody who waits must be answered."""
        if not hasattr(self, "world"):
            return
        world = self.world
        for _ in range(200):
            if not world.waiting:
                break
            for name in list(world.instances):
                instance = world.instances.get(name)
                if instance is None:
                    continue
                if instance.phase is Phase.LOADING:
                    self.become_ready(name, False)
                while instance.phase is Phase.LEAVING and instance.leases:
                    self.finish(name)
                self.memory_comes_back(name)
            self.time_passes(20.0)
        assert not world.waiting, f"{world.waiting} wait for ever; {world.scheduler.holdings}"


Histories.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
TestHistories = Histories.TestCase
