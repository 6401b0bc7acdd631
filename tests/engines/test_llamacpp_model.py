from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.engines.gguf import Header, Tensor
from glowplug.engines.llamacpp_model import Facts, facts


def described(arch: str, tensors: Sequence[Tensor] = (), **keys: Any) -> Facts | None:
    own = {"block_count": 4, "embedding_length": 64, "attention.head_count": 4}
    own |= {key.replace("__", "."): value for key, value in keys.items()}
    values = {"general.architecture": arch} | {f"{arch}.{key}": value for key, value in own.items()}
    return facts(Header(path="m", version=3, values=MappingProxyType(values), tensors=tuple(tensors), size=0))


def layers(arch: str, **keys: Any) -> list[tuple[int, int, int, int]]:
    """(key, value, window, state) of each layer."""
    found = described(arch, **keys)
    assert found is not None
    return [(layer.key, layer.value, layer.window, layer.state) for layer in found.layers]


FULL = (64, 64, 0, 0)


@pytest.mark.parametrize(
    ("arch", "keys", "expected"),
    [
        ("llama", {}, [FULL] * 4),
        ("llama", {"attention__head_count_kv": 2}, [(32, 32, 0, 0)] * 4),
        ("llama", {"attention__head_count_kv": (1, 2, 0, 4)}, [(16, 16, 0, 0), (32, 32, 0, 0), (0, 0, 0, 0), FULL]),
        ("llama", {"attention__key_length": 32, "attention__value_length": 8}, [(128, 32, 0, 0)] * 4),
        ("llama", {"attention__sliding_window": 512}, [FULL] * 4),
        ("qwen2", {"attention__sliding_window": 512}, [FULL] * 4),
        ("bert", {}, [(0, 0, 0, 0)] * 4),
        ("gemma2", {}, [(64, 64, 4096, 0), FULL] * 2),
        ("gemma3", {}, [FULL] * 4),
        ("gemma3", {"attention__sliding_window": 512}, [(64, 64, 512, 0)] * 4),
        (
            "gemma3",
            {"attention__sliding_window": 512, "attention__sliding_window_pattern": 2},
            [(64, 64, 512, 0), FULL] * 2,
        ),
        (
            "gemma4",
            {
                "attention__sliding_window": 512,
                "attention__sliding_window_pattern": (True, False, False, True),
                "attention__key_length_swa": 8,
                "attention__value_length_swa": 8,
                "attention__shared_kv_layers": 1,
            },
            [(32, 32, 512, 0), FULL, FULL, (0, 0, 512, 0)],
        ),
        ("smallthinker", {"attention__sliding_window": 512}, [FULL] + [(64, 64, 512, 0)] * 3),
        ("llama4", {"attention__sliding_window": 0}, [FULL] * 4),
        ("llama4", {}, [(64, 64, 8192, 0)] * 3 + [FULL]),
        ("exaone4", {"attention__sliding_window": 512}, [FULL] * 4),
        (
            "deepseek2",
            {
                "attention__head_count_kv": 1,
                "attention__key_length": 576,
                "attention__value_length": 512,
                "attention__key_length_mla": 192,
                "attention__value_length_mla": 128,
            },
            [(576, 0, 0, 0)] * 4,
        ),
        (
            "mamba",
            {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16},
            [(0, 0, 0, 3 * 128 + 16 * 128)] * 4,
        ),
        (
            "mamba2",
            {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16, "ssm__group_count": 2},
            [(0, 0, 0, 3 * (128 + 64) + 16 * 128)] * 4,
        ),
        (
            "qwen3next",
            {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16},
            [(0, 0, 0, 2432)] * 3 + [FULL],
        ),
        (
            "qwen35",
            {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16, "full_attention_interval": 2},
            [(0, 0, 0, 2432), FULL] * 2,
        ),
        (
            "falcon-h1",
            {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16},
            [(64, 64, 0, 2432)] * 4,
        ),
        (
            "nemotron_h",
            {
                "ssm__conv_kernel": 4,
                "ssm__inner_size": 128,
                "ssm__state_size": 16,
                "attention__head_count_kv": (0, 4, 0, 0),
                "feed_forward_length": (0, 0, 256, 0),
            },
            [(0, 0, 0, 2432), FULL, (0, 0, 0, 0), (0, 0, 0, 2432)],
        ),
        ("lfm2", {"shortconv__l_cache": 3, "attention__head_count_kv": (0, 4, 0, 4)}, [(0, 0, 0, 128), FULL] * 2),
        ("rwkv7", {"wkv__head_size": 32, "attention__head_count": 0}, [(0, 0, 0, 34 * 64)] * 4),
        ("kimi-linear", {"kda__head_dim": 8, "attention__head_count_kv": (0, 4, 0, 4)}, None),
        ("glm4moe", {"nextn_predict_layers": 1}, [FULL] * 3 + [(0, 0, 0, 0)]),
    ],
)
def test_caches_of_the_layers(arch: str, keys: dict[str, Any], expected: list[tuple[int, ...]] | None) -> None:
    if expected is None:  # three convolutions and a square for each head
        expected = [(0, 0, 0, 3 * 3 * 32 + 8 * 32), FULL] * 2
    assert layers(arch, **keys) == expected


def test_weights_by_place() -> None:
    tensors = [
        Tensor("token_embd.weight", (64, 10), 0, 0, 1000),
        Tensor("blk.0.attn_q.weight", (64,), 0, 0, 10),
        Tensor("blk.0.ffn_up.weight", (64,), 0, 0, 20),
        Tensor("blk.3.ffn_gate_exps.weight", (64,), 0, 0, 300),
        Tensor("blk.3.ffn_gate_inp.weight", (64,), 0, 0, 1),
        Tensor("blk.99.attn_q.weight", (64,), 0, 0, 7),
        Tensor("output_norm.weight", (64,), 0, 0, 5),
    ]
    tied = described("llama", tensors)
    assert tied is not None and tied.tied
    assert [(layer.weights, layer.experts, layer.ffn) for layer in tied.layers] == [
        (30, 0, 20),
        (0, 0, 0),
        (0, 0, 0),
        (301, 300, 0),
    ]
    assert (tied.input, tied.output, tied.weights) == (1000, 1000 + 12, 1000 + 331)
    own = described("llama", [*tensors, Tensor("output.weight", (64,), 0, 0, 2000)])
    assert own is not None and not own.tied
    assert (own.output, own.weights) == (2012, 1000 + 331 + 2012)


def test_a_header_without_layers_has_no_facts() -> None:
    assert described("clip", block_count=0) is None
    assert described("llama", block_count=10**9) is None
    assert described("llama", embedding_length="many") is None


def test_architectures_that_are_not_followed_say_so() -> None:
    found = described("deepseek4")
    assert found is not None and not found.followed


KEYS = [
    "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length",
    "attention.sliding_window", "attention.sliding_window_pattern", "feed_forward_length", "nextn_predict_layers",
    "attention.shared_kv_layers", "full_attention_interval", "ssm.conv_kernel", "ssm.inner_size", "wkv.head_size",
    "block_count", "expert_used_count",
]  # fmt: skip
VALUES = st.one_of(
    st.integers(-5, 2**64), st.booleans(), st.floats(), st.text(max_size=3), st.lists(st.integers(-9, 9)).map(tuple)
)


@given(
    arch=st.sampled_from(["llama", "gemma3", "lfm2", "qwen3next", "nemotron_h", "rwkv7", "smallthinker", "bert", "x"]),
    keys=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8),
)
def test_no_keys_break_it(arch: str, keys: dict[str, Any]) -> None:
    found = described(arch, **keys)
    assert found is None or all(layer.key >= 0 and layer.state >= 0 for layer in found.layers)
