from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("keys")


def test_whose_it_is_and_what_it_may_use_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    limits = ("--tpm", "9", "--concurrency", "2", "--budget", "20/month")
    whose = ("--user", "ann", "--team", "web", "--tag", "x", "--tag", "y")
    assert glowplug("keys", "create", "n", *whose, *limits).code == 0
    (asked,) = [body for method, path, body in server.seen if (method, path) == ("POST", "/admin/keys")]
    assert (asked["user"], asked["team"], asked["tags"]) == ("ann", "web", ["x", "y"])
    assert (asked["tpm"], asked["concurrency"], asked["budget"]) == (9, 2, "20/month")


def test_rights_and_priority_are_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("keys", "create", "batch", "--rights", "start", "--priority", "-10").code == 0
    assert glowplug("keys", "create", "laptop").code == 0
    asked = [body for method, path, body in server.seen if (method, path) == ("POST", "/admin/keys")]
    assert [(body["rights"], body["priority"]) for body in asked] == [("start", -10), ("evict", 0)]
