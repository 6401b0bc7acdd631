from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glowplug.usecases.tries import Tries


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40))
def test_no_window_has_more_than_the_limit(steps: list[float]) -> None:
    tries, now, done = Tries(3, 10.0), 0.0, []
    for step in steps:
        now += step
        wait = tries.wait("a", now)
        recent = [at for at in done if at > now - 10.0]
        assert (wait == 0.0) == (len(recent) < 3)
        if wait == 0.0:
            tries.begin("a", now)
            done.append(now)
        else:
            assert wait == recent[0] + 10.0 - now


def test_what_succeeded_does_not_count() -> None:
    tries = Tries(1, 10.0)
    tries.begin("a", 0.0)
    assert tries.wait("a", 1.0) == 9.0 and tries.wait("b", 1.0) == 0.0
    tries.forgive("a")
    tries.forgive("b")
    assert tries.wait("a", 1.0) == 0.0


def test_memory_is_bounded() -> None:
    tries = Tries(1, 10.0, most=5)
    for number in range(100):
        tries.begin(str(number), 0.0)
    assert len(tries) == 5 and tries.wait("99", 0.0) > 0 and tries.wait("1", 0.0) == 0.0
