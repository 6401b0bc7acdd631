from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("budgets")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("budgets", "create", "5/5h", "--tag", "x").code == 0
    assert glowplug("budgets", "create", "5/5h", "--for-key", "key_1", "--dry-run").code == 0
    asked = [(path, body) for method, path, body in server.seen if method == "POST"]
    assert asked == [
        ("/admin/budgets", {"budget": "5/5h", "scope": "tag", "name": "x"}),
        ("/admin/budgets?dry_run=1", {"budget": "5/5h", "scope": "key", "name": "key_1"}),
    ]


def test_an_empty_list_says_what_would_fill_it(glowplug: Glowplug, server: FakeServer) -> None:
    server.budgets.clear()
    server.limits.clear()
    assert "glowplug budgets create" in glowplug("budgets", "list").err
    assert "glowplug limits set" in glowplug("limits", "list").err
