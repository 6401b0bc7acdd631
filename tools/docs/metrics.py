"""The page of all metrics, and the Grafana dashboard over them, from the tables in the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from glowplug.control.metrics import CONTROL_METRICS
from glowplug.gateway.metrics import METRICS
from glowplug.wire import litellm_metrics
from glowplug.wire.exposition import Row

PAGE = "docs/metrics.md"
DASHBOARD = "contrib/grafana/glowplug.json"


_INTRODUCTION = """\
# Metrics

`GET /metrics` answers for the whole endpoint, in Prometheus text, to any API key. Workers count in memory; the control
process asks them when somebody scrapes, and adds what it knows. Scraping wakes no engine. With several workers each
has its number as the label `worker`. No label names a key, a user or a path: their number has no bound.

There are a [Grafana dashboard](../contrib/grafana/glowplug.json) and
[alert rules](../contrib/prometheus/alerts.yaml), which also show how to scrape. This page and the dashboard are made
from the tables in the code (`make docs`).
"""


class Panel(NamedTuple):
    """One picture: queries (PromQL, legend) and a unit as Grafana calls it."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"


def _quantiles(name: str) -> tuple[tuple[str, str], ...]:
    rate = f"sum by (le) (rate({name}_bucket[$__rate_interval]))"
    return tuple((f"histogram_quantile({q}, {rate})", f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))


def _rate(name: str, by: str) -> str:
    return f"sum by ({by}) (rate({name}[$__rate_interval]))"


def _grown(name: str) -> str:
    return f"increase({name}[$__range])"


SECTIONS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("Now", (
        Panel("In flight", "short", (("sum(glowplug_requests_in_flight)", ""),), "stat"),
        Panel("Waiting", "short", (("sum(glowplug_requests_waiting)", ""),), "stat"),
        Panel("Spent in range", "currencyUSD", (("sum(increase(glowplug_cost_dollars_total[$__range]))", ""),), "stat"),
        Panel("Ledger mismatches", "short", (("max(glowplug_ledger_mismatches)", ""),), "stat"),
    )),
    ("Requests", (
        Panel("Requests by status", "reqps", ((_rate("glowplug_requests_total", "code"), "{{code}}"),)),
        Panel("Requests by model", "reqps", ((_rate("glowplug_requests_total", "model"), "{{model}}"),)),
        Panel("Attempts by outcome", "reqps", ((_rate("glowplug_attempts_total", "outcome"), "{{outcome}}"),)),
        Panel("Fallbacks", "reqps", ((_rate("glowplug_fallbacks_total", "model, served"), "{{model}} → {{served}}"),)),
        Panel("Fallbacks in vain", "reqps", ((_rate("glowplug_fallbacks_failed_total", "model"), "{{model}}"),)),
        Panel("Left alone", "short", ((_grown("glowplug_rests_total"), "{{model}}"),)),
        Panel("Time to first byte", "s", _quantiles("glowplug_first_byte_seconds")),
        Panel("Whole requests", "s", _quantiles("glowplug_request_seconds")),
        Panel("Added by Glowplug", "s", _quantiles("glowplug_overhead_seconds")),
        Panel("Waited for an engine or a slot", "s", _quantiles("glowplug_wait_seconds")),
    )),
    ("Tokens and money", (
        Panel("Tokens", "short", ((_rate("glowplug_tokens_total", "kind"), "{{kind}}"),)),
        Panel("Tokens by model", "short", ((_rate("glowplug_tokens_total", "model"), "{{model}}"),)),
        Panel("Dollars a second", "currencyUSD", ((_rate("glowplug_cost_dollars_total", "model"), "{{model}}"),)),
        Panel("Left of budgets", "currencyUSD", (
            ('glowplug_budget_dollars{kind="left"}', "{{scope}} {{name}} {{window}}"),)),
        Panel("Held by open requests", "currencyUSD", (
            ('glowplug_budget_dollars{kind="reserved"}', "{{scope}} {{name}} {{window}}"),)),
    )),
    ("Engines and memory", (
        Panel("States", "short", (("glowplug_instance_state", "{{model}} {{state}}"),)),
        Panel("Memory", "bytes", (('glowplug_memory_bytes{kind=~"used|claimed|free"}', "{{device}} {{kind}}"),)),
        Panel("Claimed by models", "bytes", (("glowplug_claimed_bytes", "{{model}} on {{device}}"),)),
        Panel("Loads", "s", _quantiles("glowplug_load_seconds")),
        Panel("Starts and stops", "short", ((_grown("glowplug_instance_transitions_total"), "{{model}} {{state}}"),)),
        Panel("Why they ended", "short", ((_grown("glowplug_instance_stops_total"), "{{model}} {{reason}}"),)),
        Panel("Failures", "short", ((_grown("glowplug_instance_failures_total"), "{{model}} {{kind}}"),)),
        Panel("Power for requests", "watt", ((_rate("glowplug_energy_joules_total", "model"), "{{model}}"),)),
    )),
    ("Health", (
        Panel("Refused keys", "reqps", ((_rate("glowplug_auth_failures_total", "reason"), "{{reason}}"),)),
        Panel("Event loop late", "s", (("glowplug_loop_lag_seconds", "{{worker}}"),)),
        Panel("Journal not folded", "bytes", (("glowplug_journal_bytes", ""),)),
        Panel("Since the journal went to the disk", "s", (("glowplug_journal_sync_age_seconds", "{{worker}}"),)),
        Panel("Since the last fold", "s", (("glowplug_fold_age_seconds", ""),)),
    )),
)  # fmt: skip


def pages(_root: Path) -> dict[str, str]:
    """The files this makes."""
    return {PAGE: _page(), DASHBOARD: json.dumps(_dashboard(), indent=1, ensure_ascii=False) + "\n"}


def _page() -> str:
    out = [_INTRODUCTION]
    for title, rows in (
        ("Of the workers", METRICS),
        ("Of the control process", CONTROL_METRICS),
        ("Under LiteLLM's names", litellm_metrics.ROWS),
    ):
        out += [f"## {title}", "", "| name | type | what |", "|---|---|---|", *_rows(rows), ""]
    return "\n".join(out[:-1]) + "\n"


def _rows(rows: dict[str, Row]) -> list[str]:
    return [f"| `{name}` | {row.kind} | {row.help} |" for name, row in rows.items()]


def _dashboard() -> dict[str, object]:
    panels: list[dict[str, object]] = []
    top = 0
    for title, section in SECTIONS:
        panels.append({"type": "row", "title": title, "id": len(panels) + 1, "gridPos": _place(0, top, 24, 1)})
        top += 1
        wide = 6 if section[0].kind == "stat" else 8
        high = 4 if section[0].kind == "stat" else 8
        for number, panel in enumerate(section):
            column, line = number % (24 // wide), number // (24 // wide)
            place = _place(column * wide, top + line * high, wide, high)
            panels.append(_panel(panel, len(panels) + 1, place))
        top += high * -(-len(section) // (24 // wide))
    return {
        "title": "Glowplug", "uid": "glowplug", "schemaVersion": 39, "version": 1, "tags": ["glowplug"],
        "time": {"from": "now-6h", "to": "now"}, "refresh": "30s", "editable": True,
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }  # fmt: skip


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, object]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "type": panel.kind, "title": panel.title, "id": number, "gridPos": place, "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + index), "datasource": source, "expr": query, "legendFormat": legend or "__auto"}
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip
