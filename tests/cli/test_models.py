from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("models")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("models", "add", "m", "--engine", "llamacpp", "--path", "/m.gguf", "--set", "rpm=5", "--json")
    assert said.document["settings"] == {"engine": "llamacpp", "path": "/m.gguf", "rpm": 5}
    said = glowplug("models", "change", "chat-lab", "--set", "pinned=true", "--set", "rpm=null", "--json")
    assert said.document["settings"] == {"pinned": True, "rpm": None}
    assert glowplug("models", "change", "chat-lab").code == 2
    assert glowplug("models", "remove", "chat-lab", "--dry-run", "--json").document["dry_run"] is True
    assert [(method, path) for method, path, _ in server.seen] == [
        ("POST", "/admin/models"), ("PATCH", "/admin/models/chat-lab"),
        ("DELETE", "/admin/models/chat-lab?dry_run=1"),
    ]  # fmt: skip
