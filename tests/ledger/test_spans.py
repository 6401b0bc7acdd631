"""Attempts as spans."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.ledger.spans import DURATIONS, NAMES, TOKENS, labels, operation_of, span_of

RECORD = AttemptClosed(
    "r1", 0, "key_1", "chat-default", "chat-gpt-openai", "chat", 1_000.5, 2.0, 0.25, 200, Outcome.OK, 10, 4, 3, False,
    True, cost=1_500_000_000, reasoning=2,
)  # fmt: skip
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def changed(**more: Any) -> AttemptClosed:
    return msgspec.structs.replace(RECORD, **more)


def test_what_a_span_says() -> None:
    span = span_of(RECORD, "openai")
    assert span.name == "chat chat-default"
    assert (span.start, span.end) == (1_000_500_000_000, 1_002_500_000_000)
    assert (span.parent, span.failed) == (0, False)
    assert span.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "chat-default",
        "gen_ai.response.model": "chat-gpt-openai", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 3, "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.response.time_to_first_chunk": 0.25, "http.response.status_code": 200, "glowplug.cost.usd": 1.5,
        "glowplug.request": "r1", "glowplug.attempt": 0,
    }  # fmt: skip


def test_the_same_attempt_is_the_same_span_and_attempts_of_a_request_are_one_trace() -> None:
    first, again, second = span_of(RECORD, ""), span_of(RECORD, ""), span_of(changed(attempt=1), "")
    assert (first.trace, first.id) == (again.trace, again.id)
    assert first.trace == second.trace
    assert first.id != second.id
    assert 0 < first.id < 1 << 64
    assert 0 < first.trace < 1 << 128


def test_the_callers_trace_is_joined() -> None:
    span = span_of(RECORD, "", PARENT)
    assert (span.trace, span.parent) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)


@pytest.mark.parametrize("parent", [
    "", "nonsense", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{'a' * 32}-{'0' * 16}-01", PARENT[:-1],
])  # fmt: skip
def test_a_bad_traceparent_is_ignored(parent: str) -> None:
    assert span_of(RECORD, "", parent) == span_of(RECORD, "")


@pytest.mark.parametrize(("outcome", "status", "error", "failed"), [
    (Outcome.OK, 200, None, False), (Outcome.UPSTREAM_ERROR, 503, "503", True),
    (Outcome.UPSTREAM_ERROR, 0, "upstream_error", True), (Outcome.TIMEOUT, 0, "timeout", True),
    (Outcome.CLIENT_GONE, 200, "client_gone", False), (Outcome.INTERRUPTED, 0, "interrupted", True),
])  # fmt: skip
def test_how_it_ended(outcome: Outcome, status: int, error: str | None, failed: bool) -> None:
    span = span_of(changed(outcome=outcome, status=status), "p")
    assert span.attributes.get(NAMES["error"]) == error
    assert span.failed is failed


def test_what_nobody_counted_is_no_count() -> None:
    span = span_of(changed(estimated=True), "p")
    assert NAMES["prompt"] not in span.attributes
    assert NAMES["completion"] not in span.attributes


@pytest.mark.parametrize(("endpoint", "operation"), [
    ("chat", "chat"), ("messages", "chat"), ("responses", "chat"), ("completions", "text_completion"),
    ("embeddings", "embeddings"), ("rerank", "rerank"),
])  # fmt: skip
def test_operations(endpoint: str, operation: str) -> None:
    assert operation_of(endpoint) == operation


def test_labels_have_a_bound() -> None:
    assert "r1" not in labels(RECORD, "p").values()
    assert "key_1" not in labels(RECORD, "p").values()
    assert labels(RECORD, "")[NAMES["provider"]] == "glowplug"


def test_bounds_are_the_conventions() -> None:
    assert (DURATIONS[0], DURATIONS[-1]) == (0.01, 81.92)
    assert (TOKENS[0], TOKENS[-1]) == (1, 67_108_864)
