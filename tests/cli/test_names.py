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
    def __init__(self, found: list[dict[str, Any]], query: dict[str, str] | None = None) -> None:
        self.found, self.query = found, query

    def rows(self, path: str, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
        if path == "/admin/keys":
            return [{"id": "key_1", "name": "laptop"}]
        assert path == "/admin/names"
        assert query == self.query
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


OLD = {
    "name": "gpt",
    "targets": ["chat-gpt-5-openai"],
    "since": 1_790_000_000,
    "requests": 1200,
    "last": 1_790_000_100.0,
    "uses": [
        {"key": "key_1", "user": "ann", "requests": 1199, "first": 1_790_000_050.0, "last": 1_790_000_100.0},
        {"key": "key_2", "user": "", "requests": 1, "first": 1_790_000_060.0, "last": 1_790_000_060.0},
    ],
}
QUIET = {**OLD, "name": "old", "requests": 0, "last": None, "uses": []}


def test_shows_who_uses_old_names(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.Session, "client", lambda _self: Client([OLD, QUIET], {"deprecated": "1"}))
    monkeypatch.setattr("time.time", lambda: 1_790_000_160.0)
    assert main(["names", "--deprecated"]) == 0
    told = capsys.readouterr()
    lines = [line.split() for line in told.out.splitlines()]
    assert lines[1] == [
        "gpt", "chat-gpt-5-openai", "2026-09-21", "laptop", "ann", "1,199", "1m50s", "ago", "1m", "ago",
    ]  # fmt: skip
    assert lines[2][3:6] == ["key_2", "-", "1"]
    assert lines[3] == ["old", "chat-gpt-5-openai", "2026-09-21", "nobody", "-", "0", "-", "-"]
    assert "nobody named old since" in told.err
    assert "nobody named gpt" not in told.err
    assert main(["names", "--deprecated", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"data": [OLD, QUIET]}


def test_says_when_no_name_is_deprecated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.Session, "client", lambda _self: Client([], {"deprecated": "1"}))
    assert main(["names", "--deprecated"]) == 0
    assert "no name is deprecated" in capsys.readouterr().err
