"""The plan against its rules, over every combination there is for up to four targets."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.model import Cold
from glowplug.routing.plan import Decision, Standing, Step, decide

READY, COLD, FAILED, LIMITED, AWAY, FULL, COOLING = Standing


@pytest.mark.parametrize("cold", Cold)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_combination_follows_the_rules(cold: Cold, count: int) -> None:
    for standings in product(Standing, repeat=count):
        for tried in range(1 << count):
            left = [i for i in range(count) if not tried >> i & 1]
            decision = decide(standings, tried, cold)
            _check(standings, left, cold, decision)


def _check(standings: tuple[Standing, ...], left: list[int], cold: Cold, decision: Decision) -> None:
    assert decision.target in left or (decision.step is Step.REFUSE and not left and decision.target == -1)
    ready = [i for i in left if standings[i] is READY]
    colds = [i for i in left if standings[i] is COLD]
    fulls = [i for i in left if standings[i] is FULL]
    if cold is Cold.REJECT:
        assert decision.step is not Step.WAIT
        assert decision.warm == -1
    if decision.step is Step.USE:
        assert standings[decision.target] is READY
        assert decision.target == ready[0]
    if decision.step is Step.WAIT:
        assert decision.target == colds[0]
        assert not fulls or colds[0] < fulls[0], "a slot comes sooner than a load"
    if decision.step is Step.QUEUE:
        assert decision.target == fulls[0]
        assert not ready, "nobody stands in line while another is ready"
    if decision.warm >= 0:
        assert cold is Cold.CLOUD_WHILE_COLD
        assert decision.warm == colds[0]
    if cold is Cold.WAIT and left:
        waits = [i for i in colds[:1] if not fulls or i < fulls[0]]
        first = min(ready[:1] + waits, default=None)
        if first is not None:
            assert decision.target == first
        assert (decision.step is Step.REFUSE) is (not ready and not colds and not fulls)
    if cold is not Cold.WAIT and ready:
        assert decision.step is Step.USE, "a ready target later in the list is used at once"
    if cold is Cold.CLOUD_WHILE_COLD:
        assert (decision.step is not Step.REFUSE) is bool(ready or colds or fulls)
    if cold is Cold.REJECT:
        assert (decision.step is not Step.REFUSE) is bool(ready or fulls)


@pytest.mark.parametrize(
    ("standings", "tried", "cold", "want"),
    [
        ((READY,), 0, Cold.WAIT, Decision(Step.USE, 0)),
        ((COLD, READY), 0, Cold.WAIT, Decision(Step.WAIT, 0)),
        ((COLD, READY), 1, Cold.WAIT, Decision(Step.USE, 1)),
        ((COLD, READY), 0, Cold.CLOUD_WHILE_COLD, Decision(Step.USE, 1, 0)),
        ((COLD, FAILED), 0, Cold.CLOUD_WHILE_COLD, Decision(Step.WAIT, 0)),
        ((COLD, COLD, READY), 0, Cold.CLOUD_WHILE_COLD, Decision(Step.USE, 2, 0)),
        ((READY, COLD), 0, Cold.CLOUD_WHILE_COLD, Decision(Step.USE, 0)),
        ((COLD, READY), 0, Cold.REJECT, Decision(Step.USE, 1)),
        ((COLD,), 0, Cold.REJECT, Decision(Step.REFUSE, 0)),
        ((FAILED, COLD), 0, Cold.REJECT, Decision(Step.REFUSE, 1)),
        ((FAILED, LIMITED, AWAY), 0, Cold.WAIT, Decision(Step.REFUSE, 0)),
        ((FAILED, LIMITED, AWAY), 1, Cold.WAIT, Decision(Step.REFUSE, 1)),
        ((FAILED, READY), 0, Cold.WAIT, Decision(Step.USE, 1)),
        ((LIMITED, COLD), 0, Cold.WAIT, Decision(Step.WAIT, 1)),
        ((FULL,), 0, Cold.WAIT, Decision(Step.QUEUE, 0)),
        ((FULL,), 0, Cold.REJECT, Decision(Step.QUEUE, 0)),
        ((FULL, READY), 0, Cold.WAIT, Decision(Step.USE, 1)),
        ((FULL, FULL), 1, Cold.WAIT, Decision(Step.QUEUE, 1)),
        ((FULL, COLD), 0, Cold.WAIT, Decision(Step.QUEUE, 0)),
        ((FULL, COLD, READY), 0, Cold.WAIT, Decision(Step.USE, 2)),
        ((COLD, FULL), 0, Cold.WAIT, Decision(Step.WAIT, 0)),
        ((COLD, FULL), 0, Cold.CLOUD_WHILE_COLD, Decision(Step.QUEUE, 1, 0)),
        ((COLD, FULL), 0, Cold.REJECT, Decision(Step.QUEUE, 1)),
        ((LIMITED, FULL), 0, Cold.WAIT, Decision(Step.QUEUE, 1)),
        ((FULL,), 1, Cold.WAIT, Decision(Step.REFUSE, -1)),
        ((READY, READY), 3, Cold.WAIT, Decision(Step.REFUSE, -1)),
        ((), 0, Cold.WAIT, Decision(Step.REFUSE, -1)),
    ],
)
def test_table(standings: tuple[Standing, ...], tried: int, cold: Cold, want: Decision) -> None:
    assert decide(standings, tried, cold) == want


@given(st.lists(st.sampled_from(Standing), max_size=40), st.integers(0, 1 << 40), st.sampled_from(Cold))
def test_long_lists(standings: list[Standing], tried: int, cold: Cold) -> None:
    left = [i for i in range(len(standings)) if not tried >> i & 1]
    decision = decide(standings, tried, cold)
    if left or decision.target != -1:
        _check(tuple(standings), left, cold, decision)
