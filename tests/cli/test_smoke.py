"""`glowplug smoke`: what it says, how it ends, whom it asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from glowplug.smoke import asking
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer
from tests.smoke.test_run import Played, odd, said


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> Callable[[Played], list[tuple[str, str]]]:
    """Puts a played server where the command looks for one, and notes at which address and with which key."""
    at: list[tuple[str, str]] = []

    def put(played: Played) -> list[tuple[str, str]]:
        def make(url: str, key: str) -> Played:
            at.append((url, key))
            return played

        monkeypatch.setattr(asking, "HttpServer", make)
        return at

    return put


Put = Callable[[Played], list[tuple[str, str]]]


def test_a_table_and_a_last_line(glowplug: Glowplug, played: Put) -> None:
    at = played(Played())
    assert glowplug("smoke").code == 0
    assert [key for _, key in at] == [ADMIN]
    done = glowplug("smoke", "--all")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["SUBJECT", "CHECK", "FIRST", "TIME", "WHAT"]
    assert any("chat without chat-a" in line and " ok " in line for line in lines)
    assert "http://played: 12 ok" in done.err


def test_a_failure_ends_with_1_and_shows_the_log(glowplug: Glowplug, played: Put, tmp_path: Path) -> None:
    played(Played(odd("/v1/chat", said({"error": {"message": "no memory"}}, 503), "five words")))
    done = glowplug("smoke", "chat-a", "--junit", str(tmp_path / "smoke.xml"))
    assert done.code == 1
    assert "status 503: no memory" in done.out
    assert "chat-a: the end of its engine's log" in done.out and "  line 49" in done.out
    root = fromstring((tmp_path / "smoke.xml").read_bytes())
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert glowplug("smoke", "chat-a", "--junit", str(tmp_path / "no" / "x.xml")).code == 1


def test_json(glowplug: Glowplug, played: Put) -> None:
    played(Played())
    told: dict[str, Any] = json.loads(glowplug("smoke", "chat-b", "--json").out)
    assert told["failed"] is False and told["server"] == "http://played"
    assert [one["check"] for one in told["results"]] == ["chat", "streamed chat", "tools"]


def test_another_server(glowplug: Glowplug, played: Put) -> None:
    at = played(Played())
    done = glowplug("smoke", "--against", "http://other:4000/v1", "--key", "sk-1")
    assert done.code == 0 and at == [("http://other:4000/v1", "sk-1")]
    assert "the login" not in done.out and "chat-b" in done.out
    refused = glowplug("smoke", "--against", "http://other:4000", "--cold")
    assert refused.code == 1 and "--cold" in refused.err


def test_without_local_models_it_says_what_to_do(glowplug: Glowplug, played: Put) -> None:
    played(Played(lambda asked, key: said({"data": []}) if asked.path == "/v1/models" and key is None else None))
    done = glowplug("smoke")
    assert done.code == 0 and "--all asks those of providers" in done.err
    assert glowplug("smoke", "nobody").code == 1
