"""Never more extra attempts than the share says, in any window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glowplug.routing.retry_budget import RetryBudget


def test_the_floor_then_nothing_then_the_floor_again() -> None:
    budget = RetryBudget(ratio=0.2, window=10.0, floor=3)
    assert [budget.spend(100.0, 0) for _ in range(4)] == [True, True, True, False]
    assert not budget.spend(109.9, 0)
    assert budget.spend(110.0, 0)


def test_to_look_notes_nothing() -> None:
    budget = RetryBudget(ratio=0.2, window=10.0, floor=3)
    budget.spend(100.0, 0)
    before = list(budget._samples), list(budget._spent)
    assert [budget.seen(at, 10) for at in (101.0, 109.9, 110.0)] == [4, 4, 3]
    assert (list(budget._samples), list(budget._spent)) == before


def test_a_share_of_the_requests_of_the_window() -> None:
    budget = RetryBudget(ratio=0.2, window=10.0, floor=0)
    budget.sample(0.0, 1000)
    assert budget.left(5.0, 1050) == 10
    assert budget.left(20.0, 1050) == 0, "requests that are long past give nothing"


@given(
    st.lists(st.tuples(st.floats(0.0, 4.0), st.integers(0, 30), st.integers(0, 12)), max_size=40),
    st.sampled_from([0.1, 0.2, 0.5]),
)
def test_none_is_made_beyond_the_share_of_the_window_that_ends_then(
    events: list[tuple[float, int, int]], ratio: float
) -> None:
    budget = RetryBudget(ratio=ratio, window=10.0, floor=2)
    now, total = 1000.0, 0
    requests: list[tuple[float, int]] = []
    spent: list[float] = []
    for pause, more, tries in events:
        now += pause
        total += more
        requests.append((now, more))
        budget.sample(now, total)
        made = [now for _ in range(tries) if budget.spend(now, total)]
        spent += made
        window = [at for at in spent if at > now - 10.0]
        within = sum(count for at, count in requests if at > now - 10.0)
        assert not made or len(window) <= 2 + int(ratio * within)
