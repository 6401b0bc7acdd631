"""A load that nobody waits for any more, and somebody else who waits for its memory."""

from __future__ import annotations

from glowplug.lifecycle.placement import Need, Room
from glowplug.lifecycle.queueing import Admit, Evict, Outcome, Phase, Stands, Wanted
from glowplug.lifecycle.scheduler import Scheduler

GIB = 1 << 30
NEED = Need(device=6 * GIB)


def kinds(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(type(outcome).__name__, outcome.model) for outcome in outcomes if isinstance(outcome, (Admit, Evict))]


def one_card() -> Scheduler:
    scheduler = Scheduler()
    scheduler.set_rooms(0.0, (Room("gpu0", 8 * GIB, kind="nvidia"),), {"gpu0": 8 * GIB})
    assert kinds(scheduler.handle(0.0, Wanted("a", NEED))) == [("Admit", "a")]
    return scheduler


def test_who_waits_gets_the_memory_at_once_when_the_last_waiter_of_a_load_leaves() -> None:
    scheduler = one_card()
    assert kinds(scheduler.handle(1.0, Wanted("b", NEED))) == [], "somebody waits for a"
    assert kinds(scheduler.handle(2.0, Stands("a", Phase.LOADING, wanted=False))) == [("Evict", "a")]
    assert kinds(scheduler.handle(3.0, Stands("a", None))) == [("Admit", "b")]


def test_a_load_nobody_waits_for_ends_at_once_when_another_is_wanted() -> None:
    scheduler = one_card()
    scheduler.handle(1.0, Stands("a", Phase.LOADING, wanted=False))
    assert kinds(scheduler.handle(2.0, Wanted("b", NEED))) == [("Evict", "a")]


def test_it_goes_on_while_the_other_fits_beside_it() -> None:
    scheduler = one_card()
    scheduler.handle(1.0, Stands("a", Phase.LOADING, wanted=False))
    assert kinds(scheduler.handle(2.0, Wanted("b", Need(device=GIB)))) == [("Admit", "b")]
    assert scheduler.holdings["a"].phase is Phase.LOADING
