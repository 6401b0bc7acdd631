"""The synthetic fleet does what a fleet does, the same for the same seed."""

from __future__ import annotations

from bench.fleet import DEVICES, Count, Fleet, figures, measure


def test_a_fleet_loads_evicts_and_never_promises_more_than_there_is() -> None:
    fleet = Fleet(1)
    for _ in range(150):
        fleet.step()
        assert all(left >= 0 for left in fleet.scheduler.free().values())
        assert sum(name in fleet.scheduler.groups["some"].members for name in fleet.scheduler.holdings) <= 4
    assert len(fleet.scheduler.rooms) == DEVICES + 1
    assert fleet.count.admitted > 20
    assert fleet.count.evicted > 0


def test_the_same_seed_is_the_same_story() -> None:
    (one, other), (again,) = measure(2, steps=60), measure(1, steps=60)
    story = [[(c.happenings, c.admitted, c.evicted, c.refused) for c in both] for both in (one, again, other)]
    assert story[0] == story[1] != story[2]


def test_a_calm_fleet_waits_less_than_a_crowded_one() -> None:
    ((calm, crowded),) = measure(1, steps=120)
    assert calm.waiting / calm.happenings < crowded.waiting / crowded.happenings


def test_a_rate_is_of_the_time_inside_the_scheduler() -> None:
    calm = Count(happenings=50, seconds=0.5, slowest=0.02, waiting=5)
    crowded = Count(happenings=100, seconds=2.0, slowest=0.05, waiting=300, evicted=2)
    values = [figure.value for figure in figures([(calm, crowded)])]
    assert values == [100.0, 0.1, 20.0, 50.0, 3.0, 50.0, 2]
