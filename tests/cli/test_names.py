from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.cli import command
from glowplug.cli.main import main

ROW = {
    "name": "gpt",
    "proposed": "chat-gpt-5-openai",
    "why": "does not begin with a type",
    "command": "glowplug rename gpt chat-gpt-5-openai",
}


class Client:
    def __init__(self, found: list[dict[str, Any]]) -> None:
        self.found = found

    def rows(self, path: str) -> list[dict[str, Any]]:
        assert path == "/admin/names"
        return self.found


def test_says_what_to_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.Session, "client", lambda _self: Client([ROW]))
    assert main(["names"]) == 0
    told = capsys.readouterr()
    assert "does not begin with a type" in told.out
    assert "glowplug rename gpt chat-gpt-5-openai" in told.err
    assert main(["names", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"data": [ROW]}


def test_says_when_every_name_follows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.Session, "client", lambda _self: Client([]))
    assert main(["names"]) == 0
    assert "every name follows" in capsys.readouterr().err
