from __future__ import annotations

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer


def test_the_new_key_alone_goes_to_stdout(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("keys", "rotate", "laptop", "--overlap", "10m")
    assert (said.code, said.out) == (0, "sk-gp-newsecret\n")
    assert "good for 10m" in said.err
    assert server.seen[-1] == ("POST", "/admin/keys/key_1/rotate", {"overlap": 600.0})
    assert "would replace laptop" in glowplug("keys", "rotate", "laptop", "--dry-run").out
    assert server.seen[-1][1] == "/admin/keys/key_1/rotate?dry_run=1"


def test_only_what_is_given_is_changed(glowplug: Glowplug, server: FakeServer) -> None:
    told = glowplug(
        "keys",
        "update",
        "laptop",
        "--rpm",
        "0",
        "--models",
        "a,b",
        "--routes",
        "",
        "--tag",
        "x",
        "--user",
        "",
        "--no-end-users",
    )
    assert (told.code, told.out) == (0, "changed laptop (key_1)\n")
    asked = {"rpm": None, "models": ["a", "b"], "routes": [], "tags": ["x"], "user": "", "end_users": False}
    assert server.seen[-1] == ("PATCH", "/admin/keys/key_1", asked)
    assert glowplug("keys", "update", "laptop", "--expires", "30d", "--dry-run").out == "would change laptop (key_1)\n"
    assert server.seen[-1][2] == {"expires_in": 2_592_000.0}


def test_block_and_unblock(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("keys", "block", "laptop").out == "blocked laptop (key_1)\n"
    assert glowplug("keys", "unblock", "key_1").out == "unblocked laptop (key_1)\n"
    assert [body for method, _, body in server.seen if method == "PATCH"] == [{"blocked": True}, {"blocked": False}]
