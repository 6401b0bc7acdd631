from __future__ import annotations

from glowplug.lifecycle.demand import Demand


def test_waiting_is_the_sum_over_workers() -> None:
    d = Demand()
    d.want("a", 2)
    d.want("b", 3)
    d.waiters("a", 1)
    assert (d.waiting, d.wanted) == (4, True)
    d.waiters("b", 0)
    d.leave("a")
    assert (d.waiting, d.wanted) == (0, False)


def test_a_late_report_of_waiters_does_not_make_demand() -> None:
    d = Demand()
    d.waiters("a", 2)
    assert not d.wanted


def test_reports_of_those_who_hold_nothing_are_ignored() -> None:
    d = Demand()
    assert not d.report("a", True)
    d.granted("a")
    assert d.report("a", True) and d.busy == 1
    d.drained("a")
    assert (d.busy, d.holders) == (0, set())


def test_answers_to_revokes_from_before_the_last_grant_do_not_count() -> None:
    d = Demand()
    d.granted("a")
    d.revoked("a")
    d.granted("a")
    d.revoked("a")
    d.granted("a")
    d.revoked("a")
    assert [d.answered("a") for _ in range(3)] == [False, False, True]


def test_a_worker_that_reconnects_owes_nothing_from_before() -> None:
    d = Demand()
    d.granted("a")
    d.revoked("a")
    d.hold("a", busy=False)
    d.revoked("a")
    assert d.answered("a")


def test_the_most_urgent_of_all_workers_counts_and_one_right_is_enough() -> None:
    d = Demand()
    assert (d.priority, d.evict) == (0, False), "nobody wants it"
    d.want("a", 1, -3, evict=False)
    assert (d.priority, d.evict) == (-3, False)
    d.want("b", 2, 4, evict=True)
    assert (d.priority, d.evict) == (4, True)
    d.want("b", 1, 1, evict=False)
    assert (d.priority, d.evict) == (1, False), "a worker speaks for all its requests, the last time it does"
    d.waiters("a", 3)
    assert d.priority == 1
    d.waiters("b", 0)
    assert d.priority == -3
    d.leave("a")
    assert (d.priority, d.evict, d.wanted) == (0, False, False)


def test_who_warms_it_does_not_go_with_those_who_wait() -> None:
    d = Demand()
    d.want("a", 0, 2, evict=True)
    d.want("a", 1, 0, evict=False)
    d.waiters("a", 0)
    assert (d.wanted, d.priority, d.evict) == (True, 2, True)
    d.leave("a")
    assert (d.wanted, d.priority, d.evict) == (True, 2, True)
    d.want("b", 0, 1, evict=False)
    assert (d.priority, d.evict) == (2, True), "one that asks for less takes nothing back"
    d.satisfied()
    assert (d.wanted, d.priority, d.evict) == (False, 0, False)
    d.want("b", 0, 1, evict=False)
    assert (d.priority, d.evict) == (1, False)


def test_who_has_been_told_is_no_reason_for_haste_any_more() -> None:
    d = Demand()
    d.want("a", 1, 7, evict=True)
    d.satisfied()
    d.want("b", 1, 1, evict=False)
    assert (d.waiting, d.priority, d.evict) == (1, 1, False)
