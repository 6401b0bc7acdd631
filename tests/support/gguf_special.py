"""Tiny models for what the demo models cannot do: one that ranks, and a projector that lets the fixed chat model see.

Nothing is trained; the weights are written so that the answers follow from them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf import GGUFWriter, PoolingType, TokenType
from tools.models.gguf_llama import finish

Array = npt.NDArray[np.float32]
WORDS = ("good", "bad", "cat", "dog", "what", "is", "the", "a")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_RANK_DIM = 32


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def _ones(count: int) -> Array:
    return np.ones(count, np.float32)


def write_rerank(path: Path) -> None:
    """A bert with a classification head whose score is the higher the more often a text says "good", and the lower
    the more often it says "bad".

    Its attention is uniform (queries are zero) and passes values on as they are, so the first token sees the mean of
    all; the head reads the one dimension in which the two words differ from the rest.
    """
    tokens = [*_SPECIAL, *("\u2581" + word for word in WORDS), *"abcdefghijklmnopqrstuvwxyz"]
    w = GGUFWriter(str(path), "bert")
    w.add_context_length(256)
    w.add_embedding_length(_RANK_DIM)
    w.add_block_count(1)
    w.add_feed_forward_length(_RANK_DIM)
    w.add_head_count(2)
    w.add_layer_norm_eps(1e-6)
    w.add_causal_attention(False)
    w.add_pooling_type(PoolingType.RANK)
    w.add_classifier_output_labels(["score"])
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_type_count(2)
    w.add_token_list(tokens)
    w.add_token_types([TokenType.CONTROL if token in _SPECIAL else TokenType.NORMAL for token in tokens])
    for add, token in (
        (w.add_pad_token_id, "[PAD]"),
        (w.add_unk_token_id, "[UNK]"),
        (w.add_bos_token_id, "[CLS]"),
        (w.add_eos_token_id, "[SEP]"),
        (w.add_sep_token_id, "[SEP]"),
        (w.add_mask_token_id, "[MASK]"),
    ):
        add(_SPECIAL.index(token))
    for name, value in _rank_tensors(tokens).items():
        w.add_tensor(name, value)
    finish(w)


def _rank_tensors(tokens: list[str]) -> dict[str, Array]:
    dim, identity = _RANK_DIM, np.eye(_RANK_DIM, dtype=np.float32)
    words = np.random.default_rng(5).standard_normal((len(tokens), dim)).astype(np.float32)
    words[:, 0] = 0
    words[tokens.index("\u2581good"), 0] = 8
    words[tokens.index("\u2581bad"), 0] = -8
    out = _zeros(1, dim)
    out[0, 0] = 4
    block = {
        "attn_q": _zeros(dim, dim),
        "attn_k": _zeros(dim, dim),
        "attn_v": identity,
        "attn_output": identity,
        "ffn_up": _zeros(dim, dim),
        "ffn_down": _zeros(dim, dim),
    }
    norms = {"attn_output_norm": _ones(dim), "layer_output_norm": _ones(dim)}
    return {
        "token_embd.weight": words,
        "position_embd.weight": _zeros(256, dim),
        "token_types.weight": _zeros(2, dim),
        "token_embd_norm.weight": _ones(dim),
        "token_embd_norm.bias": _zeros(dim),
        **{f"blk.0.{name}.weight": value for name, value in (block | norms).items()},
        **{f"blk.0.{name}.bias": _zeros(dim) for name in block | norms},
        "cls.weight": identity,
        "cls.bias": _zeros(dim),
        "cls.output.weight": out,
        "cls.output.bias": _zeros(1),
    }


def write_projector(path: Path, *, text_dim: int = 64, dim: int = 32, side: int = 64, patch: int = 8) -> None:
    """A vision encoder (SigLIP with the projector of gemma3) for a language model of `text_dim` dimensions.

    It turns every image of `side` pixels into (side / patch / 4)² embeddings that say nothing.
    """
    ffn, patches = 2 * dim, (side // patch) ** 2
    w = GGUFWriter(str(path), "clip")
    w.add_type("mmproj")
    w.add_bool("clip.has_vision_encoder", True)
    w.add_string("clip.projector_type", "gemma3")
    w.add_bool("clip.use_gelu", True)
    for key, number in (
        ("image_size", side),
        ("patch_size", patch),
        ("embedding_length", dim),
        ("feed_forward_length", ffn),
        ("block_count", 1),
        ("projection_dim", text_dim),
        ("attention.head_count", 2),
    ):
        w.add_uint32(f"clip.vision.{key}", number)
    w.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    w.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    w.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    tensors = {
        "v.patch_embd.weight": _zeros(dim, 3, patch, patch),
        "v.patch_embd.bias": _ones(dim),
        "v.position_embd.weight": _zeros(patches, dim),
        "v.post_ln.weight": _ones(dim),
        "v.post_ln.bias": _zeros(dim),
        "mm.input_projection.weight": _zeros(dim, text_dim),
        "mm.soft_emb_norm.weight": _ones(dim),
    }
    for name, shape in (
        *((f"attn_{one}", (dim, dim)) for one in ("q", "k", "v", "out")),
        ("ffn_up", (ffn, dim)),
        ("ffn_down", (dim, ffn)),
    ):
        tensors |= {f"v.blk.0.{name}.weight": _zeros(*shape), f"v.blk.0.{name}.bias": _zeros(shape[0])}
    for name in ("ln1", "ln2"):
        tensors |= {f"v.blk.0.{name}.weight": _ones(dim), f"v.blk.0.{name}.bias": _zeros(dim)}
    for name, value in tensors.items():
        w.add_tensor(name, value)
    finish(w)
