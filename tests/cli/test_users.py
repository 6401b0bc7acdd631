from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("users")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("users", "update", "a b", "--models", "").code == 0
    assert glowplug("users", "delete", "ann", "--with-keys", "--dry-run").code == 0
    assert server.seen[-2:] == [
        ("PATCH", "/admin/users/a%20b", {"models": []}),
        ("DELETE", "/admin/users/ann?dry_run=1&with_keys=1", None),
    ]
