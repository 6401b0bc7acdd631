from __future__ import annotations

import pytest

from glowplug.providers.catalogue import PROVIDERS
from tests.cli.conftest import Glowplug


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
