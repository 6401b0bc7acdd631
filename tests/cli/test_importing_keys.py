from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Glowplug

FILE = """
apiKeys: [sk-swap-0123456789, sk-short]
models:
  qwen: {cmd: "llama-server --port ${PORT} -m /models/qwen.gguf"}
"""


def test_keys_of_clients_are_kept_once_and_tried_before(glowplug: Glowplug, tmp_path: Path) -> None:
    swap = tmp_path / "swap.yaml"
    swap.write_text(FILE)
    state, into = str(tmp_path / "s"), str(tmp_path / "ours.yaml")
    words = ("import", "llama-swap", str(swap), "--state-dir", state, "--into", into)
    tried = glowplug(*words, "--dry-run")
    assert tried.code == 0 and "keys" in tried.out and "shorter than 16 characters" in tried.out, tried.err
    assert not (tmp_path / "s").exists() and not (tmp_path / "ours.yaml").exists()
    first = json.loads(glowplug(*words, "--json").out)
    assert (first["keys"]["new"], first["keys"]["there"], first["changed"]) == (1, 0, True)
    assert first["keys"]["admin_key"].startswith("sk-gp-")
    again = glowplug(*words, "--json")
    second = json.loads(again.out)
    assert (second["keys"]["new"], second["keys"]["there"], second["changed"]) == (0, 1, False)
    assert "sk-swap" not in tried.out + again.out


def test_while_a_server_runs_nothing_is_kept_and_it_is_said(
    glowplug: Glowplug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = tmp_path / "swap.yaml"
    swap.write_text(FILE)
    monkeypatch.setattr("glowplug.cli.client.is_running", lambda _paths: True)
    words = ("import", "llama-swap", str(swap), "--state-dir", str(tmp_path / "s"), "--into", str(tmp_path / "o.yaml"))
    told = json.loads(glowplug(*words, "--json").out)
    assert (told["keys"]["found"], told["keys"]["new"]) == (2, 0)
    assert any("a server runs" in note["why"] for note in told["notes"])
    assert not (tmp_path / "s" / "glowplug.db").exists()
