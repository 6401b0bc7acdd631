"""LiteLLM's names for our figures."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.control.metrics import CONTROL_METRICS
from glowplug.gateway.metrics import METRICS
from glowplug.wire.exposition import Families, Histogram, Sample
from glowplug.wire.litellm_metrics import _ROWS, ROWS, translated


def figures(**more: Any) -> Families:
    seconds = Histogram()
    seconds.observe(0.2)
    return {
        "glowplug_requests_total": [
            Sample((("model", "a"), ("code", "200")), 5), Sample((("model", "a"), ("code", "429")), 2),
            Sample((("model", "b"), ("code", "302")), 1),
        ],
        "glowplug_tokens_total": [
            Sample((("model", "m"), ("kind", "prompt")), 10), Sample((("model", "m"), ("kind", "completion")), 4),
            Sample((("model", "m"), ("kind", "cached")), 3),
        ],
        "glowplug_cost_dollars_total": [Sample((("model", "m"),), 0.5)],
        "glowplug_request_seconds": seconds.samples(),
        "glowplug_requests_in_flight": [Sample((("worker", "1"),), 7)],
        "glowplug_fallbacks_total": [Sample((("model", "m"), ("served", "n")), 2)],
        "glowplug_fallbacks_failed_total": [Sample((("model", "m"),), 3)],
        "glowplug_rests_total": [Sample((("model", "m"),), 4)],
        "glowplug_target_standing": [
            Sample((("model", name), ("standing", name)), 1)
            for name in ("ready", "cold", "full", "limited", "cooling", "failed", "unavailable")
        ],
        "glowplug_budget_dollars": [
            Sample((("scope", scope), ("name", "web"), ("window", "month"), ("kind", kind)), value)
            for scope, kind, value in (("team", "left", 2.5), ("team", "spent", 9), ("tag", "left", 8))
        ],
        **more,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "labels", "value"), [
    ("litellm_proxy_total_requests_metric_total", {"requested_model": "a", "status_code": "429"}, 2),
    ("litellm_total_tokens_metric_total", {"model": "m"}, 14),
    ("litellm_input_tokens_metric_total", {"model": "m"}, 10),
    ("litellm_output_tokens_metric_total", {"model": "m"}, 4),
    ("litellm_cached_tokens_metric_total", {"model": "m"}, 3),
    ("litellm_spend_metric_total", {"model": "m"}, 0.5),
    ("litellm_in_flight_requests", {"worker": "1"}, 7),
    ("litellm_deployment_failed_fallbacks_total", {"requested_model": "m"}, 3),
    ("litellm_deployment_cooled_down_total", {"litellm_model_name": "m"}, 4),
    *(("litellm_deployment_state", {"litellm_model_name": name}, 0) for name in ("ready", "cold", "full")),
    ("litellm_deployment_state", {"litellm_model_name": "limited"}, 1),
    *(("litellm_deployment_state", {"litellm_model_name": name}, 2) for name in ("cooling", "failed", "unavailable")),
    ("litellm_remaining_team_budget_metric", {"team": "web", "window": "month"}, 2.5),
    ("litellm_deployment_successful_fallbacks_total", {"requested_model": "m", "fallback_model": "n"}, 2),
])  # fmt: skip
def test_a_figure_under_its_other_name(name: str, labels: dict[str, str], value: float) -> None:
    assert [s.value for s in translated(figures())[name] if dict(s.labels) == labels] == [value]


def test_only_failures_are_failed() -> None:
    failed = translated(figures())["litellm_proxy_failed_requests_metric_total"]
    assert [(dict(s.labels)["status_code"], s.value) for s in failed] == [("429", 2)]


def test_histograms_keep_their_buckets() -> None:
    found = translated(figures())["litellm_request_total_latency_metric"]
    assert [s.suffix for s in found[-2:]] == ["_sum", "_count"]
    assert [s.value for s in found if dict(s.labels).get("le") == "0.25"] == [1]


def test_every_row_has_a_source_of_the_same_type() -> None:
    for name, one in _ROWS.items():
        assert {**METRICS, **CONTROL_METRICS}[one.source].kind == one.row.kind, name
        assert name.endswith("_total") is (one.row.kind == "counter"), name
    assert set(translated({})) == set(ROWS)
