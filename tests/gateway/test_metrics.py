"""The exposition text."""

from __future__ import annotations

import re

import pytest

from glowplug.gateway.metrics import METRICS, Histogram, Metrics
from tests.gateway.rig import (
    Rig,
    chat,
    cloud,
    local,
    snapshot,
    whole,
)


def test_metrics_are_parsable(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud('odd"\\\nname'), local("local"))))
    rig.ask(chat('odd"\\\nname'))
    rig.reply(whole())
    rig.ask(chat("local"))
    assert rig.ask(None, path="/metrics", method="GET", token=None).answer.status == 401
    text = rig.ask(None, path="/metrics", method="GET").answer.body.decode()
    line = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+')
    for each in text.splitlines():
        assert each.startswith(("# HELP ", "# TYPE ")) or line.fullmatch(each), each
    assert 'glowplug_attempts_total{model="odd\\"\\\\\\nname",outcome="ok"} 1' in text
    assert 'glowplug_requests_waiting{model="local"} 1' in text
    assert set(METRICS) == set(re.findall(r"# TYPE (\w+)", text))


def test_histogram() -> None:
    histogram = Histogram()
    for value in (0.0005, 0.001, 0.3, 1e9):
        histogram.observe(value)
    lines = histogram.lines("x")
    assert lines[0] == 'x_bucket{le="0.001"} 2'
    assert lines[-3] == 'x_bucket{le="+Inf"} 4'
    assert lines[-1] == "x_count 4"
    assert b"glowplug_tokens_total" in Metrics().render({})


def _series(text: bytes) -> dict[str, float]:
    """Name with labels → value; that no series is there twice is part of the format."""
    found: dict[str, float] = {}
    for line in text.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_every_metric_is_announced_before_its_series_and_typed() -> None:
    metrics = Metrics()
    metrics.requests["m", 200] = 2
    metrics.attempts["m", "ok"] = 3
    metrics.tokens["m"] = [5, 7]
    metrics.auth_failures = 11
    text = metrics.render({"glowplug_connections": {"": 13.0}, "glowplug_leases": {"a": 1.0, "b": 0.0}})
    assert text.endswith(b"\n")
    announced = ""
    for line in text.decode().splitlines():
        if line.startswith("# HELP "):
            announced = line.split()[2]
            assert METRICS[announced][1] in line
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {announced} {METRICS[announced][0]}"
        else:
            base = re.sub(r"_(bucket|sum|count)$", "", line.partition("{")[0].partition(" ")[0])
            assert base == announced
    series = _series(text)
    assert series['glowplug_requests_total{model="m",code="200"}'] == 2
    assert series['glowplug_attempts_total{model="m",outcome="ok"}'] == 3
    assert series['glowplug_tokens_total{model="m",kind="prompt"}'] == 5
    assert series['glowplug_tokens_total{model="m",kind="completion"}'] == 7
    assert series["glowplug_auth_failures_total"] == 11
    assert series["glowplug_connections"] == 13
    assert series['glowplug_leases{model="a"}'] == 1
    assert series['glowplug_leases{model="b"}'] == 0


@pytest.mark.parametrize(("name", "label"), [
    ('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("\\n", "\\\\n"), ("größe", "größe"),
    ("a b{}", "a b{}"),
])  # fmt: skip
def test_labels_are_escaped(name: str, label: str) -> None:
    metrics = Metrics()
    metrics.requests[name, 200] = 1
    assert f'glowplug_requests_total{{model="{label}",code="200"}} 1'.encode() in metrics.render({}).split(b"\n")


def test_buckets_are_cumulative_and_bounds_belong_to_their_bucket() -> None:
    histogram = Histogram()
    for value in (0.0, 0.001, 0.0011, 300.0, 300.1):
        histogram.observe(value)
    series = _series("\n".join(histogram.lines("x")).encode())
    counts = [value for name, value in series.items() if name.startswith("x_bucket")]
    assert counts == sorted(counts)
    assert series['x_bucket{le="0.001"}'] == 2
    assert series['x_bucket{le="0.0025"}'] == 3
    assert series['x_bucket{le="300.0"}'] == 4
    assert series['x_bucket{le="+Inf"}'] == series["x_count"] == 5
    assert abs(series["x_sum"] - 600.1021) < 1e-6
