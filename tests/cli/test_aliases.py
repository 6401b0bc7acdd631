from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Glowplug, install
from tests.cli.fake_server import FakeServer, Running
from tests.cli.script import Script
from tests.cli.test_completion import completed


def test_script(script: Script) -> None:
    script.play("aliases")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    words = ("--fallback", "z", "--cold", "reject", "--set", "sticky=5m", "--set", "weights.a=2")
    said = glowplug("aliases", "set", "a/b c", "x", "y", *words, "--dry-run", "--json")
    assert said.document["settings"]["targets"] == ["x", "y"]
    settings = {"targets": ["x", "y"], "cold": "reject", "fallback": ["z"], "sticky": "5m", "weights": {"a": 2}}
    assert [seen for seen in server.seen if seen[0] in ("PATCH", "POST")] == [
        ("PATCH", "/admin/aliases/a%2Fb%20c?dry_run=1", settings),
        ("POST", "/admin/aliases?dry_run=1", {**settings, "name": "a/b c"}),
    ]


def test_without_any(glowplug: Glowplug, server: FakeServer) -> None:
    server.models = []
    assert "glowplug aliases set NAME MODEL" in glowplug("aliases").err
    assert glowplug("aliases", "--json").document == {"data": []}


def test_shells_complete_aliases_and_models(running: Running, tmp_path: Path) -> None:
    state = install(tmp_path / "state", running.url)
    assert completed("glowplug aliases set ch", state) == ["chat-default"]
    assert completed("glowplug aliases set chat-default chat-", state) == ["chat-a-llamacpp", "chat-cloud"]
    assert completed("glowplug aliases remove em", state) == ["embeddings-default"]
