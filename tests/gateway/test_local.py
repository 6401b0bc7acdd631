"""What a worker answers from memory."""

from __future__ import annotations

import re
from typing import Any

import pytest

from glowplug.gateway.metrics import METRICS, Histogram, Metrics
from tests.gateway.rig import KEY, KEYS, Rig, chat, cloud, key, local, snapshot, whole


def _get(rig: Rig, path: str, **more: Any) -> Any:
    return rig.ask(None, path=path, method=more.pop("method", "GET"), **more).answer


def test_models_by_key(rig: Rig) -> None:
    rig.apply(snapshot(keys=(*KEYS, key("sk-2", "two", models=("cloud", "both")))))
    every = [m["id"] for m in _get(rig, "/v1/models").json["data"]]
    assert every == ["cloud", "cloud2", "local", "both", "waits", "warms", "rejects", "only-rejects"]
    for _ in range(2):
        mine = _get(rig, "/models", token="sk-2").json
        assert [m["id"] for m in mine["data"]] == ["cloud", "both"]
    assert mine["data"][1]["targets"] == ["cloud", "cloud2"]
    assert _get(rig, "/v1/models", token=None).status == 401
    rig.apply(snapshot(models=(cloud("new"),), aliases=()))
    assert [m["id"] for m in _get(rig, "/v1/models").json["data"]] == ["new"]


@pytest.mark.parametrize(("path", "name"), [
    ("cloud", "cloud"), ("a%2Fb", "a/b"), ("a/b", "a/b"), ("l%C3%A9", "lé"), ("x%3A8b?y=1", "x:8b"),
])  # fmt: skip
def test_one_model(rig: Rig, path: str, name: str) -> None:
    rig.apply(snapshot(models=tuple(cloud(n) for n in ("cloud", "a/b", "lé", "x:8b")), aliases=()))
    answer = _get(rig, f"/v1/models/{path}")
    assert (answer.status, answer.json["id"]) == (200, name)


def test_a_model_that_is_not_there_or_not_allowed(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "k", models=("cloud",)),)))
    for name in ("cloud2", "nobody", "%FF", "cloud/"):
        answer = _get(rig, f"/v1/models/{name}")
        assert (answer.status, answer.code) == (404, "model_not_found")
    assert _get(rig, "/v1/models", method="DELETE").status == 400


def test_health(rig: Rig) -> None:
    assert _get(rig, "/health/live", token=None).json == {"status": "live"}
    ready = _get(rig, "/health/ready", token=None)
    assert (ready.status, ready.json["status"], ready.json["revision"]) == (200, "ready", 1)
    rig.plane.draining = True
    assert _get(rig, "/health/ready", token=None).json["status"] == "draining"
    rig.plane.draining = False
    rig.plane.tables.snapshot = snapshot(revision=-1)
    ready = _get(rig, "/health/ready", token=None)
    assert (ready.status, ready.json["status"]) == (503, "starting")


def test_metrics_are_parsable(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud('odd"\\\nname'), local("local"))))
    rig.ask(chat('odd"\\\nname'))
    rig.reply(whole())
    rig.ask(chat("local"))
    assert _get(rig, "/metrics", token=None).status == 401
    text = _get(rig, "/metrics").body.decode()
    line = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+')
    for each in text.splitlines():
        assert each.startswith(("# HELP ", "# TYPE ")) or line.fullmatch(each), each
    assert 'glowplug_attempts_total{model="odd\\"\\\\\\nname",outcome="ok"} 1' in text
    assert 'glowplug_requests_waiting{model="local"} 1' in text
    assert set(METRICS) == set(re.findall(r"# TYPE (\w+)", text))


def test_leases_of_two_instances_of_a_model_are_added(rig: Rig) -> None:
    rig.grant("local", "i1")
    rig.ask(chat("local"))
    rig.plane.grants.revoke("i1")
    rig.grant("local", "i2")
    rig.ask(chat("local"))
    assert rig.plane.gauges()["glowplug_leases"] == {"local": 2.0}


def test_histogram() -> None:
    histogram = Histogram()
    for value in (0.0005, 0.001, 0.3, 1e9):
        histogram.observe(value)
    lines = histogram.lines("x")
    assert lines[0] == 'x_bucket{le="0.001"} 2'
    assert lines[-3] == 'x_bucket{le="+Inf"} 4'
    assert lines[-1] == "x_count 4"
    assert b"glowplug_tokens_total" in Metrics().render({})
