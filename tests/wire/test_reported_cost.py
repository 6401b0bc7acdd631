from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire import reported_cost
from glowplug.wire.openai_values import Usage
from glowplug.wire.quirks import QUIRKS, says_cost
from glowplug.wire.reported_cost import Billed, billed, in_head, nano_of


@pytest.mark.parametrize(
    ("text", "exponent", "nano"),
    [
        ("0.95", 0, 950_000_000),
        ("0.00014", 0, 140_000),
        ("1.4e-05", 0, 14_000),
        ("1.4E-05", 0, 14_000),
        ("0", 0, 0),
        ("0.0000000001", 0, 1),
        ("37756000", -10, 3_775_600),
        ("37756001", -10, 3_775_601),
        ("9007199", 0, 9_007_199_000_000_000),
        ("9007200", 0, None),
        ("1e99", 0, None),
        ("-1", 0, None),
        ("", 0, None),
        ("null", 0, None),
        ("NaN", 0, None),
        ("1" * 21, -10, None),
        ('"1"', 0, None),
        ("{}", 0, None),
    ],
)
def test_numbers_of_dollars(text: str, exponent: int, nano: int | None) -> None:
    assert nano_of(text, exponent) == nano


@given(st.decimals(0, 1000, places=20))
def test_nothing_is_lost_to_binary_fractions(dollars: Decimal) -> None:
    assert nano_of(f"{dollars:f}") == int((dollars * 10**9).to_integral_value(ROUND_CEILING))


TOKENS = {"prompt_tokens": 194, "completion_tokens": 2, "total_tokens": 196}
READ = [
    (reported_cost.openrouter, {"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, 950_000_000),
    (reported_cost.openrouter, {"cost": 0}, 0),
    (reported_cost.openrouter, {"cost": None}, None),
    (reported_cost.openrouter, {"cost": {"total_cost": 1}}, None),
    (reported_cost.xai, {"cost_in_usd_ticks": 37756000}, 3_775_600),
    (reported_cost.xai, {"cost": 1}, None),
    (reported_cost.perplexity, {"cost": {"input_tokens_cost": 0.1, "total_cost": 0.006}}, 6_000_000),
    (reported_cost.perplexity, {"cost": {"input_tokens_cost": 0.1}}, None),
    (reported_cost.perplexity, {"cost": 0.5}, None),
]


@pytest.mark.parametrize(("read", "usage", "nano"), READ)
def test_each_is_read_where_its_provider_says_it(
    read: Callable[[bytes], int | None], usage: dict[str, Any], nano: int | None
) -> None:
    said = {"choices": [], "usage": {**TOKENS, **usage}}
    assert read(json.dumps(said).encode()) == nano
    assert read(json.dumps({"type": "response.completed", "response": said}).encode()) == nano


@pytest.mark.parametrize("data", [b"", b"{}", b'{"cost": 1}', b'{"usage": "cost"}', b'"cost', b'{"usage": ["cost"]}'])
def test_what_says_nothing(data: bytes) -> None:
    for row in QUIRKS.values():
        assert row.cost is None or row.cost(data) is None


@pytest.mark.parametrize(
    ("head", "nano"),
    [
        (b"HTTP/1.1 200 OK\r\nX-LiteLLM-Response-Cost: 1.25e-05\r\ncontent-length: 2", 12_500),
        (b"HTTP/1.1 200 OK\r\nx-litellm-response-cost:0.0 \r\n\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nx-litellm-response-cost: None\r\n", None),
        (b"HTTP/1.1 200 OK\r\nx-litellm-response-cost-original: 1\r\n", None),
        (b"", None),
    ],
)
def test_a_header_says_it(head: bytes, nano: int | None) -> None:
    assert in_head(head) == nano


def test_usage_keeps_what_it_says_beside_its_cost() -> None:
    usage = Usage(10, 3)
    assert billed(usage, None) is usage
    assert billed(None, 5) is None
    assert billed(usage, 0) == Billed(10, 3, None, None, 0)


def test_which_upstreams_say_it() -> None:
    assert says_cost(("max-tokens", "xai-cost")) and says_cost(("litellm-cost",))
    assert not says_cost(("max-tokens", "of a later release"))
