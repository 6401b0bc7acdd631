"""What another gateway says of itself beyond OpenAI's list of models.  Pure.

LiteLLM: `GET /model/info` says of every deployment what kind it is (`mode`), whether it sees and how long its vectors
are; its page is at `/ui/`, its login at `/v2/login`, its metrics, where they are switched on, at `/metrics/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from glowplug.smoke.plan import Known
from glowplug.smoke.probes import Answer, Asked, Promise

DESCRIPTIONS: Final = Asked(path="/model/info", method="GET")
_MODES: Final = {
    "chat": "chat", "responses": "chat", "embedding": "embeddings", "rerank": "rerank",
    "audio_transcription": "transcriptions",
}  # fmt: skip
"""LiteLLM's word → ours; models of other kinds are asked nothing."""


def described(models: Sequence[Known], answer: Answer) -> list[Known] | None:
    """The models with what the server says of them; None where it is no LiteLLM or does not say.

    A name with several deployments promises what all of them do.
    """
    rows = _rows(answer)
    if rows is None:
        return None
    said: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(info := row.get("model_info"), dict):
            said.setdefault(str(row.get("model_name")), []).append(info)
    return [_known(model, said[model.name]) if model.name in said else model for model in models]


def _rows(answer: Answer) -> list[Any] | None:
    if answer.status != 200:
        return None
    try:
        rows = msgspec.json.decode(answer.body)["data"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    return rows if isinstance(rows, list) else None


def _known(model: Known, infos: Sequence[dict[str, Any]]) -> Known:
    modes = {str(mode) for info in infos if (mode := info.get("mode"))}
    if modes:
        model = replace(model, capabilities=frozenset(_MODES[mode] for mode in modes if mode in _MODES))
    sees = {info.get("supports_vision") for info in infos}
    if sees <= {True, False}:
        model = replace(model, looks=all(sees))
    sizes = {info.get("output_vector_size") for info in infos}
    size = sizes.pop() if len(sizes) == 1 else None
    return replace(model, promise=Promise(dimensions=size)) if isinstance(size, int) and size > 0 else model
