from __future__ import annotations

from glowplug.cli.invitations import cells
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("invitations")


def test_what_is_asked(glowplug: Glowplug, server: FakeServer) -> None:
    glowplug("invitations", "create", "Ann", "--role", "admin")
    glowplug("invitations", "create", "--reset", "ann@x")
    posts = [body for method, _, body in server.seen if method == "POST"]
    assert posts == [{"name": "Ann", "role": "admin"}, {"user": "ann@x"}]


def test_a_used_one_says_when() -> None:
    row = {"id": "i", "user": "u1", "name": "", "role": "admin", "expires_at": 50.0, "used_at": 40.0, "created_at": 1.0}
    assert cells(row, 100.0)[1:] == ["a new password of u1", "admin", "1m39s ago", "used 1m ago"]
