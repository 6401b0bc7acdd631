"""The GGUF writer: what llama.cpp relies on in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader

from tools.models import gguf_llama as writer


def test_every_byte_has_a_stand_in_of_its_own() -> None:
    chars = writer.gpt2_byte_chars()
    assert len(set(chars)) == 256
    assert writer.byte_level(" a\n") == "ĠaĊ"


@pytest.mark.parametrize("kind", ["F16", "Q8_0"])
def test_matrices_are_stored_as_asked_and_norms_in_full(kind: str, tmp_path: Path) -> None:
    shape = writer.Shape(dim=32, layers=1, heads=2, ffn=64, context=2048)
    tensors = {"token_embd.weight": np.ones((259, 32), np.float32), "output_norm.weight": np.ones(32, np.float32)}
    vocab = writer.Vocabulary([*writer.gpt2_byte_chars(), *writer.SPECIAL], ["t h"])
    writer.write_llama(tmp_path / "x.gguf", "x", "a test", shape, vocab, tensors, kind)
    reader = GGUFReader(tmp_path / "x.gguf")
    assert [t.tensor_type for t in reader.tensors] == [GGMLQuantizationType[kind], GGMLQuantizationType.F32]
    fields = {key: reader.get_field(key) for key in ("llama.context_length", "tokenizer.ggml.eos_token_id")}
    assert [f.contents() for f in fields.values() if f] == [2048, 258]
