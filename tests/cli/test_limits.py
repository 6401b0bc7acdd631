from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("limits")


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("limits", "delete", "--user", "ann b", "--dry-run").code == 0
    assert glowplug("limits", "delete").code == 0
    asked = [path for method, path, _ in server.seen if method == "DELETE"]
    assert asked == ["/admin/limits?scope=user&name=ann+b&dry_run=1", "/admin/limits?scope=all&name="]
