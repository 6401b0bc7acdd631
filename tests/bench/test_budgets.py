"""Which promises are looked at, against whom, paired by round."""

from __future__ import annotations

import pytest
from bench.budgets import BUDGETS, figures
from bench.run import WORKLOADS
from bench.table import Sample


def sample(candidate: str, workload: str, number: int = 0, *, cpu: float = 10.0, p50: float = 100.0, p99: float = 200.0,
           lost: int = 0, errors: int = 0) -> Sample:  # fmt: skip
    return Sample(
        workload=workload, candidate=candidate, round=number, units=1000, per_second=1.0, cpu_us=cpu, other_us=None,
        p50_us=p50, p99_us=p99, errors=errors, lost=lost, rss_mib=None,
    )  # fmt: skip


def test_every_promise_is_of_a_workload_that_there_is() -> None:
    names = {workload.name for workload in WORKLOADS}
    assert {budget.workload for budget in BUDGETS} <= names
    assert {budget.against[1] for budget in BUDGETS} <= names


def test_ratios_and_differences_are_formed_inside_a_round() -> None:
    samples = [
        sample("nginx", "1KB-c32", 0, cpu=10), sample("glowplug", "1KB-c32", 0, cpu=20),
        sample("nginx", "1KB-c32", 1, cpu=100), sample("glowplug", "1KB-c32", 1, cpu=300),
        sample("nginx", "1KB-c32", 2, cpu=10), sample("glowplug", "1KB-c32", 2, cpu=21),
        sample("direct", "1KB-c1", 0, p50=100, p99=150), sample("glowplug", "1KB-c1", 0, p50=350, p99=950),
    ]  # fmt: skip
    request, p50, p99 = figures(samples)
    assert (request.value, request.most, request.rounds, request.verdict) == (pytest.approx(2.1), 3.0, 3, "kept")
    assert (p50.value, p50.verdict) == (pytest.approx(0.25), "kept")
    assert (p99.value, p99.verdict) == (pytest.approx(0.8), "missed")


def test_a_translated_event_is_against_a_forwarded_one_of_the_same_candidate() -> None:
    samples = [
        sample("glowplug", "sse-500", cpu=40), sample("glowplug", "messages-sse-500", cpu=60),
        sample("glowplug-full", "sse-500", cpu=40), sample("glowplug-full", "messages-sse-500", cpu=100),
    ]  # fmt: skip
    found = {figure.name: figure for figure in figures(samples)}
    assert found["glowplug: CPU of a translated event"].value == pytest.approx(1.5)
    assert found["glowplug-full: CPU of a translated event"].verdict == "missed"
    assert found["glowplug: CPU of an event, 500 streams"].value is None, "nginx was not measured"


@pytest.mark.parametrize(("lost", "errors", "verdict"), [(0, 0, "kept"), (1, 0, "missed"), (0, 1, "missed")])
def test_nothing_may_be_lost(lost: int, errors: int, verdict: str) -> None:
    (only,) = figures([sample("glowplug", "sse-1000", lost=lost, errors=errors)])
    assert only.verdict == verdict


def test_others_have_promised_nothing() -> None:
    assert figures([sample("nginx", "1KB-c32"), sample("direct", "1KB-c32")]) == []
