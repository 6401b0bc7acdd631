from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("route")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"model": "other", "messages": []}')
    options = ["--file", str(file), "--tags", "a, b", "--for-key", "laptop", "--kind", "messages", "--session", "s"]
    said = glowplug("route", "explain", "chat-default", *options, "--header", "X-Glowplug-Cold: reject", "--json")
    assert said.code == 0
    assert said.document["because"].startswith("First: chat-cloud")
    assert glowplug("route", "explain", "chat-default", "--tokens", "50").code == 0
    assert [body for _, path, body in server.seen if path == "/admin/route"] == [
        {"model": "chat-default", "kind": "messages", "key": "laptop", "session": "s", "tags": ["a", "b"],
         "headers": {"x-glowplug-cold": "reject"}, "request": {"model": "other", "messages": []}},
        {"model": "chat-default", "kind": "/v1/chat/completions", "key": "", "session": "", "tags": [], "headers": {},
         "input_tokens": 50},
    ]  # fmt: skip


def test_mistakes(glowplug: Glowplug, server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    for text, says in (("{", "is not JSON"), ("[1]", "is not a JSON object")):
        file.write_text(text)
        said = glowplug("route", "explain", "m", "--file", str(file))
        assert (said.code, says in said.err) == (1, True), said
    file.write_text(json.dumps({}))
    assert glowplug("route", "explain", "m", "--file", str(file), "--tokens", "5").code == 2
    assert glowplug("route", "explain", "m", "--header", "cold").code == 2
    assert server.seen == []
