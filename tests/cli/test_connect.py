from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import USER as KEY
from tests.cli.fake_server import FakeServer, Running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no variables of a person's own clients."""
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "LLM_USER_PATH", "CONTINUE_GLOBAL_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def asked(server: FakeServer, path: str) -> list[str]:
    return [method for method, seen, _ in server.seen if seen.partition("?")[0] == path]


def test_without_a_client_all_are_listed_without_a_server(glowplug: Glowplug, home: Path) -> None:
    (home / ".claude").mkdir()
    said = glowplug("connect")
    assert said.code == 0 and "claude-code" in said.out and "~/.claude/settings.json" in said.out
    rows = {row["name"]: row for row in glowplug("connect", "--json").document["data"]}
    assert len(rows) == 16 and rows["claude-code"]["found"][-1] == str(home / ".claude")
    assert rows["codex"]["files"] == [str(home / ".codex/config.toml")] and not rows["codex"]["written"]


def test_what_a_client_needs_is_printed_and_nothing_is_changed(
    glowplug: Glowplug, server: FakeServer, home: Path
) -> None:
    said = glowplug("connect", "claude-code")
    assert said.code == 0 and '"ANTHROPIC_MODEL": "chat-default"' in said.out
    assert "YOUR_GLOWPLUG_KEY" in said.out and "--new-key makes one" in said.err
    assert not (home / ".claude").exists() and asked(server, "/admin/keys") == []
    by_hand = glowplug("connect", "home-assistant", "--key", KEY)
    assert f"API key: {KEY}" in by_hand.out and "# by hand" in by_hand.out
    document = glowplug("connect", "codex", "--model", "chat-a-llamacpp", "--json").document
    assert document["model"] == "chat-a-llamacpp" and document["texts"][0]["language"] == "toml"


def test_it_is_written_with_a_new_key_once_and_brought_back(glowplug: Glowplug, server: FakeServer, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"theme": "dark"}')
    said = glowplug("connect", "claude-code", "--new-key", "--write")
    assert said.code == 0 and "sk-gp-newsecret" not in said.out + said.err and "key_3" in said.err
    assert json.loads(settings.read_text())["env"]["ANTHROPIC_AUTH_TOKEN"] == "sk-gp-newsecret"
    assert settings.stat().st_mode & 0o777 == 0o600
    again = [glowplug("connect", "claude-code", "--key", KEY, "--write") for _ in range(2)]
    assert all(said.code == 0 and KEY not in said.out + said.err for said in again)
    assert "wrote" in again[0].out and "says so already" in again[1].out
    assert {row["name"] for row in glowplug("connect", "--json").document["data"] if row["written"]} == {"claude-code"}
    assert "would bring" in glowplug("connect", "claude-code", "--restore", "--dry-run").out
    assert glowplug("connect", "claude-code", "--restore").out == f"brought {settings} back\n"
    assert settings.read_text() == '{"theme": "dark"}'
    assert "nothing to bring back" in glowplug("connect", "claude-code", "--restore").err
    settings.unlink()
    assert glowplug("connect", "claude-code", "--key", KEY, "--write").code == 0
    assert "was not there before" in glowplug("connect", "claude-code", "--restore").out and not settings.exists()


def test_a_dry_run_makes_no_key_and_shows_none(glowplug: Glowplug, server: FakeServer, home: Path) -> None:
    said = glowplug("connect", "codex", "--new-key", "--dry-run")
    assert said.code == 0 and "would write" in said.out and "POST" not in asked(server, "/admin/keys")
    said = glowplug("connect", "codex", "--key", KEY, "--dry-run")
    assert KEY not in said.out + said.err and "+experimental_bearer_token" in said.out
    assert KEY in glowplug("connect", "codex", "--key", KEY, "--dry-run", "--show-key").out
    document = glowplug("connect", "codex", "--key", KEY, "--dry-run", "--json")
    assert KEY not in document.out and document.document["files"][0]["changed"]
    assert list(home.iterdir()) == []


def test_a_key_of_the_environment_is_not_given_away(
    glowplug: Glowplug, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOWPLUG_API_KEY", "sk-gp-admin")
    assert "sk-gp-admin" not in glowplug("connect", "claude-code").out
    said = glowplug("connect", "claude-code", "--write")
    assert said.code == 1 and "needs a key" in said.err
    assert KEY in glowplug("--key", KEY, "connect", "claude-code").out
    assert "may use the admin API" in glowplug("connect", "curl", "--key", "sk-gp-admin").err
    assert "may use the admin API" not in glowplug("connect", "curl", "--key", KEY).err


def test_what_cannot_be_is_refused_before_anything_is_done(glowplug: Glowplug, server: FakeServer, home: Path) -> None:
    assert "no settings file" in glowplug("connect", "cursor", "--write", "--new-key").err
    assert "leave one" in glowplug("connect", "codex", "--new-key", "--key", KEY).err
    assert "did you mean" in glowplug("connect", "claude-cod").err
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text("not toml")
    said = glowplug("connect", "codex", "--write", "--new-key")
    assert said.code == 1 and "was not changed" in said.err
    assert "POST" not in asked(server, "/admin/keys")


def test_a_server_that_does_not_answer_is_no_obstacle_when_all_is_said(glowplug: Glowplug, home: Path) -> None:
    url = "http://127.0.0.1:9"
    said = glowplug("connect", "curl", "--url", url, "--model", "m", "--key", KEY)
    assert said.code == 0 and f"{url}/v1/chat/completions" in said.out and "not looked up" in said.err
    assert glowplug("connect", "curl", "--url", url).code == 3


def test_zed_is_told_where_the_key_goes(glowplug: Glowplug, running: Running, server: FakeServer, home: Path) -> None:
    said = glowplug("connect", "zed", "--write")
    assert said.code == 0 and "GLOWPLUG_GATEWAY_API_KEY" in said.err
    assert running.url in (home / ".config/zed/settings.json").read_text()
