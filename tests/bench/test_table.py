"""Medians and pairs by round, and a table that can be read."""

from __future__ import annotations

from typing import Any

from bench.table import Sample, middle, number, render, summarize


def sample(candidate: str, round: int, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "workload": "1KB-c1", "candidate": candidate, "round": round, "units": 100, "per_second": 1000.0,
        "cpu_us": 50.0, "other_us": None, "p50_us": 100.0, "p99_us": 200.0, "errors": 0, "lost": 0, "rss_mib": 30.0,
    }  # fmt: skip
    return Sample(**(values | changes))


def test_ratios_are_paired_by_round_not_taken_of_medians() -> None:
    samples = [
        *(sample("nginx", r, cpu_us=c) for r, c in enumerate((10.0, 20.0, 40.0))),
        *(sample("glowplug", r, cpu_us=c) for r, c in enumerate((30.0, 40.0, 44.0))),
    ]
    rows = {r.candidate: r for r in summarize(samples)}
    assert rows["nginx"].cpu_ratio == 1.0
    assert rows["glowplug"].cpu_us == 40.0
    assert rows["glowplug"].cpu_ratio == 2.0  # of 3.0, 2.0, 1.1
    assert rows["glowplug"].rounds == 3


def test_a_round_without_the_reference_has_no_ratio() -> None:
    samples = [sample("nginx", 0, cpu_us=10.0), sample("glowplug", 0, cpu_us=30.0), sample("glowplug", 1, cpu_us=99.0)]
    assert summarize(samples)[1].cpu_ratio == 3.0
    assert summarize(samples[1:])[0].cpu_ratio is None


def test_added_latency_is_against_direct_of_the_same_round() -> None:
    samples = [
        *(sample("direct", r, cpu_us=None, p50_us=p) for r, p in enumerate((10.0, 50.0, 12.0))),
        *(sample("glowplug", r, p50_us=p, p99_us=500.0) for r, p in enumerate((110.0, 160.0, 100.0))),
    ]
    direct, glowplug = summarize(samples)
    assert glowplug.added_p50_us == 100.0  # of 100, 110, 88
    assert glowplug.added_p99_us == 300.0
    assert direct.added_p50_us is None


def test_errors_and_losses_add_up_and_are_never_averaged_away() -> None:
    samples = [sample("nginx", r, errors=e, lost=e) for r, e in enumerate((0, 0, 3))]
    assert (summarize(samples)[0].errors, summarize(samples)[0].lost) == (3, 3)


def test_workloads_keep_their_order_and_rows_are_grouped() -> None:
    samples = [
        sample(c, r, workload=w) for r in range(2) for w in ("b", "a") for c in (("y", "x") if r else ("x", "y"))
    ]
    assert [(r.workload, r.candidate) for r in summarize(samples)] == [("b", "x"), ("b", "y"), ("a", "x"), ("a", "y")]


def test_the_table_lines_up() -> None:
    samples = [
        sample("direct", 0, cpu_us=None, rss_mib=None),
        sample("nginx", 0, per_second=1234567.0),
        sample("nginx", 0, workload="sse-500", kib_per_unit=8.25),
    ]
    text = render(summarize(samples), {"CPU": "one"})
    facts, gap, heads, rule, *body = text.splitlines()
    assert (facts, gap) == ("CPU: one", "")
    assert heads.split()[0] == "workload"
    assert "× nginx" in heads
    assert set(rule) <= {"-", " "}
    assert len(body) == 3
    assert "1,234,567" in body[1]
    assert body[1].startswith(" " * len("workload"))  # the name of a workload stands once
    assert body[2].startswith("sse-500")
    column = rule.rstrip().rfind(" ") + 1
    assert body[2][column:].strip() == "8.2"
    assert body[0][column:].strip() == "-"


def test_numbers_and_nothing() -> None:
    assert (number(None, 2), number(1234.5, 1), number(1500.0, 1, 1000)) == ("-", "1,234.5", "1.5")
    assert middle([None, None]) is None
    assert middle([None, 1.0, 3.0]) == 2.0
