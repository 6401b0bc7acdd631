from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("changes")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("changes", "--noun", "key", "-n", "5", "--json").code == 0
    assert server.seen[-1][1] == "/admin/changes?limit=5&noun=key"
