"""What a worker counts, and how it is exported."""

from __future__ import annotations

import re
from time import monotonic

import pytest

from glowplug.gateway.metrics import METRICS, Metrics
from glowplug.wire import link
from glowplug.wire.exposition import Sample, render
from glowplug.wire.litellm_metrics import ROWS
from tests.gateway.rig import Rig, chat, cloud, local, snapshot, whole


def test_metrics_are_parsable(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud('odd"\\\nname'), local("local"))))
    rig.ask(chat('odd"\\\nname'))
    rig.reply(whole())
    rig.ask(chat("local"))
    assert rig.ask(None, path="/metrics", method="GET", token=None).answer.status == 401
    assert rig.ask(chat(), token="sk-gp-nobody").answer.status == 401
    text = rig.ask(None, path="/metrics", method="GET").answer.body.decode()
    line = re.compile(r'[a-z_]+(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+')
    for each in text.splitlines():
        assert each.startswith(("# HELP ", "# TYPE ")) or line.fullmatch(each), each
    assert 'glowplug_attempts_total{model="odd\\"\\\\\\nname",outcome="ok"} 1' in text
    assert 'glowplug_requests_waiting{model="local"} 1' in text
    assert 'glowplug_target_standing{model="local",standing="cold"} 1' in text
    assert 'glowplug_auth_failures_total{reason="invalid_api_key"} 1' in text
    assert 'litellm_proxy_total_requests_metric_total{requested_model="odd\\"\\\\\\nname",status_code="200"} 1' in text
    assert {*METRICS, *ROWS} == set(re.findall(r"# TYPE (\w+)", text))


def test_while_control_is_there_it_answers_for_all_workers(rig: Rig) -> None:
    rig.plane.control_connected = True
    rig.ask(None, path="/metrics", method="GET")
    assert rig.up().where == "control"


def _series(metrics: Metrics, **gauges: list[Sample]) -> dict[str, float]:
    """Name with labels → value; that no series is there twice is part of the format."""
    found: dict[str, float] = {}
    for line in render(METRICS, metrics.families(gauges)).decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_everything_counted_is_exported() -> None:
    metrics = Metrics()
    metrics.requests["m", 200] = 2
    metrics.attempts["m", "ok"] = 3
    metrics.fallbacks["m", "n"] = 4
    metrics.tokens["m"] = [5, 7, 1]
    metrics.cost["m"] = 1_500_000_000
    metrics.auth_failures["invalid_api_key"] = 11
    metrics.journal_failures = 12
    metrics.rests["m"] = 6
    metrics.fallbacks_failed["m"] = 8
    series = _series(metrics, glowplug_connections=[Sample((), 13)], glowplug_leases=[Sample((("model", "a"),), 1)])
    assert series['glowplug_requests_total{model="m",code="200"}'] == 2
    assert series['glowplug_attempts_total{model="m",outcome="ok"}'] == 3
    assert series['glowplug_fallbacks_total{model="m",served="n"}'] == 4
    assert series['glowplug_tokens_total{model="m",kind="prompt"}'] == 5
    assert series['glowplug_tokens_total{model="m",kind="completion"}'] == 7
    assert series['glowplug_tokens_total{model="m",kind="cached"}'] == 1
    assert series['glowplug_cost_dollars_total{model="m"}'] == 1.5
    assert series['glowplug_auth_failures_total{reason="invalid_api_key"}'] == 11
    assert series["glowplug_journal_failures_total"] == 12
    assert series['glowplug_rests_total{model="m"}'] == 6
    assert series['glowplug_fallbacks_failed_total{model="m"}'] == 8
    assert series["glowplug_connections"] == 13
    assert series['glowplug_leases{model="a"}'] == 1


def test_a_fallback_is_counted_with_both_names(rig: Rig) -> None:
    rig.ask(chat("both"))
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.reply(whole(), "cloud2")
    assert dict(rig.plane.metrics.fallbacks) == {("cloud", "cloud2"): 1}


def test_a_fallback_that_could_not_help_either_is_counted(rig: Rig) -> None:
    for name, times in (("cloud", 1), ("both", 2)):  # the first has no fallback
        rig.ask(chat(name))
        for target in ("cloud", "cloud2")[:times]:
            rig.reply(whole({"error": {}}, 500), target)
    assert dict(rig.plane.metrics.fallbacks_failed) == {"cloud": 1}
    assert not rig.plane.metrics.fallbacks


def test_the_age_of_what_is_on_the_disk(rig: Rig) -> None:
    assert rig.plane.families()["glowplug_journal_sync_age_seconds"] == []
    rig.plane._synced_at = monotonic() - 5.0
    (age,) = rig.plane.families()["glowplug_journal_sync_age_seconds"]
    assert 5.0 <= age.value < 60.0


@pytest.mark.parametrize("name", ["overhead_seconds", "upstream_seconds", "request_seconds"])
def test_each_part_of_a_request_is_measured_once(rig: Rig, name: str) -> None:
    rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    histogram = getattr(rig.plane.metrics, name)
    assert sum(histogram.counts) == 1
    assert rig.plane.metrics.overhead_seconds.total <= rig.plane.metrics.request_seconds.total


def test_the_loop_is_late_only_once(rig: Rig) -> None:
    rig.plane._lag = 0.5
    lag = rig.plane.families()["glowplug_loop_lag_seconds"]
    assert lag == [Sample((), 0.5)]
    assert rig.plane.families()["glowplug_loop_lag_seconds"] == [Sample((), 0.0)], "since the last scrape"


@pytest.mark.parametrize("connected", [True, False])
def test_what_a_worker_counts_passes_the_link(rig: Rig, connected: bool) -> None:
    rig.ask(chat("both"))
    rig.reply(whole(), "cloud")
    rig.plane.control_connected = connected
    frame = link.encode(link.Scraped(1, rig.plane.families()))
    (body,) = link.Frames().feed(frame)
    message = link.decode_to_control(body)
    assert isinstance(message, link.Scraped)
    assert {"glowplug_requests_total", "glowplug_control_connected"} <= set(message.families)
