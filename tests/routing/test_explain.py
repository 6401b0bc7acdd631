"""Turns and words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Cold, Loading, Policy
from glowplug.domain.route_plan import TargetState
from glowplug.routing.explain import Stand, Told, after, arranged, because, dropped, measured, passed_over, tell, turns
from glowplug.routing.plan import Decision, Standing, Step, decide
from glowplug.routing.policy import Facts, Size

READY, COLD, FULL, COOLING = Standing.READY, Standing.COLD, Standing.FULL, Standing.COOLING


@pytest.mark.parametrize(("standings", "cold", "steps"), [
    ([READY, READY], Cold.WAIT, [(Step.USE, 0, -1), (Step.USE, 1, -1)]),
    ([COLD, READY], Cold.WAIT, [(Step.WAIT, 0, -1), (Step.USE, 1, -1)]),
    ([COLD, READY], Cold.CLOUD_WHILE_COLD, [(Step.USE, 1, 0), (Step.WAIT, 0, -1)]),
    ([COLD, READY], Cold.REJECT, [(Step.USE, 1, -1)]),
    ([FULL, COOLING, READY], Cold.WAIT, [(Step.USE, 2, -1), (Step.QUEUE, 0, -1)]),
    ([COOLING], Cold.WAIT, []),
])  # fmt: skip
def test_whom_a_request_turns_to(standings: list[Standing], cold: Cold, steps: list[tuple[Step, int, int]]) -> None:
    assert turns(standings, cold).steps == tuple(Decision(*step) for step in steps)


def test_who_is_given_up_and_how_many_attempts_there_are() -> None:
    assert turns([READY, READY, READY], Cold.WAIT, (0,)).steps == (Decision(Step.USE, 1), Decision(Step.USE, 2))
    assert turns([READY, READY], Cold.WAIT, (0,), 1).steps == (Decision(Step.USE, 1),)
    found = turns([COOLING, READY], Cold.WAIT, (1,))
    assert (found.steps, found.given_up, found.refusing) == ((), (1,), 0)


@given(st.lists(st.sampled_from(Standing), max_size=6), st.sampled_from(list(Cold)), st.sets(st.integers(0, 5)))
def test_nobody_has_two_turns_and_the_first_is_the_decision(
    standings: list[Standing], cold: Cold, barred: set[int]
) -> None:
    found = turns(standings, cold, barred)
    asked = [step.target for step in found.steps] + list(found.given_up)
    assert len(set(asked)) == len(asked) <= len(standings)
    first = decide(standings, sum(1 << number for number in found.given_up), cold)
    if found.steps and not found.given_up:
        assert found.steps[0] == first
    elif not found.steps:
        assert first.step is Step.REFUSE


@pytest.mark.parametrize(("stand", "state", "why", "change"), [
    (Stand(READY), TargetState.READY, "it can be asked", ""),
    (Stand(READY, local=True, active=2), TargetState.READY, "its engine is loaded; it serves 2 now", ""),
    (Stand(READY, half_open=True), TargetState.TRYING, "its rest after failures is over", ""),
    (Stand(COLD, "m"), TargetState.COLD, "its engine is not loaded", "glowplug start m loads it"),
    (Stand(COLD, "m", loading=Loading(model="m", state="loading", progress=0.4, eta_s=3.2)), TargetState.LOADING,
     "its engine is loading, 40%", "it is ready in 4s"),
    (Stand(COLD, "m", loading=Loading(model="m", state="queued", queue_position=2)), TargetState.LOADING,
     "its engine is queued, place 2 in the queue for memory", ""),
    (Stand(Standing.FAILED, "m", failure=Failure(kind=FailureKind.CRASH, message="it crashed"), failed_for=9.5),
     TargetState.FAILED, "its engine failed: it crashed", "it may be started in 10s; glowplug logs m shows why"),
    (Stand(Standing.LIMITED, rpm=6, rate_wait=9.1), TargetState.LIMITED, "it is over its 6 requests a minute",
     "one passes in 10s"),
    (Stand(Standing.LIMITED, blocked="The budget is used up"), TargetState.LIMITED, "the budget is used up", ""),
    (Stand(Standing.LIMITED, blocked="X", blocked_for=3.0), TargetState.LIMITED, "x", "in 3s it is over"),
    (Stand(FULL, active=4, most=4, line=2), TargetState.FULL, "it serves 4 of at most 4 requests at once, and 2 wait",
     "a request that ends"),
    (Stand(COOLING, rest=2.1), TargetState.COOLING, "its breaker is open: it failed lately", "one request tries in 3s"),
    (Stand(COOLING, rest=2.1, account=True), TargetState.COOLING, "the credential was refused, or failed", "3s"),
    (Stand(COOLING, probing=True), TargetState.COOLING, "another request is trying now", "its success ends that"),
    (Stand(COOLING, rest=60.0, throttled=True, account=True), TargetState.PAUSED, "its credential asked for a pause",
     "it may be asked in 1m"),
    (Stand(Standing.UNAVAILABLE, unavailable="KEY is not set"), TargetState.UNAVAILABLE, "KEY is not set", "config"),
])  # fmt: skip
def test_every_state_has_words(stand: Stand, state: TargetState, why: str, change: str) -> None:
    told = tell(stand)
    assert told.state is state
    assert why in told.why
    assert change in told.change


def test_words_of_those_that_are_left_out() -> None:
    assert dropped("tags: it is for eu").state is TargetState.TAGS
    assert dropped("context: about 9 tokens do not fit into 5").why.endswith("about 9 tokens do not fit into 5")
    cold = Told(TargetState.COLD, "its engine is not loaded")
    assert passed_over(cold, Cold.REJECT, warm_only=False).why.endswith("the cold policy `reject` starts nothing")
    assert passed_over(cold, Cold.REJECT, warm_only=True).why.endswith("this key uses only what is loaded")
    cooling = Told(TargetState.COOLING, "x")
    assert passed_over(cooling, Cold.WAIT, warm_only=True) == cooling
    assert "attempts" in passed_over(Told(TargetState.READY, "x"), Cold.WAIT, warm_only=False).why


def test_figures_of_policies() -> None:
    facts = Facts(weight=3, busy=2, first_byte=0.25, local=True)
    assert [measured(policy, facts, Size(10)) for policy in Policy if policy is not Policy.ORDER] == [
        "3", "2 busy at weight 3", "0.25 s", "$0.00",
    ]  # fmt: skip
    assert measured(Policy.PRICE, Facts(), Size(1)) == "unknown"
    assert measured(Policy.LATENCY, Facts(), Size(1)) == "never measured"
    assert arranged(Policy.PRICE, [("a", facts)], Size(1)) == "there is one target"
    assert arranged(Policy.LEAST_BUSY, [("a", Facts()), ("b", Facts(busy=1))], Size(1)) == (
        "the least busy first: a 0 busy, b 1 busy"
    )


def test_why_it_is_the_first() -> None:
    def why(step: Step = Step.USE, *ahead: tuple[str, str], own: int = 2, remembered: bool = False) -> str:
        return because(Policy.ORDER, step, ahead, own, remembered=remembered)

    assert why() == "it is the first in the list"
    assert why(own=1) == "it is the only target"
    assert why(Step.USE, ("a", "it is away.")) == "it is the first that can answer (a: it is away)"
    assert why(Step.WAIT).endswith("its engine is loaded first, and the request waits for it")
    assert why(Step.QUEUE).endswith("waits in line for a slot, because nobody is ready")
    assert why(remembered=True) == "its conversation is used to it"
    assert because(Policy.ORDER, Step.USE, (), 2, remembered=False, warms="b").endswith("b is loaded meanwhile")


def test_moments() -> None:
    assert [after(seconds) for seconds in (0.0, 0.2, 61.0)] == ["now", "in 1s", "in 1m1s"]
