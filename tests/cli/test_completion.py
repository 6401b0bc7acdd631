from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import process
from tests.cli.conftest import Glowplug, install
from tests.cli.fake_server import Running


def completed(line: str, state: Path) -> list[str]:
    words = line.split(" ")
    shell = process(state=state, _GLOWPLUG_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    out, err = shell.communicate(timeout=20)
    assert err == ""
    return [entry.partition(",")[2] for entry in out.splitlines() if entry]


def test_shells_complete_verbs_options_and_models(running: Running, tmp_path: Path) -> None:
    state = install(tmp_path / "state", running.url)
    assert completed("glowplug st", state) == ["start", "stop"]
    assert completed("glowplug keys cr", state) == ["create"]
    assert completed("glowplug ps --a", state) == ["--all"]
    assert completed("glowplug run chat-d", state) == ["chat-default"]
    assert completed("glowplug stop chat-", state) == ["chat-a-llamacpp", "chat-b-llamacpp", "chat-c-llamacpp"]
    assert completed("glowplug stop chat-", tmp_path / "none") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, glowplug: Glowplug) -> None:
    said = glowplug("completion", shell)
    assert said.code == 0
    assert f"_GLOWPLUG_COMPLETE={shell}_complete" in said.out
