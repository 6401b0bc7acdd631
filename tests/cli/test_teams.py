from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("teams")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("teams", "add", "web", "ann", "--manager").code == 0
    assert glowplug("teams", "create", "ops", "--models", "a, b").code == 0
    assert server.seen[-2:] == [
        ("PUT", "/admin/teams/web/members", {"user": "ann", "manager": True}),
        ("POST", "/admin/teams", {"id": "ops", "name": "", "models": ["a", "b"]}),
    ]
