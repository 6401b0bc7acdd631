from __future__ import annotations

import pytest
from gguf import GGML_QUANT_SIZES

from glowplug.engines.gguf_types import BY_NAME, FORMATS

PADDED_THERE = {9}
"""The gguf package writes q8_1 with four more bytes than `block_q8_1` of ggml-common.h has; no file holds it."""


def test_blocks_are_those_of_the_gguf_package() -> None:
    theirs = {int(kind): (block, size) for kind, (block, size) in GGML_QUANT_SIZES.items()}
    ours = {kind: (format.block, format.size) for kind, format in FORMATS.items()}
    assert set(theirs) <= set(ours)
    assert {kind: ours[kind] for kind in theirs if kind not in PADDED_THERE} == {
        kind: sizes for kind, sizes in theirs.items() if kind not in PADDED_THERE
    }


@pytest.mark.parametrize(
    ("name", "per_element"), [("f32", 4), ("f16", 2), ("bf16", 2), ("q8_0", 1.0625), ("q4_0", 0.5625), ("q5_1", 0.75)]
)
def test_bytes_of_cache_types(name: str, per_element: float) -> None:
    assert BY_NAME[name].bytes(1024) == 1024 * per_element


def test_a_block_begun_is_a_block_taken() -> None:
    assert BY_NAME["q4_k"].bytes(257) == 2 * 144
