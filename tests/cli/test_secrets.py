from __future__ import annotations

import pytest

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("secrets")


def test_where_the_value_comes_from(glowplug: Glowplug, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", "sk-env")
    assert glowplug("secrets", "set", "lab", "--from-env", "LAB_KEY").code == 0
    assert glowplug("secrets", "set", "lab", "--dry-run", stdin="sk-stdin\n").code == 0
    puts = [(path, body) for method, path, body in server.seen if method == "PUT"]
    assert puts == [
        ("/admin/credentials", {"name": "lab", "value": "sk-env"}),
        ("/admin/credentials?dry_run=1", {"name": "lab", "value": "sk-stdin"}),
    ]


def test_without_any_it_says_how_to_store_one(glowplug: Glowplug, server: FakeServer) -> None:
    server.credentials = []
    assert "glowplug secrets set NAME" in glowplug("secrets", "list").err
