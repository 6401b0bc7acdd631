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
