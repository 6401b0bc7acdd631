from __future__ import annotations

import pytest

from glowplug.providers.catalogue import PROVIDERS
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in PROVIDERS.values():
        for name in row.variables:
            monkeypatch.delenv(name, raising=False)


def test_every_provider_is_a_line_without_its_key(glowplug: Glowplug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "sk-secret")
    said = glowplug("providers")
    lines = {line.split()[0]: line for line in said.out.splitlines()}
    assert list(lines)[1:] == list(PROVIDERS)
    assert "set (GOOGLE_API_KEY)" in lines["gemini"] and "chat, embeddings" in lines["gemini"]
    assert "GROQ_API_KEY not set" in lines["groq"]
    assert "sk-secret" not in said.out + said.err


def test_the_same_as_json(glowplug: Glowplug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-secret")
    said = glowplug("providers", "--json")
    rows = {row["name"]: row for row in said.document["data"]}
    assert (rows["azure"]["key_set"], rows["openai"]["key_set"]) == (True, False)
    assert rows["azure"]["settings"] == ["resource"]
    assert rows["deepseek"]["quirks"] == list(PROVIDERS["deepseek"].quirks)
    assert "sk-secret" not in said.out


def test_those_that_the_server_uses(glowplug: Glowplug, server: FakeServer) -> None:
    lines = [line.split() for line in glowplug("providers", "list").out.splitlines()]
    assert lines[1:] == [
        ["openai", "file", "-", "chat-cloud"], ["lab", "managed", "http://10.0.0.2:8000/v1", "-"],
    ]  # fmt: skip
    assert [row["name"] for row in glowplug("providers", "list", "--json").document["data"]] == ["openai", "lab"]
    server.providers = []
    assert "glowplug providers add NAME" in glowplug("providers", "list").err


def test_adding_one(glowplug: Glowplug, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    url = ("--base-url", "http://10.0.0.3:8000/v1")
    assert glowplug("providers", "add", "b", *url, "--from-env", "MY_KEY", "--dry-run").out == "b: would be added\n"
    said = glowplug("providers", "add", "b", *url, "--ask-key", stdin="sk-other\n")
    assert said.out == "b: added\n"
    assert glowplug("providers", "add", "groq", "--secret", "mine", "--set", "headers.x-org=a").code == 0
    where = {"base_url": "http://10.0.0.3:8000/v1", "name": "b"}
    assert server.seen == [
        ("POST", "/admin/providers?dry_run=1", {**where, "api_key": "sk-secret"}),
        ("POST", "/admin/providers", {**where, "api_key": "sk-other"}),
        ("POST", "/admin/providers", {"name": "groq", "api_key": "secret:mine", "headers": {"x-org": "a"}}),
    ]


def test_mistakes_and_removing(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("providers", "add", "b", "--secret", "x", "--ask-key").code == 2
    assert "is not set" in glowplug("providers", "add", "b", "--from-env", "NOT_SET_ANYWHERE").err
    assert server.seen == []
    assert glowplug("providers", "remove", "lab").out == "lab: removed\n"
    assert glowplug("providers", "remove", "nobody").code == 1


def test_one_that_was_added_is_changed(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("providers", "change", "lab", "--set", "first_byte_timeout=10m", "--set", "quirks=null", "--json")
    assert said.document["settings"] == {"first_byte_timeout": "10m", "quirks": None}
    assert server.seen[-1][:2] == ("PATCH", "/admin/providers/lab")
    assert glowplug("providers", "change", "lab").code == 2
