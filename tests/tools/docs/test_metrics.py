"""The page, the dashboard and the alert rules speak of metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ruamel.yaml import YAML
from tools.docs.metrics import DASHBOARD, PAGE, pages

from glowplug.control.metrics import CONTROL_METRICS
from glowplug.gateway.metrics import METRICS
from glowplug.wire.exposition import Row
from glowplug.wire.litellm_metrics import ROWS

ROOT = Path(__file__).parents[3]
EVERY: dict[str, Row] = {**METRICS, **CONTROL_METRICS}


def _named(query: str) -> set[str]:
    """The families a query names, without the suffixes of histograms."""
    found = set(re.findall(r"glowplug_[a-z_]+", query))
    return {name if name in EVERY else re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def test_the_page_lists_every_metric_once() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", pages(ROOT)[PAGE], flags=re.MULTILINE)
    assert sorted(listed) == sorted((name, row.kind) for name, row in {**EVERY, **ROWS}.items())


def test_the_dashboard_asks_for_what_is_there() -> None:
    dashboard = json.loads(pages(ROOT)[DASHBOARD])
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 20
    for query in queries:
        assert _named(query) <= set(EVERY), query
        assert query.count("(") == query.count(")")
    counters = {name for name, row in EVERY.items() if row.kind == "counter"}
    for query in queries:
        if _named(query) & counters:
            assert "rate(" in query or "increase(" in query, f"a counter by itself says nothing: {query}"


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(pages(ROOT)[DASHBOARD])["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_alerts_ask_for_what_is_there_and_say_what_to_do() -> None:
    (group,) = YAML(typ="safe").load((ROOT / "contrib/prometheus/alerts.yaml").read_text())["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 10
    for rule in group["rules"]:
        assert _named(rule["expr"]) <= set(EVERY), rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["labels"]["severity"] in ("page", "warn")
        assert set(rule["annotations"]) == {"summary", "action"}
