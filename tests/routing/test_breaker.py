"""Breakers and the retry budget under events in any order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from glowplug.routing.breaker import FIRST, HONOURED, IN_A_ROW, JITTER, LEAST, MOST, WINDOW, Breaker
from glowplug.routing.retry_budget import RetryBudget


def _opened(now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        breaker.failed(now, 0.0, probe=False)
    return breaker


def test_who_looks_sees_that_somebody_tries() -> None:
    breaker = _opened()
    assert not breaker.trying
    assert breaker.begin(200.0)
    assert breaker.trying
    breaker.leave()
    assert not breaker.trying


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    breaker = Breaker()
    for number in range(IN_A_ROW - 1):
        breaker.failed(float(number), 0.0, probe=False)
    breaker.succeeded(10.0, probe=False)
    breaker.failed(10.0, 0.0, probe=False)
    assert not breaker.cools(10.0)
    assert _opened().cools(100.0)


def test_a_rate_opens_it() -> None:
    breaker = Breaker()
    for number in range(LEAST):
        assert not breaker.cools(1.0)
        if number % 2:
            breaker.succeeded(1.0, probe=False)
        else:
            breaker.failed(1.0, 0.0, probe=False)
    breaker.failed(1.0, 0.0, probe=False)
    assert breaker.cools(1.0)


def test_one_tries_and_a_success_closes_it() -> None:
    breaker = _opened()
    assert not breaker.begin(100.0)
    later = 100.0 + FIRST
    assert not breaker.cools(later)
    assert breaker.begin(later)
    assert breaker.cools(later), "one at a time"
    assert not breaker.begin(later)
    breaker.succeeded(later, probe=True)
    assert not breaker.cools(later)
    assert breaker.clean


def test_it_stays_open_longer_each_time_up_to_a_bound() -> None:
    breaker, now, waits = _opened(), 100.0, []
    for _ in range(10):
        waits.append(breaker.wait(now))
        now += breaker.wait(now)
        assert breaker.begin(now)
        breaker.failed(now, 0.0, probe=True)
    assert waits[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert waits[-1] == MOST


def test_a_try_whose_client_left_lets_the_next_one_try() -> None:
    breaker = _opened()
    assert breaker.begin(200.0)
    breaker.leave()
    assert not breaker.cools(200.0)
    assert breaker.begin(200.0)


def test_who_was_under_way_when_it_opened_says_nothing() -> None:
    breaker = _opened()
    breaker.succeeded(100.1, probe=False)
    assert breaker.cools(100.1)
    before = breaker.until
    breaker.failed(100.1, 0.0, probe=False)
    assert breaker.until == before


def test_what_the_upstream_says_is_honoured_within_reason() -> None:
    breaker = Breaker()
    breaker.trip(10.0, 0.0, 20.0, probe=False, limited=True)
    assert (breaker.wait(10.0), breaker.limited) == (20.0, True)
    breaker.trip(10.0, 0.0, 5.0, probe=False, limited=True)
    assert breaker.wait(10.0) == 20.0, "the longest stands"
    breaker.trip(10.0, 1.0, 9e4, probe=False, limited=True)
    assert breaker.wait(10.0) == HONOURED * (1 + JITTER)


def test_old_failures_are_forgotten() -> None:
    breaker = Breaker()
    breaker.failed(1.0, 0.0, probe=False)
    breaker.forget(1.0 + WINDOW)
    assert not breaker.clean
    breaker.forget(2.0 + WINDOW)
    assert breaker.clean


class Machine(RuleBasedStateMachine):
    """Two targets, one budget, requests that end in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.total = 0
        self.breakers = [Breaker(), Breaker()]
        self.running: list[tuple[int, bool]] = []
        self.budget = RetryBudget(ratio=0.2, window=10.0, floor=2)
        self.budget.sample(self.now, 0)
        self.spent: list[float] = []
        self.arrived: list[float] = []

    @rule(seconds=st.floats(0.01, 90.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.budget.sample(self.now, self.total)

    @rule(index=st.integers(0, 1))
    def request(self, index: int) -> None:
        self.total += 1
        self.arrived.append(self.now)
        if not self.breakers[index].cools(self.now):
            self.running.append((index, self.breakers[index].begin(self.now)))

    @rule(data=st.data(), how=st.sampled_from(["ok", "fails", "leaves", "limited", "asks"]), draw=st.floats(0, 1))
    def ends(self, data: st.DataObject, how: str, draw: float) -> None:
        if not self.running:
            return
        index, probe = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        breaker = self.breakers[index]
        if how == "ok":
            breaker.succeeded(self.now, probe=probe)
            assert not probe or breaker.clean, "a try that succeeds closes it"
            return
        if how == "fails":
            breaker.failed(self.now, draw, probe=probe)
        elif how == "leaves":
            if probe:
                breaker.leave()
            return
        else:
            breaker.trip(self.now, draw, None if how == "limited" else 7.0, probe=probe, limited=True)
        if self.budget.spend(self.now, self.total):
            self.spent.append(self.now)
            spent = sum(at > self.now - 10.0 for at in self.spent)
            assert spent <= 2 + 0.2 * sum(at > self.now - 10.0 for at in self.arrived)

    @invariant()
    def one_tries_at_a_time(self) -> None:
        for index in range(2):
            assert sum(probe for at, probe in self.running if at == index) <= 1

    @invariant()
    def a_wait_has_an_end(self) -> None:
        for index, breaker in enumerate(self.breakers):
            assert breaker.wait(self.now) <= HONOURED * (1 + JITTER)
            if not any(probe for at, probe in self.running if at == index):
                assert not breaker.cools(self.now + breaker.wait(self.now) + 1e-6)


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestMachine = Machine.TestCase
