"""Models of several architectures as llama.cpp loads them, without weights (see `gguf_files`): for memory arithmetic.

The keys and tensor names are those that llama.cpp's `src/models/*.cpp` asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gguf_files import TensorSpec, write


@dataclass(frozen=True)
class Dims:
    """The size of a model."""

    layers: int = 4
    embedding: int = 512
    heads: int = 8
    kv_heads: int = 2
    head: int = 64
    ffn: int = 1024
    vocab: int = 1000
    context: int = 4096


def _vocabulary(size: int) -> dict[str, Any]:
    """Byte-level BPE with only as many invented tokens as asked for."""
    from tools.models.gguf_llama import SPECIAL, gpt2_byte_chars

    tokens = [*gpt2_byte_chars(), "he", *(f"w{n}" for n in range(size - 260)), *SPECIAL]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * (size - 3) + [3] * 3,
        "tokenizer.ggml.merges": ["h e"],
        "tokenizer.ggml.bos_token_id": size - 3,
        "tokenizer.ggml.eos_token_id": size - 1,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    }


def _common(arch: str, dims: Dims, **more: Any) -> dict[str, Any]:
    own = {
        "context_length": dims.context,
        "embedding_length": dims.embedding,
        "block_count": dims.layers,
        "feed_forward_length": dims.ffn,
        "attention.head_count": dims.heads,
        "attention.head_count_kv": dims.kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5,
        **{key.replace("__", "."): value for key, value in more.items()},
    }
    return {"general.architecture": arch, "general.name": arch} | {f"{arch}.{k}": v for k, v in own.items()}


def _ends(dims: Dims, *, tied: bool = False, kind: str = "f16") -> list[TensorSpec]:
    out: list[TensorSpec] = [("token_embd.weight", (dims.embedding, dims.vocab), kind)]
    out.append(("output_norm.weight", (dims.embedding,)))
    return out if tied else [*out, ("output.weight", (dims.embedding, dims.vocab), kind)]


def _attention(prefix: str, dims: Dims, kind: str) -> list[TensorSpec]:
    e, q, kv = dims.embedding, dims.heads * dims.head, dims.kv_heads * dims.head
    return [
        (f"{prefix}attn_norm.weight", (e,)),
        (f"{prefix}attn_q.weight", (e, q), kind),
        (f"{prefix}attn_k.weight", (e, kv), kind),
        (f"{prefix}attn_v.weight", (e, kv), kind),
        (f"{prefix}attn_output.weight", (q, e), kind),
    ]


def _ffn(prefix: str, dims: Dims, kind: str) -> list[TensorSpec]:
    e, f = dims.embedding, dims.ffn
    return [
        (f"{prefix}ffn_norm.weight", (e,)),
        (f"{prefix}ffn_gate.weight", (e, f), kind),
        (f"{prefix}ffn_up.weight", (e, f), kind),
        (f"{prefix}ffn_down.weight", (f, e), kind),
    ]


def llama(path: Path, dims: Dims = Dims(), *, kind: str = "f16", tied: bool = False) -> Path:
    """Grouped-query attention."""
    tensors = _ends(dims, tied=tied, kind=kind)
    for i in range(dims.layers):
        tensors += _attention(f"blk.{i}.", dims, kind) + _ffn(f"blk.{i}.", dims, kind)
    values = _common(
        "llama",
        dims,
        rope__dimension_count=dims.head,
        attention__key_length=dims.head,
        attention__value_length=dims.head,
        vocab_size=dims.vocab,
    )
    return write(path, values | _vocabulary(dims.vocab), tensors)


def gemma3(path: Path, dims: Dims = Dims(layers=12, context=16384), *, window: int = 1024) -> Path:
    """Sliding windows in five of six layers, tied embeddings."""
    tensors = _ends(dims, tied=True)
    for i in range(dims.layers):
        prefix = f"blk.{i}."
        tensors += _attention(prefix, dims, "f16") + _ffn(prefix, dims, "f16")
        tensors += [
            (f"{prefix}{name}.weight", (size,))
            for name, size in (
                ("attn_q_norm", dims.head),
                ("attn_k_norm", dims.head),
                ("post_attention_norm", dims.embedding),
                ("post_ffw_norm", dims.embedding),
            )
        ]
    values = _common(
        "gemma3",
        dims,
        attention__key_length=dims.head,
        attention__value_length=dims.head,
        attention__sliding_window=window,
    )
    return write(path, values | _vocabulary(dims.vocab), tensors)


def deepseek2(path: Path, dims: Dims = Dims(kv_heads=1)) -> Path:
    """Multi-head latent attention: one compressed key a token and no values."""
    rank, rope, nope, value, q_rank = 256, 64, 64, 64, 128
    e = dims.embedding
    tensors = _ends(dims)
    for i in range(dims.layers):
        p = f"blk.{i}."
        tensors += [
            (f"{p}attn_norm.weight", (e,)),
            (f"{p}attn_q_a.weight", (e, q_rank)),
            (f"{p}attn_q_a_norm.weight", (q_rank,)),
            (f"{p}attn_q_b.weight", (q_rank, dims.heads * (nope + rope))),
            (f"{p}attn_kv_a_mqa.weight", (e, rank + rope)),
            (f"{p}attn_kv_a_norm.weight", (rank,)),
            (f"{p}attn_k_b.weight", (nope, rank, dims.heads)),
            (f"{p}attn_v_b.weight", (rank, value, dims.heads)),
            (f"{p}attn_output.weight", (dims.heads * value, e)),
            *_ffn(p, dims, "f16"),
        ]
    values = _common(
        "deepseek2",
        dims,
        leading_dense_block_count=dims.layers,
        attention__q_lora_rank=q_rank,
        attention__kv_lora_rank=rank,
        attention__key_length=rank + rope,
        attention__value_length=rank,
        attention__key_length_mla=nope + rope,
        attention__value_length_mla=value,
        rope__dimension_count=rope,
        expert_feed_forward_length=dims.ffn,
        expert_shared_count=0,
        expert_count=0,
        vocab_size=dims.vocab,
    )
    return write(path, values | _vocabulary(dims.vocab), tensors)


def _mamba_layer(p: str, dims: Dims, inner: int, state: int, conv: int, rank: int) -> list[TensorSpec]:
    e = dims.embedding
    return [
        (f"{p}attn_norm.weight", (e,)),
        (f"{p}ssm_in.weight", (e, 2 * inner)),
        (f"{p}ssm_conv1d.weight", (conv, inner), "f32"),
        (f"{p}ssm_conv1d.bias", (inner,)),
        (f"{p}ssm_x.weight", (inner, rank + 2 * state)),
        (f"{p}ssm_dt.weight", (rank, inner)),
        (f"{p}ssm_dt.bias", (inner,)),
        (f"{p}ssm_a", (state, inner), "f32"),
        (f"{p}ssm_d", (inner,)),
        (f"{p}ssm_out.weight", (inner, e)),
    ]


def _ssm(inner: int, state: int, conv: int, rank: int) -> dict[str, Any]:
    return {
        "ssm.conv_kernel": conv,
        "ssm.inner_size": inner,
        "ssm.state_size": state,
        "ssm.time_step_rank": rank,
    }


def mamba(path: Path, dims: Dims = Dims(heads=0, kv_heads=0)) -> Path:
    """A state for each sequence instead of a cache."""
    inner, state, conv, rank = 2 * dims.embedding, 16, 4, dims.embedding // 16
    tensors = _ends(dims)
    for i in range(dims.layers):
        tensors += _mamba_layer(f"blk.{i}.", dims, inner, state, conv, rank)
    return write(path, _common("mamba", dims, **_ssm(inner, state, conv, rank)) | _vocabulary(dims.vocab), tensors)


def jamba(path: Path, dims: Dims = Dims(layers=8)) -> Path:
    """Attention in every fourth layer, a state in the others."""
    inner, state, conv, rank = 2 * dims.embedding, 16, 4, dims.embedding // 16
    tensors = _ends(dims)
    heads = [dims.kv_heads if i % 4 == 3 else 0 for i in range(dims.layers)]
    for i, kv in enumerate(heads):
        p = f"blk.{i}."
        if kv:
            tensors += _attention(p, dims, "f16")
        else:
            tensors += _mamba_layer(p, dims, inner, state, conv, rank)
            tensors += [
                (f"{p}ssm_dt_norm.weight", (rank,)),
                (f"{p}ssm_b_norm.weight", (state,)),
                (f"{p}ssm_c_norm.weight", (state,)),
            ]
        tensors += _ffn(p, dims, "f16")
    values = _common("jamba", dims, **_ssm(inner, state, conv, rank)) | {"jamba.attention.head_count_kv": heads}
    return write(path, values | _vocabulary(dims.vocab), tensors)


def mixtral(path: Path, dims: Dims = Dims(), *, experts: int = 8, used: int = 2) -> Path:
    """Experts, of which every token uses some."""
    tensors = _ends(dims)
    e, f = dims.embedding, dims.ffn
    for i in range(dims.layers):
        p = f"blk.{i}."
        tensors += [
            *_attention(p, dims, "f16"),
            (f"{p}ffn_norm.weight", (e,)),
            (f"{p}ffn_gate_inp.weight", (e, experts), "f32"),
            (f"{p}ffn_gate_exps.weight", (e, f, experts)),
            (f"{p}ffn_up_exps.weight", (e, f, experts)),
            (f"{p}ffn_down_exps.weight", (f, e, experts)),
        ]
    values = _common(
        "llama",
        dims,
        rope__dimension_count=dims.head,
        attention__key_length=dims.head,
        attention__value_length=dims.head,
        expert_count=experts,
        expert_used_count=used,
        vocab_size=dims.vocab,
    )
    return write(path, values | _vocabulary(dims.vocab), tensors)
