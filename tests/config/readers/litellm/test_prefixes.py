"""The table names what exists, on both sides."""

from __future__ import annotations

import pytest

from glowplug.config.readers.litellm.prefixes import KNOWN, PREFIXES, split
from glowplug.domain.model import Capability
from glowplug.engines.registry import ENGINES
from glowplug.providers.catalogue import PROVIDERS


def test_rows_engines_and_endpoints_exist() -> None:
    for prefix in PREFIXES.values():
        assert not prefix.row or prefix.row in PROVIDERS, prefix
        assert not prefix.engine or prefix.engine in ENGINES, prefix
        assert set(prefix.only) <= {item.value for item in Capability}, prefix


def test_every_row_of_the_catalogue_that_litellm_knows_can_be_reached() -> None:
    others = set(PROVIDERS) - {prefix.row for prefix in PREFIXES.values()}
    # The first by its address; LiteLLM's names of the others want credentials that the rows cannot use.
    assert others == {"ollama-cloud", "vertex", "bedrock-mantle"}


@pytest.mark.parametrize(
    ("model", "given", "found"),
    [
        ("openai/gpt-4o", "", ("openai", "gpt-4o")),
        ("groq/openai/gpt-oss-20b", "", ("groq", "openai/gpt-oss-20b")),
        ("gpt-4o", "", ("openai", "gpt-4o")),
        ("claude-3-5-sonnet", "", ("anthropic", "claude-3-5-sonnet")),
        ("meta-llama/Llama-3", "", ("", "meta-llama/Llama-3")),
        ("meta-llama/Llama-3", "hosted_vllm", ("hosted_vllm", "meta-llama/Llama-3")),
        ("hosted_vllm/meta/Llama", "hosted_vllm", ("hosted_vllm", "meta/Llama")),
        ("databricks/dbrx", "", ("databricks", "dbrx")),
        ("*", "", ("", "*")),
    ],
)
def test_whose_model_it_is(model: str, given: str, found: tuple[str, str]) -> None:
    assert split(model, given) == found


def test_all_prefixes_are_known() -> None:
    assert set(PREFIXES) <= KNOWN
