"""Attempts as OpenTelemetry says them: one CLIENT span each, and two measurements.  Pure.

Spans are made from the ledger's records after the fact, so that tracing costs a request nothing and a span says what
the bill says.  Their ids follow from the request's, so that a record that is folded twice is the same span twice.

Names: the GenAI semantic conventions as of version 1.37, which are still in development; all of them stand in `NAMES`,
so that the next version is another table (https://github.com/open-telemetry/semantic-conventions-genai).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.money import NANO

SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"
NAMES: Final = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "asked": "gen_ai.request.model",
    "model": "gen_ai.response.model",
    "prompt": "gen_ai.usage.input_tokens",
    "completion": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "cache_written": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "first_byte": "gen_ai.response.time_to_first_chunk",
    "error": "error.type",
    "token_type": "gen_ai.token.type",
    "duration_metric": "gen_ai.client.operation.duration",
    "tokens_metric": "gen_ai.client.token.usage",
    "first_byte_metric": "gen_ai.client.operation.time_to_first_chunk",
}
DURATIONS: Final = tuple(0.01 * 2**power for power in range(14))
"""Bucket bounds of durations in seconds, as the conventions advise: 0.01 doubling to 81.92."""
TOKENS: Final = tuple(float(4**power) for power in range(14))
"""… of tokens: powers of four to 67,108,864."""
_OPERATIONS: Final = {"completions": "text_completion", "embeddings": "embeddings"}
"""Operation by endpoint; what is not here is `chat`, or its own name where it is no conversation."""
_CHATS: Final = frozenset(("chat", "messages", "responses", "ollama_chat", "ollama_generate"))
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt."""

    name: str
    trace: int
    """128 bits."""
    id: int
    """64 bits."""
    parent: int
    """The caller's span, or 0."""
    start: int
    """Unix nanoseconds."""
    end: int
    attributes: Mapping[str, Value]
    failed: bool


def span_of(record: AttemptClosed, provider: str, parent: str = "") -> Span:
    """The span of an attempt.  `provider` is who served it; `parent` the client's `traceparent` header, if it sent one
    (https://www.w3.org/TR/trace-context/)."""
    operation = operation_of(record.path)
    found = _TRACEPARENT.fullmatch(parent)
    known = found is not None and set(found[1]) != {"0"} and set(found[2]) != {"0"}
    start = int(record.started * 1e9)
    return Span(
        name=f"{operation} {record.asked}",
        trace=int(found[1], 16) if known and found else _number(record.request, 16),
        id=_number(f"{record.request}/{record.attempt}", 8),
        parent=int(found[2], 16) if known and found else 0,
        start=start,
        end=start + int(record.duration * 1e9),
        attributes=_attributes(record, provider, operation),
        failed=record.outcome not in (Outcome.OK, Outcome.CLIENT_GONE),
    )


def _attributes(record: AttemptClosed, provider: str, operation: str) -> dict[str, Value]:
    out: dict[str, Value] = {**labels(record, provider), "glowplug.request": record.request}
    out["glowplug.attempt"] = record.attempt
    if not record.estimated:  # the conventions want no count where nobody counted
        out[NAMES["prompt"]] = record.prompt_tokens
        out[NAMES["completion"]] = record.completion_tokens
    for name, count in (
        ("cached", record.cached_tokens), ("cache_written", record.cache_written), ("reasoning", record.reasoning),
    ):  # fmt: skip
        if count:
            out[NAMES[name]] = count
    if record.first_byte:
        out[NAMES["first_byte"]] = record.first_byte
    if record.status:
        out["http.response.status_code"] = record.status
    if record.cost:
        out["glowplug.cost.usd"] = record.cost / NANO
    return out


def labels(record: AttemptClosed, provider: str) -> dict[str, Value]:
    """What measurements are told apart by; nothing without a bound."""
    out: dict[str, Value] = {
        NAMES["operation"]: operation_of(record.path),
        NAMES["provider"]: provider or "glowplug",
        NAMES["asked"]: record.asked,
        NAMES["model"]: record.model,
    }
    if record.outcome is not Outcome.OK:
        out[NAMES["error"]] = str(record.status) if record.status >= 400 else record.outcome.value
    return out


def operation_of(endpoint: str) -> str:
    """What the conventions call an endpoint's operation."""
    return "chat" if endpoint in _CHATS else _OPERATIONS.get(endpoint, endpoint)


def _number(text: str, size: int) -> int:
    """An id that follows from a text; never 0, which means none."""
    return int.from_bytes(blake2b(text.encode(), digest_size=size, person=b"glowplug-trace").digest(), "big") or 1
