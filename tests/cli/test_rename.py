from __future__ import annotations

from typing import Any

import pytest

from glowplug.cli import command
from glowplug.cli.main import main


class Client:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def call(self, *asked: Any, query: Any = None) -> dict[str, Any]:
        self.asked.append((*asked, query))
        return {"files": ["/c.yaml"], "rows": {"api_keys": 2}}


def test_says_what_was_changed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    monkeypatch.setattr(command.Session, "client", lambda _self: client)
    assert main(["rename", "a", "b"]) == 0
    assert main(["rename", "a", "b", "--dry-run"]) == 0
    assert [one[3] for one in client.asked] == [None, {"dry_run": "1"}]
    assert client.asked[0][2] == {"old": "a", "new": "b"}
    told = capsys.readouterr()
    assert "a: is now b" in told.out
    assert "a: would be b" in told.out
    assert "2 in api_keys" in told.err
