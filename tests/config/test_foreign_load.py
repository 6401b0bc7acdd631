"""Running on somebody else's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.foreign_load import ForeignFile, Kind
from glowplug.config.load import Loaded
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.providers.catalogue import PROVIDERS

MODELS = """
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_base: "http://127.0.0.1:9/v1", api_key: sk-in-the-file}
"""


def loaded(path: Path, kind: Kind = Kind.LITELLM, **env: str) -> Loaded:
    return ForeignFile(kind)(path, env=env, engines=Catalogue(), providers=PROVIDERS)


def test_a_file_is_run_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "include: [more.yaml]\ngeneral_settings: {master_key: sk-0123456789abcdef, database_url: postgres://x/y}\n"
    )
    (tmp_path / "more.yaml").write_text(MODELS)
    found = loaded(path)
    assert [alias.name for alias in found.aliases] == ["gpt"]
    assert set(found.files) == {path, tmp_path / "more.yaml"}
    assert found.secret_uses() == {}
    assert found.admin_key is not None
    assert found.admin_key.reveal() == "sk-0123456789abcdef"
    assert any("database of this file is not used" in str(warning) for warning in found.warnings)
    assert "sk-" not in repr(found) + "".join(map(str, found.warnings)) + str(found.shown())


@pytest.mark.parametrize("key", ["sk-1234", "sk-aaaaaaaaaaaaaaaaaaaaa", "os.environ/NOT_SET_ANYWHERE"])
def test_a_master_key_that_anybody_could_guess_is_not_taken(key: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{MODELS}\ngeneral_settings: {{master_key: {key}}}\n")
    found = loaded(path)
    assert found.admin_key is None
    if "environ" not in key:
        assert any("too easy to guess" in str(warning) for warning in found.warnings)


def test_the_master_key_of_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(MODELS)
    assert loaded(path).admin_key is None
    assert loaded(path, LITELLM_MASTER_KEY="sk-0123456789abcdef").admin_key


def test_llama_swap(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("models:\n  qwen:\n    cmd: llama-server --port ${PORT} -m /models/qwen.gguf\n")
    found = loaded(path, Kind.LLAMA_SWAP)
    assert len(found.local_models) == 1


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(ConfigError, match="there is no file"):
        loaded(path)
    with pytest.raises(ConfigError, match="Is a directory"):
        loaded(tmp_path)
    path.write_bytes(b"\x7fELF\x00\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        loaded(path)
    path.write_text("model_list:\n  - model_name: [a\n")
    with pytest.raises(ConfigError, match="line 3"):
        loaded(path)
    path.write_text("include: [gone.yaml]\n")
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        loaded(path)
    path.write_text("a" * (5 << 20))
    with pytest.raises(ConfigError, match="longer than"):
        loaded(path)
