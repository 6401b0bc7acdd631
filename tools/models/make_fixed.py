#!/usr/bin/env python3
"""Write untrained GGUF models with exactly known behaviour, for tests.  Needs gguf and numpy only.

    make_fixed.py chat   out.gguf   always answers one fixed sentence, one token a word, then stops
    make_fixed.py loop   out.gguf   counts for ever: for max_tokens, cancel and drain
    make_fixed.py random out.gguf   honest random weights: noise, broken UTF-8 included
    make_fixed.py embed  out.gguf   a small embedding model

`--dim 1536 --layers 16` makes a big file (757 MB) for load times and memory.

How an untrained model can be exact: the output projections of attention and feed-forward are zero, so what reaches
the output matrix at the last position is the embedding of the last token alone, and the output matrix is built so
that the one right next token wins by far.  A table of word pairs, written as a transformer; cache, batching, sampling,
streaming and the chat template are all the real thing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

if __package__:
    from .gguf_llama import SPECIAL, Array, Shape, Vocabulary, byte_level, gpt2_byte_chars, write_llama
    from .make_embed import write_embed
else:
    from gguf_llama import SPECIAL, Array, Shape, Vocabulary, byte_level, gpt2_byte_chars, write_llama
    from make_embed import write_embed

REPLY = (
    "Hello from the tiny test model! It runs inside llama.cpp, streams one word per token, "
    "and stops after this sentence."
)
LOOP = " one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
DESCRIPTION = "Test model of Glowplug, made by hand, not trained"
CONTEXT = 4096

# llama.cpp wants a list of merges that is not empty; these split nothing that the tests look at.
_MERGES = ("t h", "th e", "i n", "e r", "a n", "r e", "o n", "an d")
_GAP = 0.6
"""Scale of the output matrix: makes a logit gap of about 20, so that temperature 1 changes nothing."""


def write_fixed_chat(
    path: Path, reply: str = REPLY, *, name: str = "fixed-chat", dim: int = 64, layers: int = 2
) -> int:
    """A model that always says `reply` and stops.  Returns the completion tokens, the end token included.

    No word may occur twice in the reply: each word has exactly one successor.
    """
    words = _split(reply)
    _write_table(path, words, "<|im_end|>", name, dim, layers)
    return len(words) + 1


def write_loop(path: Path, *, name: str = "loop", dim: int = 64, layers: int = 2) -> None:
    """A model that counts from one to sixteen again and again and never stops by itself."""
    words = _split(LOOP)[1:]
    _write_table(path, words, byte_level(words[0]), name, dim, layers)


def write_random(path: Path, *, name: str = "random", dim: int = 64, layers: int = 2, seed: int = 1) -> None:
    """A model with random weights throughout."""
    rng = np.random.default_rng(seed)
    vocab = _vocabulary([])
    n = len(vocab.tokens)
    embedding, output = _normal(rng, n, dim), _normal(rng, n, dim) * np.float32(0.3)
    _write(path, name, vocab, _tensors(rng, embedding, output, dim, layers, zero=False), dim, layers)


def _split(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(" " + word for word in rest)]


def _vocabulary(words: list[str]) -> Vocabulary:
    tokens = [*gpt2_byte_chars(), *(m.replace(" ", "") for m in _MERGES), *map(byte_level, words), *SPECIAL]
    if len(set(tokens)) != len(tokens):
        raise ValueError("every word of the reply may occur once only")
    return Vocabulary(tokens, _MERGES)


def _write_table(path: Path, words: list[str], after_last: str, name: str, dim: int, layers: int) -> None:
    rng = np.random.default_rng(1)
    vocab = _vocabulary(words)
    ids = {token: i for i, token in enumerate(vocab.tokens)}
    chain = [ids[byte_level(word)] for word in words]
    embedding = _normal(rng, len(ids), dim)
    outside = [i for i in range(len(ids)) if i not in set(chain)]
    # Whatever is not a word of the reply looks the same to the model, and is followed by the first word.
    embedding[outside] = embedding[outside[0]]
    embedding /= np.sqrt((embedding**2).mean(axis=1, keepdims=True))
    output = _normal(rng, len(ids), dim) * np.float32(0.05)
    output[chain[0]] += embedding[outside[0]]
    for current, following in zip(chain, [*chain[1:], ids[after_last]], strict=True):
        output[following] += embedding[current]
    # A logit is a product over `dim` numbers: the scale keeps the gap the same for every size of model.
    output *= np.float32(_GAP * 64 / dim)
    _write(path, name, vocab, _tensors(rng, embedding, output, dim, layers, zero=True), dim, layers)


def _normal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    return rng.standard_normal((rows, columns), dtype=np.float32)


def _tensors(
    rng: np.random.Generator, embedding: Array, output: Array, dim: int, layers: int, *, zero: bool
) -> dict[str, Array]:
    def matrix(rows: int, columns: int, empty: bool = False) -> Array:
        return (
            np.zeros((rows, columns), np.float32) if empty else _normal(rng, rows, columns) / np.float32(columns**0.5)
        )

    ones, ffn = np.ones(dim, np.float32), 2 * dim
    tensors = {"token_embd.weight": embedding, "output_norm.weight": ones, "output.weight": output}
    for i in range(layers):
        block = {
            "attn_norm": ones,
            "attn_q": matrix(dim, dim),
            "attn_k": matrix(dim, dim),
            "attn_v": matrix(dim, dim),
            "attn_output": matrix(dim, dim, zero),
            "ffn_norm": ones,
            "ffn_gate": matrix(ffn, dim),
            "ffn_up": matrix(ffn, dim),
            "ffn_down": matrix(dim, ffn, zero),
        }
        tensors |= {f"blk.{i}.{key}.weight": value for key, value in block.items()}
    return tensors


def _write(path: Path, name: str, vocab: Vocabulary, tensors: dict[str, Array], dim: int, layers: int) -> None:
    shape = Shape(dim=dim, layers=layers, heads=max(4, dim // 64), ffn=2 * dim, context=CONTEXT)
    write_llama(path, name, DESCRIPTION, shape, vocab, tensors)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["chat", "loop", "random", "embed"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--reply", default=REPLY, help="chat: the fixed answer, no word twice")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    args = parser.parse_args()
    if args.kind == "chat":
        write_fixed_chat(args.out, args.reply, dim=args.dim, layers=args.layers)
    elif args.kind == "embed":
        write_embed(args.out, dim=args.dim, layers=args.layers)
    else:
        write = write_loop if args.kind == "loop" else write_random
        write(args.out, dim=args.dim, layers=args.layers)
    print(f"{args.out}: {args.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
