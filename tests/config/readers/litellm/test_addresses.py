"""Base URLs as people write them."""

from __future__ import annotations

import pytest

from glowplug.config.readers.litellm.addresses import base_url, called
from glowplug.config.readers.litellm.prefixes import PREFIXES, Prefix


@pytest.mark.parametrize(
    ("prefix", "given", "url"),
    [
        ("openai", "http://10.0.0.5:8000/v1/", "http://10.0.0.5:8000/v1"),
        ("openai", "http://h:8000/v1/chat/completions", "http://h:8000/v1"),
        ("azure", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1"),
        ("azure", "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
         "https://x.openai.azure.com/openai/v1"),
        ("azure_ai", "https://x.services.ai.azure.com/models", "https://x.services.ai.azure.com/openai/v1"),
        ("anthropic", "https://proxy.example", "https://proxy.example/v1"),
        ("anthropic", "https://proxy.example/v1/messages", "https://proxy.example/v1"),
        ("ollama_chat", "http://localhost:11434/", "http://localhost:11434/v1"),
        ("ollama_chat", "http://localhost:11434/api/chat", "http://localhost:11434/v1"),
        ("ollama_chat", "http://localhost:11434/v1", "http://localhost:11434/v1"),
    ],
)  # fmt: skip
def test_the_rest_of_an_address_is_put_there(prefix: str, given: str, url: str) -> None:
    assert base_url(PREFIXES[prefix], given)[:3] == (url, url, "")


@pytest.mark.parametrize("given", ["x", "ftp://h", "http://", "http://h:0", "http://ü", "http://[", "http://h/a b", ""])
def test_what_is_no_address(given: str) -> None:
    assert base_url(Prefix(name=""), given).why == "its address is no http:// or https:// URL"


def test_an_address_with_a_password_is_refused() -> None:
    assert base_url(Prefix(name=""), "http://u:p@h/v1").why == "its address carries a user or password"


@pytest.mark.parametrize(
    ("prefix", "value", "text"),
    [
        ("openai", "http://h/v1", "${BASE}"),
        ("openai", "http://h/v1/", "${BASE}"),
        ("azure", "https://x", "${BASE}/openai/v1"),
        ("azure", "https://x/", "${BASE}openai/v1"),
        ("ollama", "http://h:1/v1", "${BASE}"),
    ],
)
def test_a_variable_stays_one(prefix: str, value: str, text: str) -> None:
    found = base_url(PREFIXES[prefix], value, "BASE")
    assert (found.text, found.copied) == (text, False)
    assert found.text.replace("${BASE}", value).rstrip("/") == found.url


def test_a_variable_is_written_out_where_its_end_is_wrong() -> None:
    found = base_url(PREFIXES["openai"], "http://h/v1/chat/completions", "BASE")
    assert (found.text, found.copied) == ("http://h/v1", True)


def test_who_is_there_has_a_short_name() -> None:
    openai = PREFIXES["openai"]
    assert called(openai, "https://api.lab.example.org/v1", "x") == "lab-example-org"
    assert called(openai, "http://127.0.0.1:5005/v1", "x") == "local-5005"
    assert called(openai, "http://127.0.0.1:8080/v1", "x") == "llamacpp"
    assert called(openai, "http://192.168.1.2:5005/v1", "x") == "192-168-1-2-5005"
    assert called(PREFIXES["hosted_vllm"], "https://gpu.example/v1", "x") == "vllm"
    assert called(Prefix(name="novita"), "", "x") == "novita"
