"""What LiteLLM says of its models, and what it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.smoke.foreign import described
from glowplug.smoke.plan import Known, probes_for
from glowplug.smoke.probes import Answer

MODEL = Known(name="m", capabilities=frozenset(("chat",)))


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def one(*infos: Any) -> Known:
    rows = [{"model_name": "m", "litellm_params": {"model": "x/y"}, "model_info": info} for info in infos]
    found = described([MODEL], answer({"data": rows}))
    assert found is not None
    return found[0]


@pytest.mark.parametrize(("infos", "probes"), [
    ([{"mode": "embedding"}], ["embeddings"]), ([{"mode": "rerank"}], ["rerank"]), ([{"mode": "image_generation"}], []),
    ([{"mode": "audio_transcription"}], ["transcription"]), ([{"mode": None}], ["chat", "streamed chat", "tools"]),
    ([{"mode": "chat", "supports_vision": True}], ["chat", "streamed chat", "tools", "vision"]),
    ([{"supports_vision": True}, {"supports_vision": False}], ["chat", "streamed chat", "tools"]),
    ([], ["chat", "streamed chat", "tools"]), (["odd"], ["chat", "streamed chat", "tools"]),
])  # fmt: skip
def test_what_it_says_is_asked(infos: list[Any], probes: list[str]) -> None:
    assert [probe.name for probe in probes_for(one(*infos))] == probes


def test_vectors_are_promised_where_all_deployments_agree() -> None:
    size = {"mode": "embedding", "output_vector_size": 3}
    sizes = [one(*infos).promise.dimensions for infos in (
        [size], [size, size], [size, {"output_vector_size": 4}], [size, {}], [{"output_vector_size": "3"}],
    )]  # fmt: skip
    assert sizes == [3, 3, None, None, None]


@pytest.mark.parametrize("said", [
    answer({"detail": "Not Found"}, 404), answer(b"<html>"), answer([]), answer({"data": {}}), answer({}),
])  # fmt: skip
def test_another_server_says_nothing(said: Answer) -> None:
    assert described([MODEL], said) is None
