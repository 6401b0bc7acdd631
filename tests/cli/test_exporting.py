from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Glowplug

FILE = "providers:\n  groq: {api_key: secret:groq}\nmodels:\n  m: {provider: groq, id: x}\n"


def test_the_way_back(glowplug: Glowplug, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.yaml", tmp_path / "config.yaml"
    ours.write_text(FILE)
    said = glowplug("export", "litellm", "--config", str(ours))
    assert said.code == 0
    assert "model: groq/x" in said.out
    assert (
        glowplug("export", "litellm", "--config", str(ours), "-o", str(theirs)).out == f"wrote {theirs}, for LiteLLM\n"
    )
    assert theirs.read_text() == said.out
    assert glowplug("export", "litellm", "--config", str(ours), "-o", str(theirs)).code == 1
    assert glowplug("export", "litellm", "--config", str(ours), "--json").document["config"] == said.out


def test_a_file_that_is_wrong(glowplug: Glowplug, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("models: {m: {provider: nobody, id: x}}\n")
    assert glowplug("export", "litellm", "--config", str(tmp_path / "x.yaml")).code == 1
