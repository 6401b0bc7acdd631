"""Who a client says is asking: only ever written down, never believed.

Open WebUI sends `X-OpenWebUI-User-Email` and `-Id` (when it is told to), LiteLLM's clients `x-litellm-end-user-id` or
`x-litellm-customer-id`; OpenAI's body has `user`, Anthropic's `metadata.user_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

PREFIX: Final = "end:"
"""Stands before such a name in records, so that it is never taken for somebody a key belongs to."""
LONGEST: Final = 128
HEADERS: Final = (
    b"x-openwebui-user-email", b"x-openwebui-user-id", b"x-litellm-end-user-id", b"x-litellm-customer-id",
)  # fmt: skip


class _Users(msgspec.Struct):
    user: Any = None
    metadata: Any = None


_read: Final = msgspec.json.Decoder(_Users).decode


def end_user(data: bytes, headers: Mapping[bytes, bytes]) -> str:
    """The name, with its prefix; empty when nobody is named.  `headers` by lower-case name; they go first."""
    for name in HEADERS:
        if found := _clean(headers.get(name, b"").decode("utf-8", "replace")):
            return found
    try:
        said = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    metadata = said.metadata.get("user_id") if isinstance(said.metadata, dict) else None
    return next((found for text in (said.user, metadata) if isinstance(text, str) and (found := _clean(text))), "")


def _clean(text: str) -> str:
    kept = "".join(char for char in text if char.isprintable()).strip()
    return f"{PREFIX}{kept}"[:LONGEST] if kept else ""
