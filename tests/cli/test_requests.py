from __future__ import annotations

import json

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("requests")


def test_what_is_asked_for_is_narrowed(glowplug: Glowplug, server: FakeServer) -> None:
    said = json.loads(glowplug("requests", "--limit", "1", "--team", "web", "--asked", "a b", "--json").out)
    assert [row["request"] for row in said["data"]] == ["req_1"]
    asked = next(path for _, path, _ in server.seen if path.startswith("/admin/requests"))
    assert asked == "/admin/requests?limit=1&team=web&asked=a+b"
    glowplug("requests", "--for-key", "k", "--model", "m", "--tag", "t", "--status", "429", "--outcome", "failed")
    glowplug("requests", "--id", "req_0123", "--since", "2026-01-31", "--until", "2026-02-01")
    first, then = [path for _, path, _ in server.seen if path.startswith("/admin/requests")][1:]
    assert first == "/admin/requests?limit=20&key=k&model=m&tag=t&outcome=failed&status=429"
    assert then == "/admin/requests?limit=20&id=req_0123&since=2026-01-31&until=2026-02-01"
    server.requests = []
    assert "nothing was asked" in glowplug("requests").err
    assert "no request is like this" in glowplug("requests", "--tag", "t").err


def test_one_as_json(glowplug: Glowplug, server: FakeServer) -> None:
    assert server.requests
    said = glowplug("requests", "req_1", "--json")
    assert json.loads(said.out)["request"] == "req_1", said


def test_bodies_as_json(glowplug: Glowplug, server: FakeServer) -> None:
    said = json.loads(glowplug("requests", "req_1", "--bodies", "--json").out)
    assert (said["request"], said["bodies"]["status"]) == ("req_1", 200)
    assert json.loads(said["bodies"]["sent"]) == {"model": "chat-default", "messages": []}


def test_without_the_option_bodies_are_not_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    glowplug("requests", "req_1")
    assert not [path for _, path, _ in server.seen if path.endswith("/bodies")]


def test_one_with_energy(glowplug: Glowplug, server: FakeServer) -> None:
    assert "ENERGY" not in glowplug("requests", "req_1").out
    server.requests[0]["attempts"][-1]["energy_mj"] = 100_000
    out = glowplug("requests", "req_1").out
    assert "ENERGY" in out and "27.8 mWh" in out


def test_one_is_ended(glowplug: Glowplug, server: FakeServer) -> None:
    assert "req_1 is ended" in glowplug("requests", "req_1", "--cancel").err
    assert json.loads(glowplug("requests", "req_1", "--cancel", "--json").out) == {"request": "req_1", "calls": 1}
    assert [path for method, path, _ in server.seen if method == "POST"] == ["/admin/requests/req_1/cancel"] * 2
    assert glowplug("requests", "--cancel").code == glowplug("requests", "r", "--cancel", "--bodies").code == 2
