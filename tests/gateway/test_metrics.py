"""The exposition text."""

from __future__ import annotations

import re

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
