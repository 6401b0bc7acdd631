"""By what the load of a model can be measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Footprint
from glowplug.engines.registry import ENGINES
from glowplug.lifecycle.footprint import with_weights
from tests.lifecycle.fakes import MODEL


@pytest.mark.parametrize(
    ("engine", "parts", "expected"),
    [
        ("llamacpp", {"weights": 70, "kv": 5}, {"weights": 70, "kv": 5}),
        ("llamacpp", {}, {"weights": 100}),
        ("ollama", {"weights": 70, "kv": 5}, {"kv": 5}),
        ("ollama", {}, {}),
    ],
)
def test_weights(tmp_path: Path, engine: str, parts: dict[str, int], expected: dict[str, int]) -> None:
    (tmp_path / "w.gguf").write_bytes(b"x" * 100)
    model = msgspec.structs.replace(MODEL, path=str(tmp_path / "w.gguf"))
    assert with_weights(Footprint(device=9, parts=parts), ENGINES[engine], model) == Footprint(device=9, parts=expected)


def test_without_files_nothing_is_known() -> None:
    assert with_weights(Footprint(), ENGINES["llamacpp"], MODEL) == Footprint()
