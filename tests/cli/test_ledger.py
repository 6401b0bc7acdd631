from __future__ import annotations

import json

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("ledger")


def test_what_does_not_fit_is_told_and_fails(glowplug: Glowplug, server: FakeServer) -> None:
    finding = {"kind": "sums", "what": "the sum of all is 1", "hint": "glowplug ledger rebuild"}
    server.checked |= {"ok": False, "problems": 3, "findings": [finding]}
    said = glowplug("ledger", "check")
    assert said.code == 1
    assert said.out.splitlines()[1:] == [
        "sums: the sum of all is 1", "  hint: glowplug ledger rebuild", "3 do not fit, the first 1 are above",
    ]  # fmt: skip
    said = glowplug("ledger", "check", "--json")
    assert (said.code, json.loads(said.out)["problems"]) == (1, 3)
