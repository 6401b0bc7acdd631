#!/usr/bin/env python3
"""Write the demo embedding model: a small bert whose vectors come closer the more word pieces two texts share.

    make_embed.py src/glowplug/demo/embed-demo.gguf

Nothing is trained.  Each word of WORDS has a random vector; the words of one line share a part of it, so that "dog"
lies nearer to "cat" than to "invoice".  Random vectors of many dimensions are almost at right angles, which keeps
unrelated texts apart.  Attention and feed-forward add nothing (their output projections are zero), mean pooling does
the rest.  Needs gguf and numpy only.

Small words must weigh less than others, but a bert normalizes every token's vector.  So a few dimensions are set
aside: a quiet token has most of its length there, and the last norm multiplies them by zero.
"""

# ruff: noqa: E501  (word lists: one subject a line)
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, PoolingType, TokenType

if __package__:
    from .gguf_llama import Array, finish
else:
    from gguf_llama import Array, finish

FILLERS = (
    "the of and to in is that it for on with as this are be at one have not by you from or what all can a an i me my we "
    "our your he she they them his her its was were will would could should do does did how why when where which who "
    "please there here so but if then than very just also some any no yes about into out up down over under more most "
    "has had been being am let get got make makes made give gives take takes s t"
)
# One subject a line: words of a line are related.
WORDS = """
cat cats dog dogs horse cow sheep pig bird owl eagle fish whale shark lion tiger wolf bear mouse rabbit animal animals pet pets puppy kitten
tree trees forest wood oak pine leaf leaves flower rose garden grass plant plants nature seed root
water river lake sea ocean rain snow ice wave waves flood drink swim beach island
fire flame heat hot burn smoke warm warmth oven stove candle
house home room door window roof wall kitchen bed floor building apartment
king queen prince princess crown throne royal castle palace kingdom
car cars truck bus train plane ship bicycle road drive driver wheel engine motor fuel travel journey trip
food bread cheese meat soup rice pasta pizza salad apple banana fruit vegetable cook cooking eat eating kitchen dinner lunch breakfast recipe
coffee tea milk beer wine juice sugar cup glass
money price cost pay payment bank buy sell cheap expensive budget invoice bill tax dollar euro salary account
computer computers server servers machine hardware software program code programming python java function bug developer laptop keyboard
model models language neural network training weights parameters llm chat prompt token tokens inference embedding embeddings vector vectors
memory gpu vram ram cpu graphics card load loads loading loaded unload start starts starting stop stops stopping idle process
gateway request requests answer answers response responses client clients key keys api route routes target alias provider endpoint
internet web page site website browser search link online email mail message send
error errors fail fails failed failure broken crash crashed wrong problem problems fix repair
fast quick quickly speed slow slowly latency time wait waiting second seconds minute minutes hour day week month year
music song songs guitar piano violin drums band sing singer concert dance jazz
book books read reading write writing writer novel story poem library author page paper
school student students teacher university learn learning lesson exam study class
doctor doctors hospital medicine sick ill illness health healthy disease pain nurse patient
sport football soccer tennis game games play player team win goal match run running
weather sun sunny cloud clouds wind storm cold warm summer winter spring autumn temperature
city cities town village street country countries capital france paris germany berlin italy rome spain madrid europe
happy sad angry love hate fear joy glad smile laugh cry feeling feelings
man woman men women child children boy girl mother father family friend friends people person
big small large little huge tiny tall short long wide
red green blue yellow black white orange brown purple color colour colors
one two three four five six seven eight nine ten number numbers count sum math
war peace army soldier battle weapon president government election law police court
star stars moon planet planets earth space rocket galaxy mars sky
phone telephone camera television radio film movie cinema picture photo video image
shirt shoes dress hat coat clothes wear
work job office company business boss employee project meeting manager
test tests check checks verify example demo question questions help
"""
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-:;()/\"_+*=%&#@$<>[]{}|~^`\\"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SUFFIXES = ("ing", "ed", "er", "ers", "es", "ly", "tion", "ness", "ment", "able", "al", "ity", "ous", "ful")

DIM, LAYERS, CONTEXT, SEED = 96, 1, 1024, 2
QUIET = 8
"""Dimensions that only take up length and are dropped at the end."""
_SUBJECT = 0.75
"""How much of a word's vector is that of its subject."""


def vocabulary() -> tuple[list[str], dict[str, list[int]]]:
    """The tokens in id order, and the subjects (line numbers) of each word."""
    subjects: dict[str, list[int]] = {}
    for number, line in enumerate(WORDS.strip().splitlines()):
        for word in line.split():
            subjects.setdefault(word, []).append(number)
    whole = [*CHARACTERS, *FILLERS.split(), *subjects]
    # llama.cpp marks the start of a word with U+2581, and what carries no mark continues one.
    tokens = [*SPECIAL, *("\u2581" + w for w in whole), *CHARACTERS, *SUFFIXES]
    return list(dict.fromkeys(tokens)), subjects


def _token_vectors(rng: np.random.Generator, tokens: list[str], subjects: dict[str, list[int]], dim: int) -> Array:
    topics = rng.standard_normal((len(WORDS.strip().splitlines()), dim)).astype(np.float32)
    fillers = set(FILLERS.split())
    rows = rng.standard_normal((len(tokens), dim)).astype(np.float32)
    for i, token in enumerate(tokens):
        word = token.removeprefix("\u2581")
        if word in subjects and word not in fillers:
            topic = topics[subjects[word]].sum(axis=0) / np.sqrt(len(subjects[word]))
            rows[i] = np.float32(_SUBJECT) * topic + np.float32(np.sqrt(1 - _SUBJECT**2)) * rows[i]
    rows[:, dim - QUIET :] = 0
    return rows - rows[:, : dim - QUIET].mean(axis=1, keepdims=True) * (np.arange(dim) < dim - QUIET)


def _quieten(vectors: Array, loud: Array) -> Array:
    """Give every row the same length: `loud` of it in the dimensions that count, the rest in those that do not."""
    dim = vectors.shape[1]
    unit = vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    rest = np.zeros(dim, np.float32)
    # Alternating signs, so that subtracting the mean, which a layer norm does, changes nothing.
    rest[dim - QUIET :] = np.tile([1, -1], QUIET // 2) / np.sqrt(QUIET)
    whole = loud[:, None] * unit + np.sqrt(1 - loud**2)[:, None] * rest
    return (whole * np.sqrt(dim)).astype(np.float32)


def _loudness(tokens: list[str], subjects: dict[str, list[int]]) -> Array:
    """How loud each token is: words that carry meaning 1, pieces of unknown words less, small words hardly."""
    fillers = set(FILLERS.split())
    loud = np.full(len(tokens), 0.45, np.float32)
    for i, token in enumerate(tokens):
        word = token.removeprefix("\u2581")
        if token in SPECIAL or word in SUFFIXES or (word in CHARACTERS and not word.isalnum()):
            loud[i] = 0.05
        elif word in fillers:
            loud[i] = 0.12
        elif word in subjects:
            loud[i] = 1.0
    return loud


def write_embed(
    path: Path, *, name: str = "embed-demo", dim: int = DIM, layers: int = LAYERS, context: int = CONTEXT
) -> None:
    """Write the model.  `dim` and `layers` only change its size, not how good it is."""
    rng = np.random.default_rng(SEED)
    tokens, subjects = vocabulary()
    vectors = _token_vectors(rng, tokens, subjects, dim)
    w = GGUFWriter(str(path), "bert")
    _add_metadata(w, name, tokens, dim, layers, context)
    _add_tensors(w, rng, _quieten(vectors, _loudness(tokens, subjects)), layers, context)
    finish(w)


def _add_metadata(w: GGUFWriter, name: str, tokens: list[str], dim: int, layers: int, context: int) -> None:
    w.add_name(name)
    w.add_description("Demo embedding model of Glowplug, made by hand, not trained")
    w.add_license("CC0-1.0")
    w.add_file_type(LlamaFileType.MOSTLY_F16)
    w.add_context_length(context)
    w.add_embedding_length(dim)
    w.add_block_count(layers)
    w.add_feed_forward_length(2 * dim)
    w.add_head_count(4)
    w.add_layer_norm_eps(1e-12)
    w.add_causal_attention(False)
    w.add_pooling_type(PoolingType.MEAN)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_type_count(2)
    w.add_token_list(tokens)
    w.add_token_types([TokenType.CONTROL if t in SPECIAL else TokenType.NORMAL for t in tokens])
    for add, token in (
        (w.add_pad_token_id, "[PAD]"),
        (w.add_unk_token_id, "[UNK]"),
        (w.add_bos_token_id, "[CLS]"),
        (w.add_eos_token_id, "[SEP]"),
        (w.add_sep_token_id, "[SEP]"),
        (w.add_mask_token_id, "[MASK]"),
    ):
        add(SPECIAL.index(token))


def _add_tensors(w: GGUFWriter, rng: np.random.Generator, vectors: Array, layers: int, context: int) -> None:
    dim = vectors.shape[1]
    w.add_tensor("token_embd.weight", vectors.astype(np.float16))
    w.add_tensor("position_embd.weight", np.zeros((context, dim), np.float32))
    w.add_tensor("token_types.weight", np.zeros((2, dim), np.float32))
    w.add_tensor("token_embd_norm.weight", np.ones(dim, np.float32))
    w.add_tensor("token_embd_norm.bias", np.zeros(dim, np.float32))
    for i in range(layers):
        _add_layer(w, rng, f"blk.{i}.", dim, last=i == layers - 1)


def _add_layer(w: GGUFWriter, rng: np.random.Generator, prefix: str, dim: int, *, last: bool) -> None:
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (dim, dim))
    shapes |= {"ffn_up": (2 * dim, dim), "ffn_down": (dim, 2 * dim)}
    for key, (rows, columns) in shapes.items():
        scale = 0.0 if key in ("attn_output", "ffn_down") else 0.02
        w.add_tensor(f"{prefix}{key}.weight", (rng.standard_normal((rows, columns)) * scale).astype(np.float16))
        w.add_tensor(f"{prefix}{key}.bias", np.zeros(rows, np.float32))
    for key in ("attn_output_norm", "layer_output_norm"):
        gain = np.ones(dim, np.float32)
        if last and key == "layer_output_norm":
            gain[dim - QUIET :] = 0
        w.add_tensor(f"{prefix}{key}.weight", gain)
        w.add_tensor(f"{prefix}{key}.bias", np.zeros(dim, np.float32))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_embed(args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
