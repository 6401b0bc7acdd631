"""An import by the command, from beginning to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.cli.main import main
from tests.moving.conftest import Seeding

FILE = """
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_command_imports_and_does_it_again(
    kind: str, seeding: Seeding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    seeded = seeding("1.82", "everything")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("THEIRS", seeded.url.reveal())
    (tmp_path / "theirs.yaml").write_text(FILE)
    start = ""
    if kind == "postgresql":
        start = f"server:\n  database: {seeded.server.url(seeded.server.empty())}\n"
        (tmp_path / "ours.yaml").write_text(start)
    files = []
    for number, key in enumerate(seeded.planted.keys):
        (tmp_path / f"key{number}").write_text(key.reveal() + "\n")
        files += ["--salt-key-file" if number == 0 else "--previous-key-file", str(tmp_path / f"key{number}")]
    words = [
        "import", "litellm", "--config", str(tmp_path / "theirs.yaml"), "--database", "env:THEIRS", *files,
        "--into", str(tmp_path / "ours.yaml"), "--state-dir", str(tmp_path / "state"),
    ]  # fmt: skip

    def run(*more: str) -> dict[str, tuple[int, int, int]]:
        capfd.readouterr()
        assert main([*words, "--json", *more]) == 0, capfd.readouterr().err
        out = capfd.readouterr().out
        assert not [one for one in seeded.planted.keys if one.reveal() in out]
        return {one["noun"]: (one["found"], one["new"], one["here"]) for one in json.loads(out)["counts"]}

    planned = run("--dry-run")
    assert (tmp_path / "ours.yaml").exists() == bool(start)
    first = run()
    assert first["keys"][1] == planned["keys"][1] > 0
    assert "openai" in (tmp_path / "ours.yaml").read_text()
    assert (tmp_path / "ours.yaml").read_text().startswith(start)
    assert (tmp_path / "state" / "glowplug.db").exists() == (kind == "sqlite")
    ours = (tmp_path / "ours.yaml").read_bytes()
    looked = run("--dry-run")
    assert {noun: new for noun, (_, new, _) in looked.items() if new} == {}
    second = run()
    assert {noun: new for noun, (_, new, _) in second.items() if new} == {}
    assert (tmp_path / "ours.yaml").read_bytes() == ours
