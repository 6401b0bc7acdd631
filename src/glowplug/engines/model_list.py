"""Telling an engine from a stranger on its port by OpenAI's model list, asked with the launch key.  Pure."""

from __future__ import annotations

import msgspec

PATH = "/v1/models"


class _Listed(msgspec.Struct):
    id: str = ""
    max_model_len: int | None = None


class _ModelList(msgspec.Struct):
    data: list[_Listed] = []


def problem(status: int, body: bytes, name: str) -> str:
    """Empty when the list has `name` in it, else what is odd about the answer."""
    if status in (401, 403):
        return "it refused the key of this launch, so it is another server"
    if status != 200:
        return f"{PATH} answered {status}"
    try:
        listed = msgspec.json.decode(body, type=_ModelList)
    except msgspec.DecodeError:
        return f"{PATH} is not a model list"
    names = {entry.id for entry in listed.data}
    return "" if name in names else f"it serves {', '.join(sorted(names)) or 'nothing'}, not {name}"


def context_of(body: bytes, name: str) -> int | None:
    """Tokens of context it serves `name` with (`max_model_len`, which vLLM and SGLang add), or None."""
    try:
        listed = msgspec.json.decode(body, type=_ModelList)
    except msgspec.DecodeError:
        return None
    return next((entry.max_model_len for entry in listed.data if entry.id == name), None)
