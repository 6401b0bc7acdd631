"""LiteLLM's names for what is counted here, so that dashboards people already have go on.  Pure.

Names and label names as its Prometheus callback exports them in version 1.109 (counters end in `_total`, as the client
library writes them).  A label of a key, team or user is not given: its number has no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from glowplug.wire.exposition import Families, Row, Sample


class _From(NamedTuple):
    row: Row
    source: str
    """Our family."""
    labels: dict[str, str]
    """Our label → theirs."""
    keep: Callable[[dict[str, str]], bool] = lambda _labels: True
    worth: Callable[[dict[str, str]], float] | None = None
    """The value, where it is what our labels say."""


def _failed(labels: dict[str, str]) -> bool:
    return not labels["code"].startswith(("2", "3"))


def _kind(*kinds: str) -> Callable[[dict[str, str]], bool]:
    return lambda labels: labels["kind"] in kinds


def _left_of_a_team(labels: dict[str, str]) -> bool:
    return labels["scope"] == "team" and labels["kind"] == "left"


def _outage(labels: dict[str, str]) -> float:
    return _OUTAGE.get(labels["standing"], 0.0)


_OUTAGE: Final = {"limited": 1.0, "cooling": 2.0, "failed": 2.0, "unavailable": 2.0}
"""How a model that stands so is called there: 1 partly out, 2 out; else 0, also one that is not loaded."""
_MODEL: Final = {"model": "model"}
_ASKED: Final = {"model": "requested_model", "code": "status_code"}
_ROWS: Final = {
    "litellm_proxy_total_requests_metric_total": _From(
        Row("counter", "Requests made to the proxy."), "glowplug_requests_total", _ASKED
    ),
    "litellm_proxy_failed_requests_metric_total": _From(
        Row("counter", "Failed requests made to the proxy."), "glowplug_requests_total", _ASKED, _failed
    ),
    "litellm_spend_metric_total": _From(
        Row("counter", "Spend in dollars."), "glowplug_cost_dollars_total", _MODEL
    ),
    "litellm_total_tokens_metric_total": _From(
        Row("counter", "Input and output tokens."), "glowplug_tokens_total", _MODEL, _kind("prompt", "completion")
    ),
    "litellm_input_tokens_metric_total": _From(
        Row("counter", "Input tokens."), "glowplug_tokens_total", _MODEL, _kind("prompt")
    ),
    "litellm_output_tokens_metric_total": _From(
        Row("counter", "Output tokens."), "glowplug_tokens_total", _MODEL, _kind("completion")
    ),
    "litellm_cached_tokens_metric_total": _From(
        Row("counter", "Cached input tokens."), "glowplug_tokens_total", _MODEL, _kind("cached")
    ),
    "litellm_request_total_latency_metric": _From(
        Row("histogram", "Seconds of whole requests."), "glowplug_request_seconds", {"le": "le"}
    ),
    "litellm_llm_api_latency_metric": _From(
        Row("histogram", "Seconds of calls to models."), "glowplug_upstream_seconds", {"le": "le"}
    ),
    "litellm_llm_api_time_to_first_token_metric": _From(
        Row("histogram", "Seconds to the first token."), "glowplug_first_byte_seconds", {"le": "le"}
    ),
    "litellm_overhead_latency_metric": _From(
        Row("histogram", "Seconds that the proxy adds."), "glowplug_overhead_seconds", {"le": "le"}
    ),
    "litellm_request_queue_time_seconds": _From(
        Row("histogram", "Seconds in a queue."), "glowplug_wait_seconds", {"le": "le"}
    ),
    "litellm_in_flight_requests": _From(
        Row("gauge", "Requests being served."), "glowplug_requests_in_flight", {}
    ),
    "litellm_deployment_successful_fallbacks_total": _From(
        Row("counter", "Requests that a fallback answered."),
        "glowplug_fallbacks_total",
        {"model": "requested_model", "served": "fallback_model"},
    ),
    "litellm_deployment_failed_fallbacks_total": _From(
        Row("counter", "Requests that no fallback could answer either."),
        "glowplug_fallbacks_failed_total",
        {"model": "requested_model"},
    ),
    "litellm_deployment_state": _From(
        Row("gauge", "0: can answer, loaded or not; 1: over its rate; 2: rests, failed or is not configured."),
        "glowplug_target_standing",
        {"model": "litellm_model_name"},
        worth=_outage,
    ),
    "litellm_deployment_cooled_down_total": _From(
        Row("counter", "Times that a model was left alone for a while."),
        "glowplug_rests_total",
        {"model": "litellm_model_name"},
    ),
    "litellm_remaining_team_budget_metric": _From(
        Row("gauge", "Dollars that are left of a team's budgets."),
        "glowplug_budget_dollars",
        {"name": "team", "window": "window"},
        _left_of_a_team,
    ),
}  # fmt: skip
ROWS: Final = {name: one.row for name, one in _ROWS.items()}


def translated(families: Families) -> Families:
    """The same figures under their names; series that become one are added up."""
    out: Families = {}
    for name, one in _ROWS.items():
        sums: dict[tuple[tuple[tuple[str, str], ...], str], float] = {}
        for sample in families.get(one.source, ()):
            labels = dict(sample.labels)
            if one.keep(labels):
                known = {**one.labels, "worker": "worker"}
                theirs = tuple((known[label], value) for label, value in sample.labels if label in known)
                identity = (theirs, sample.suffix)
                sums[identity] = sums.get(identity, 0.0) + (one.worth(labels) if one.worth else sample.value)
        out[name] = [Sample(labels, value, suffix) for (labels, suffix), value in sums.items()]
    return out
