"""Moderation requests as far as a gateway must look into them: they may leave out the model.

Format: https://platform.openai.com/docs/api-reference/moderations/create.
"""

from __future__ import annotations

from typing import Final

import msgspec

from glowplug.wire.openai import Body
from glowplug.wire.openai import peek as peek_named

_NULL: Final = msgspec.Raw(b"null")

_OURS: Final = frozenset(("keep_alive", "fallbacks", "num_retries", "timeout", "tags", "disable_fallbacks", "metadata"))
"""Members that are for us: what `glowplug.wire.openai.Body.ours` says."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Unnamed:
    """A body that names no model; what a `glowplug.wire.openai.Body` is for one that does."""

    __slots__ = ("_members", "data", "ours")

    raw_model = b""
    model = ""
    stream = wants_usage = False

    def __init__(self, data: bytes, members: dict[str, msgspec.Raw]) -> None:
        self.data = data
        self._members = members
        self.ours = not _OURS.isdisjoint(members)

    def spliced(self, name: bytes) -> bytes:
        """The body with `name` (JSON text) as its model."""
        return _encode({**self._members, "model": msgspec.Raw(name)})


def peek(data: bytes) -> Body | Unnamed:
    """As `glowplug.wire.openai.peek`, but `model` may be missing or null.  Raises RequestError."""
    try:
        members = _members(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return peek_named(data)  # which says what is wrong
    if members.get("model", _NULL) != _NULL:
        return peek_named(data)
    return Unnamed(data, members)
