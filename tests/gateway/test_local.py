"""What a worker answers from memory."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.gateway import local
from tests.gateway.rig import KEY, KEYS, Rig, cloud, key, snapshot


def _get(rig: Rig, path: str, **more: Any) -> Any:
    return rig.ask(None, path=path, method=more.pop("method", "GET"), **more).answer


@pytest.mark.parametrize("prefix", ["/v1", "", "/v1/v1"])
def test_base_urls_with_and_without_v1(rig: Rig, prefix: str) -> None:
    assert _get(rig, f"{prefix}/models").json["object"] == "list"


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


def test_health_in_litellms_words(rig: Rig) -> None:
    for path in ("/health/liveliness", "/health/liveness"):
        assert _get(rig, path, token=None).json == "I'm alive!"
    ready = _get(rig, "/health/readiness", token=None)
    assert (ready.status, ready.json["status"], ready.json["db"]) == (200, "healthy", "Not connected")
    assert _get(rig, "/health", token=None).json == {"status": "live"}


def test_health_with_a_key_is_the_control_process(rig: Rig) -> None:
    headers = {b"authorization": f"Bearer {KEY}".encode()}
    assert local.serve(rig.plane, b"GET", b"/health", headers, b"") is None
    assert local.serve(rig.plane, b"GET", b"/health", {}, b"") is not None
