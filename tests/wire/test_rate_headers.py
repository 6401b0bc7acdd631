"""The header fields of both wires."""

from __future__ import annotations

import pytest

from glowplug.wire.rate_headers import lines, span


def test_openai() -> None:
    assert lines("openai", 60, -1, 1.0, 0.0).decode().splitlines() == [
        "x-ratelimit-limit-requests: 60", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1s",
    ]  # fmt: skip


def test_anthropic() -> None:
    assert lines("anthropic", 60, 3, 1.2, 1_700_000_000.0, "tokens").decode().splitlines() == [
        "anthropic-ratelimit-tokens-limit: 60", "anthropic-ratelimit-tokens-remaining: 3",
        "anthropic-ratelimit-tokens-reset: 2023-11-14T22:13:22Z",
    ]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), [
    (0.0, "0ms"), (0.1201, "121ms"), (1.0, "1s"), (59.1, "1m0s"), (360, "6m0s"), (3723, "1h2m3s"),
])  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
