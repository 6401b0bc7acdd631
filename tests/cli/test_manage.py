from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("manage")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("manage", "create", "web", "ci", "--mine", "--models", "a, b", "--rpm", "5").code == 0
    assert glowplug("manage", "create", "web", "ci", "--user", "bob").code == 0
    assert glowplug("manage", "usage", "web", "--by", "user", "--since", "all").code == 0
    assert glowplug("manage", "block", "web", "laptop").code == 0
    asked = {"name": "ci", "mine": True, "rpm": 5, "models": ["a", "b"]}
    assert server.seen[0] == ("POST", "/admin/me/teams/web/keys", asked)
    assert server.seen[1] == ("POST", "/admin/me/teams/web/keys", {"name": "ci", "user": "bob"})
    assert ("PATCH", "/admin/me/teams/web/keys/key_1", {"blocked": True}) in server.seen
    assert next(path for _, path, _ in server.seen if "usage" in path).startswith("/admin/me/teams/web/usage?by=user")


def test_a_team_without_keys(glowplug: Glowplug, server: FakeServer) -> None:
    server.keys = []
    said = glowplug("manage", "show", "web")
    assert said.code == 0 and "it has no keys" in said.err
    assert '"team"' in glowplug("manage", "show", "web", "--json").out
