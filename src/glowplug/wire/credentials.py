"""Where clients put their API key: one reading for every route of both planes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BESIDE: Final = b"x-litellm-api-key"
"""LiteLLM's header for a key beside somebody else's credentials in `Authorization`: Claude Code sends its own there."""
PLACES: Final = (BESIDE, b"authorization", b"x-api-key", b"api-key")
"""The headers a key may be in, the one that decides first."""


def presented_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The API key in a request's headers (lower-case names), or None.

    `x-litellm-api-key`, `Authorization: Bearer` (OpenAI), `x-api-key` (Anthropic), `api-key` (Azure), in this order;
    the first header that is there decides, so that no two parts can read a request two ways.
    """
    value = headers.get(BESIDE)
    if value is not None:
        value = value.strip()
        return (value[7:].strip() if value[:7].lower() == b"bearer " else value) or None
    value = headers.get(b"authorization")
    if value is not None:
        scheme, _, token = value.partition(b" ")
        return (token.strip() or None) if scheme.lower() == b"bearer" else None
    value = headers.get(b"x-api-key")
    if value is None:
        value = headers.get(b"api-key")
    return value.strip() or None if value is not None else None
