"""`glowplug models discover` with real servers on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.cli import discovering
from glowplug.testing.fake_provider import FakeProvider
from glowplug.usecases import discover
from tests.cli.conftest import Glowplug


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "SERVERS", {})
    monkeypatch.setattr(discover, "OLLAMA_PORT", 1)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)


class Served:
    """A provider in a loop of its own thread."""

    def __init__(self, *models: str, key: str = "sk-up") -> None:
        import asyncio
        import threading

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.fake = FakeProvider(models=models, api_key=key)
        asyncio.run_coroutine_threadsafe(self.fake.__aenter__(), self._loop).result(10)

    def close(self) -> None:
        import asyncio

        asyncio.run_coroutine_threadsafe(self.fake.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def served() -> object:
    made = Served("big-1", "text-embed-2")
    yield made
    made.close()


def config(tmp_path: Path, port: int, *more: str, key: str = "sk-up") -> str:
    path = tmp_path / "config.yaml"
    provider = f"  up: {{base_url: 'http://127.0.0.1:{port}/v1', api_key: {key}}}"
    path.write_text("\n".join(("providers:", provider, *more)))
    return str(path)


def test_configured_providers_are_asked_with_their_key(glowplug: Glowplug, served: Served, tmp_path: Path) -> None:
    said = glowplug("models", "discover", "--config", config(tmp_path, served.fake.port))
    assert said.out.splitlines() == [
        "models:",
        "  chat-big-1-up: {provider: up, id: big-1}",
        "  embed-text-embed-2-up: {provider: up, id: text-embed-2, capabilities: [embeddings]}",
    ]
    assert (said.code, said.err) == (0, "")


def test_what_is_configured_is_left_out(glowplug: Glowplug, served: Served, tmp_path: Path) -> None:
    file = config(tmp_path, served.fake.port, "models:", "  mine: {provider: up, id: big-1}")
    document = glowplug("models", "discover", "up", "--config", file, "--json").document
    assert [row["id"] for row in document["data"]] == ["text-embed-2"]
    assert (document["providers"], document["problems"]) == ({}, [])


def test_a_key_that_is_refused_is_said_and_not_shown(glowplug: Glowplug, served: Served, tmp_path: Path) -> None:
    said = glowplug("models", "discover", "--config", config(tmp_path, served.fake.port, key="sk-wrong"))
    assert said.code == 0 and not said.out
    assert "up: " in said.err and "answered 401" in said.err and "sk-wrong" not in said.err


def test_who_listens_on_this_machine(glowplug: Glowplug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Served("loaded-1", key="")
    monkeypatch.setattr(discover, "SERVERS", {"lmstudio": made.fake.port, "vllm": 1})
    try:
        said = glowplug("models", "discover", "--folder", str(tmp_path))
    finally:
        made.close()
    assert said.out.splitlines() == [
        "providers:",
        f'  lmstudio: {{base_url: "http://127.0.0.1:{made.fake.port}/v1"}}',
        "models:",
        "  chat-loaded-1-lmstudio: {provider: lmstudio, id: loaded-1}",
    ]


def test_folders_and_an_unknown_provider(glowplug: Glowplug, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    said = glowplug("models", "discover", "--folder", str(tmp_path), "--json")
    assert said.document["data"] == [
        {"name": "chat-m-llamacpp", "engine": "llamacpp", "path": str(tmp_path / "m.gguf")}
    ]
    assert glowplug("models", "discover", "nobody").code != 0
    assert discovering.PATIENCE <= 10
