"""About how many tokens a Responses request has, without asking anybody.  Pure.

An estimate from the bytes of what a model would read: instructions, input and tools, four bytes a token.  Bytes of
pictures and files are not text: each counts as a fixed number.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.wire.openai import estimate_tokens

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_PICTURE: Final = 765
"""Tokens of a picture, whose real number depends on its size and on the model."""
_DATA: Final = frozenset(("image_url", "file_data", "file_id", "file_url", "data"))
_ENCRYPTED: Final = "encrypted_content"


def input_tokens(data: bytes) -> int:
    """The estimate.  Raises RequestError for a body that is no object."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
    pictures = [0]
    size = sum(_bytes(body.get(name), pictures) for name in ("instructions", "input"))
    if body.get("tools"):
        size += len(_encode(body["tools"]))
    return (estimate_tokens(size) if size else 0) + _PICTURE * pictures[0]


def _bytes(value: Any, pictures: list[int]) -> int:
    """Bytes of all texts in a value; counts its pictures."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return sum(_bytes(one, pictures) for one in value)
    if not isinstance(value, dict):
        return 0
    pictures[0] += sum(1 for name in value if name in _DATA and isinstance(value[name], str))
    return sum(_bytes(one, pictures) for name, one in value.items() if name not in _DATA and name != _ENCRYPTED)
