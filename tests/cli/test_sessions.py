from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("sessions")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert '"data"' in glowplug("sessions", "list", "--mine", "--json").out
    assert glowplug("sessions", "end", "--mine").code == 0
    assert glowplug("sessions", "end", "cd34").code == 0
    assert [one[:2] for one in server.seen] == [
        ("GET", "/admin/sessions?mine=1"), ("DELETE", "/admin/sessions?mine=1"), ("GET", "/admin/sessions"),
        ("DELETE", "/admin/sessions/" + "cd34" * 16),
    ]  # fmt: skip


def test_an_id_that_is_not_one(glowplug: Glowplug, server: FakeServer) -> None:
    server.sessions[1]["id"] = "ab99"
    said = glowplug("sessions", "end", "ab")
    assert said.code == 1 and "2 sessions begin with" in said.err
    server.sessions = []
    assert "nobody is logged in" in glowplug("sessions", "list").err
