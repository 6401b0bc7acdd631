"""What every row promises."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from glowplug.config.providers import PLACES
from glowplug.domain.model import Capability
from glowplug.domain.provider import KeySent, ProviderRow
from glowplug.providers.catalogue import PROVIDERS
from glowplug.wire.quirks import QUIRKS, STRIP

PRICED = frozenset(
    (
        "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq", "mistral",
        "moonshotai", "openai", "openrouter", "perplexity", "together", "x-ai", "zai",
    )
)  # fmt: skip
"""Those of genai-prices 0.2.3 that rows name."""

every_row = pytest.mark.parametrize("row", PROVIDERS.values(), ids=list(PROVIDERS))


@every_row
def test_a_row_can_be_used_as_it_is(row: ProviderRow) -> None:
    assert PROVIDERS[row.name] is row
    assert re.fullmatch(r"[a-z][a-z0-9-]*", row.name) and row.title
    url = row.url(dict.fromkeys(PLACES, "x-1"))
    parts = urlsplit(url)
    assert parts.scheme == "https" and parts.hostname and not parts.query and not url.endswith("/") and "{" not in url
    assert set(row.places) <= set(PLACES)
    assert row.variables and all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in row.variables)
    assert row.capabilities and len(set(row.capabilities)) == len(row.capabilities)
    assert not {"authorization", "x-api-key", "api-key", "host"} & {name.lower() for name in row.headers}
    assert row.docs.startswith("https://")
    assert row.prices in ("", *PRICED)


@every_row
def test_its_quirks_exist_and_belong_to_endpoints_it_has(row: ProviderRow) -> None:
    for name in row.quirks:
        assert set(QUIRKS[name].kinds) & {str(capability) for capability in row.capabilities}, name


@every_row
def test_only_anthropic_is_sent_the_line_of_claude_code(row: ProviderRow) -> None:
    speaks = Capability.MESSAGES in row.capabilities and row.name != "anthropic"
    assert (STRIP in row.quirks) is speaks


@every_row
def test_its_url_is_nobody_elses(row: ProviderRow) -> None:
    for url in (row.url(dict.fromkeys(PLACES, "x-1")), *row.also):
        assert [other.name for other in PROVIDERS.values() if other.is_at(url)] == [row.name]
        assert url.startswith("https://")


def test_the_ones_that_differ() -> None:
    assert PROVIDERS["anthropic"].key is KeySent.X_API_KEY
    assert PROVIDERS["azure"].key is KeySent.API_KEY
    assert (PROVIDERS["azure"].places, PROVIDERS["bedrock"].places) == (("resource",), ("region",))
