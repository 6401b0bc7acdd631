from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.cli.main import VERBS
from tests.cli.commands import COMMANDS
from tests.cli.conftest import Glowplug, install
from tests.cli.fake_server import USER, FakeServer, Running
from tests.cli.script import FOLDER, matches, steps_of

MUTATING = {
    "keys rotate", "keys update", "keys block", "keys unblock", "users create", "users update", "users block",
    "users unblock", "users delete", "teams create", "teams update", "teams block", "teams unblock",
    "teams delete", "teams add", "teams remove", "start", "stop", "keys create", "keys revoke",
    "config reload", "lease", "budgets create", "budgets delete", "budgets reset", "limits set", "limits delete",
    "ledger rebuild", "secrets set", "secrets delete", "secrets rotate",
    "restore", "rename", "import litellm", "import llama-swap", "import ollama", "invitations create",
    "invitations revoke", "models add", "models change", "models remove", "aliases set", "aliases remove",
    "providers add", "providers change", "providers remove",
    "manage add", "manage remove", "manage create", "manage rotate",
    "manage block",
    "manage unblock", "manage revoke", "sessions end", "doctor", "systemd install", "systemd uninstall",
    "connect",
}  # fmt: skip


def test_every_change_can_be_tried_dry() -> None:
    dry = {name for name, command in COMMANDS if any(one.name == "dry_run" for one in command.params)}
    assert dry == MUTATING


@pytest.mark.parametrize(
    "words",
    [
        ["start", "chat-c-llamacpp"],
        ["stop", "chat-a-llamacpp"],
        ["keys", "create", "x"],
        ["keys", "revoke", "key_1"],
        ["ledger", "rebuild"],
        ["config", "reload"],
        ["lease", "1GiB"],
        ["lease", "--release", "lease_1"],
        ["budgets", "create", "20/month"],
        ["budgets", "delete", "budget_1"],
        ["budgets", "reset", "budget_1"],
        ["limits", "set", "--rpm", "5"],
        ["limits", "delete"],
        ["secrets", "set", "x", "--from-env", "HOME"],
        ["secrets", "delete", "x"],
        ["secrets", "rotate"],
        ["invitations", "create", "x"],
        ["invitations", "revoke", "i1"],
        ["models", "add", "x"],
        ["models", "change", "chat-lab", "--set", "pinned=true"],
        ["models", "remove", "chat-lab"],
        ["aliases", "set", "chat-default", "chat-cloud"],
        ["aliases", "remove", "chat-default"],
        ["providers", "add", "x"],
        ["providers", "remove", "lab"],
    ],
)
def test_a_dry_run_asks_for_one(words: list[str], glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug(*words, "--dry-run").code == 0
    posted = [path for method, path, _ in server.seen if method != "GET"]
    assert len(posted) == 1
    assert "dry_run=1" in posted[0]


def test_an_option_beats_the_environment_on_both_sides_of_the_verb(
    glowplug: Glowplug, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOWPLUG_STATE_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("GLOWPLUG_API_KEY", "sk-unknown")
    state = str(install(tmp_path / "state", running.url))
    assert glowplug("ps").code == 3
    assert glowplug("--state-dir", state, "ps").code == 4
    assert glowplug("--state-dir", state, "run", "chat-default", "hi", "--key", USER).code == 0
    assert glowplug("--key", USER, "run", "--state-dir", state, "chat-default", "hi").code == 0


def test_every_script_is_played_by_its_verb() -> None:
    names = {path.stem for path in FOLDER.glob("*.txt")}
    assert names <= set(VERBS)
    for name in names:
        assert f'script.play("{name}")' in (FOLDER / f"test_{name}.py").read_text()


def test_a_script_can_fail() -> None:
    (step,) = steps_of("$ glowplug ps\nready [..]\n2> a hint\n[3]\n")
    assert (step.out, step.err, step.code) == (["ready [..]"], ["a hint"], 3)
    assert matches(step.out, "ready 1\n")
    assert not matches(step.out, "ready 1\nand more\n")
    assert not matches(step.out, "steady 1\n")
