"""What a GGUF header says about the memory a model needs in llama.cpp: weights and cache of every layer.

The meaning of the keys, and which architecture has which layers when no key says so, are llama.cpp's
(`src/llama-model.cpp`, `src/llama-hparams.cpp`, `src/models/*.cpp`, build 11549).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glowplug.engines.gguf import Header

LAYER_LIMIT = 4096
"""More layers than llama.cpp loads; it stops at 512."""

_NO_CACHE = frozenset({
    "bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert",
    "wavtokenizer-dec", "modern-bert", "gemma-embedding", "dream", "llada", "llada-moe", "rnd1",
})  # fmt: skip
"""They see the whole text at once and keep nothing of it."""
_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_BY_HEADS = frozenset({
    "jamba", "plamo2", "granitehybrid", "lfm2", "lfm2moe", "nemotron_h", "nemotron_h_moe", "kimi-linear",
    "bailingmoe3",
})  # fmt: skip
"""Hybrids whose layers without key/value heads have a state."""
_BY_INTERVAL: Mapping[str, int] = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "minimax-01": 8}
"""Hybrids with full attention in every Nth layer."""
_BOTH = frozenset({"falcon-h1"})
"""Every layer has a cache and a state."""
_UNFOLLOWED = frozenset({
    "deepseek32", "deepseek4", "glm-dsa", "glm5-next", "hy-v4", "minimax-m3", "qwen4exp", "dots3note", "kimi-k3",
    "dflash",
})  # fmt: skip
"""Their caches have parts (indexers, compressed windows) that are not followed here."""


@dataclass(frozen=True, slots=True)
class _Windows:
    """How an architecture lays out its sliding windows when the file gives no pattern."""

    period: int
    first_is_whole: bool = False
    default: int = 0
    """The window when the file gives none; 0: then there is none."""


_WINDOWS: Mapping[str, _Windows] = {
    "afmoe": _Windows(4),
    "cohere2": _Windows(4),
    "cohere2moe": _Windows(4, first_is_whole=True),
    "exaone-moe": _Windows(4, default=128),
    "exaone4": _Windows(4),
    "gemma2": _Windows(2, default=4096),
    "gemma3": _Windows(6),
    "gemma3n": _Windows(5),
    "gemma4": _Windows(6),
    "gpt-oss": _Windows(2),
    "granite-swa": _Windows(4),
    "laguna": _Windows(4, first_is_whole=True),
    "lfm2": _Windows(0),
    "lfm2moe": _Windows(0),
    "llama4": _Windows(4, default=8192),
    "maple": _Windows(4),
    "mellum": _Windows(4),
    "mimo2": _Windows(4),
    "muse-glimmer": _Windows(4),
    "olmo2": _Windows(4),
    "plamo3": _Windows(8),
    "smallthinker": _Windows(4, first_is_whole=True),
    "spark2-5": _Windows(4),
    "step35": _Windows(4),
}
"""Other architectures ignore `attention.sliding_window`, which some files carry without using it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer."""

    weights: int = 0
    """Bytes, all of them."""
    experts: int = 0
    """Bytes of the weights that are experts'."""
    ffn: int = 0
    """Bytes of the dense feed-forward weights."""
    key: int = 0
    """Elements a token takes in the cache of keys."""
    value: int = 0
    window: int = 0
    """Tokens it sees back; 0: all."""
    state: int = 0
    """Elements (of four bytes) a sequence takes, however long it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the arithmetic needs to know of a model.  Weights in bytes."""

    architecture: str
    context: int
    """Tokens it was trained for."""
    embedding: int
    vocabulary: int
    layers: tuple[Layer, ...]
    input: int
    """Weights that stay in the host's memory always."""
    output: int
    """Weights of the output layer; a copy of the token embedding where it has none of its own."""
    tied: bool
    """The output layer is such a copy, so the file has it once."""
    cached: bool
    """It keeps keys and values, or states."""
    heads: int
    wide: int
    """Elements a token takes at the widest point of a layer, while it is computed."""
    classes: int = 0
    followed: bool = True
    """False where the cache has parts that are not followed here."""

    @property
    def weights(self) -> int:
        """What the file has."""
        own = self.input + sum(layer.weights for layer in self.layers)
        return own if self.tied else own + self.output

    @property
    def all_layers(self) -> int:
        """What `--gpu-layers` counts: the layers and the output."""
        return len(self.layers) + 1


class _Keys:
    """The keys of one header, without the architecture's name in front."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._prefix = header.architecture + "."

    def one(self, key: str, default: int = 0) -> int:
        return max(self._header.number(self._prefix + key, default) or 0, 0)

    def present(self, key: str) -> bool:
        return self._prefix + key in self._header.values

    def each(self, key: str, count: int, default: int) -> tuple[int, ...]:
        """One number a layer; a single number goes for all of them."""
        listed = self._header.numbers(self._prefix + key)
        if listed:
            return tuple(max(listed[i], 0) if i < len(listed) else 0 for i in range(count))
        return (self.one(key, default),) * count

    def listed(self, key: str) -> tuple[int, ...]:
        return self._header.numbers(self._prefix + key)


_BLOCK = re.compile(r"(?:^|\.)blk\.(\d{1,5})\.(\w+)")
_INPUT = ("token_embd", "token_types", "position_embd", "per_layer_token_embd")


def facts(header: Header) -> Facts | None:
    """The facts, or None for a header without layers (a projector, an adapter)."""
    keys = _Keys(header)
    count = keys.one("block_count")
    embedding = keys.one("embedding_length")
    if not 0 < count <= LAYER_LIMIT or not embedding:
        return None
    weights, experts, ffn, ends = _weights(header, count)
    caches = _caches(header.architecture, keys, count, embedding)
    layers = tuple(
        Layer(weights[i], experts[i], ffn[i], key, value, window, state)
        for i, (key, value, window, state) in enumerate(caches)
    )
    tied = header.architecture not in _NO_CACHE and not any(tensor.name == "output.weight" for tensor in header.tensors)
    token = next((tensor.size for tensor in header.tensors if tensor.name == "token_embd.weight"), 0)
    return Facts(
        architecture=header.architecture,
        context=keys.one("context_length"),
        embedding=embedding,
        vocabulary=header.length("tokenizer.ggml.tokens") or keys.one("vocab_size"),
        layers=layers,
        input=ends[0],
        output=ends[1] + (token if tied else 0),
        tied=tied,
        cached=header.architecture not in _NO_CACHE,
        heads=max(keys.each("attention.head_count", count, 0), default=0),
        wide=_wide(keys, count, embedding, gated=any("ffn_gate" in tensor.name for tensor in header.tensors)),
        classes=header.length(header.architecture + ".classifier.output_labels") or 0,
        followed=header.architecture not in _UNFOLLOWED,
    )


def _weights(header: Header, count: int) -> tuple[list[int], list[int], list[int], tuple[int, int]]:
    """Bytes by layer: all, experts', dense feed-forward; and (input, output)."""
    weights, experts, ffn = [0] * count, [0] * count, [0] * count
    first = last = 0
    for tensor in header.tensors:
        match = _BLOCK.search(tensor.name)
        if match and int(match.group(1)) < count:
            layer, part = int(match.group(1)), match.group(2)
            weights[layer] += tensor.size
            if part.endswith(("_exps", "_chexps")):
                experts[layer] += tensor.size
            elif part.startswith(("ffn_up", "ffn_down", "ffn_gate")) and "_shexp" not in part and "_inp" not in part:
                ffn[layer] += tensor.size
        elif tensor.name.startswith(_INPUT):
            first += tensor.size
        else:
            last += tensor.size
    return weights, experts, ffn, (first, last)


def _caches(architecture: str, keys: _Keys, count: int, embedding: int) -> list[tuple[int, int, int, int]]:
    """(key, value, window, state) of every layer."""
    if architecture in _NO_CACHE:
        return [(0, 0, 0, 0)] * count
    heads = keys.each("attention.head_count", count, 0)
    kv_heads = keys.each("attention.head_count_kv", count, 0) if keys.present("attention.head_count_kv") else heads
    usual = embedding // max(heads) if max(heads) else 0
    key = keys.one("attention.key_length", usual)
    value = keys.one("attention.value_length", usual)
    latent = keys.one("attention.key_length_mla") > 0 and keys.one("attention.value_length_mla") > 0
    swa_key, swa_value = keys.one("attention.key_length_swa", key), keys.one("attention.value_length_swa", value)
    own = count - min(keys.one("nextn_predict_layers"), count - 1)
    recurrent = _recurrent(architecture, keys, own, kv_heads)
    windows = _window_of_each(architecture, keys, own, recurrent)
    state = _state(keys, embedding, max(heads))
    keeping = _first_with_cache(architecture, keys, own)
    out = []
    for i in range(count):
        if i >= own:  # layers that only draft: their cache is not made unless drafting is asked for
            out.append((0, 0, 0, 0))
            continue
        stateful = recurrent[i] or architecture in _BOTH
        attends = (not recurrent[i] and i < keeping) or architecture in _BOTH
        k, v = (swa_key, swa_value) if windows[i] else (key, value)
        out.append(
            (
                k * kv_heads[i] if attends else 0,
                0 if latent or not attends else v * kv_heads[i],
                windows[i],
                state if stateful else 0,
            )
        )
    return out


def _first_with_cache(architecture: str, keys: _Keys, count: int) -> int:
    """How many layers have a cache of their own; those behind them look into it."""
    if architecture == "gemma3n":
        return min(20, count)
    return count - min(keys.one("attention.shared_kv_layers"), count)


def _recurrent(architecture: str, keys: _Keys, count: int, kv_heads: Sequence[int]) -> list[bool]:
    """Which layers keep a state instead of a cache."""
    if architecture in _RECURRENT:
        return [True] * count
    if architecture in _BY_HEADS:
        ffn = keys.each("feed_forward_length", count, 0)
        plain = architecture.startswith("nemotron")  # there a layer is either a state, attention or feed-forward
        return [kv_heads[i] == 0 and not (plain and ffn[i]) for i in range(count)]
    if architecture in _BY_INTERVAL:
        listed = keys.listed("attention.recurrent_layers")
        if listed:
            return [bool(listed[i]) if i < len(listed) else False for i in range(count)]
        interval = keys.one("full_attention_interval", _BY_INTERVAL[architecture]) or 1
        return [(i + 1) % interval != 0 for i in range(count)]
    return [False] * count


def _window_of_each(architecture: str, keys: _Keys, count: int, recurrent: Sequence[bool]) -> list[int]:
    """The sliding window of every layer, 0 where it sees everything."""
    layout = _WINDOWS.get(architecture)
    window = keys.one("attention.sliding_window", layout.default if layout else 0)
    if layout is None or not window or (architecture == "exaone4" and count != 64):
        return [0] * count
    if listed := keys.listed("attention.sliding_window_pattern"):
        return [window if i < len(listed) and listed[i] else 0 for i in range(count)]
    period = keys.one("attention.sliding_window_pattern", layout.period)
    whole = 0 if layout.first_is_whole else period - 1
    return [0 if recurrent[i] or (period and i % period == whole) else window for i in range(count)]


def _state(keys: _Keys, embedding: int, heads: int) -> int:
    """Elements of one layer's state for one sequence."""
    if size := keys.one("wkv.head_size"):
        return (keys.one("token_shift_count", 2) + size) * embedding
    if length := keys.one("shortconv.l_cache"):
        return embedding * (length - 1)
    if size := keys.one("kda.head_dim"):
        inner = heads * size
        return 3 * max(keys.one("ssm.conv_kernel", 4) - 1, 0) * inner + size * inner
    kernel, inner, state = keys.one("ssm.conv_kernel"), keys.one("ssm.inner_size"), keys.one("ssm.state_size")
    return max(kernel - 1, 0) * (inner + 2 * keys.one("ssm.group_count") * state) + state * inner


def _wide(keys: _Keys, count: int, embedding: int, *, gated: bool) -> int:
    """Elements of one token that are alive at the same time at the widest point of a layer.

    What is added up was found by comparison with the buffers that llama.cpp reserves (docs/design/memory-estimates.md).
    """
    heads = max(keys.each("attention.head_count", count, 0))
    kv_heads = max(keys.each("attention.head_count_kv", count, heads))
    usual = embedding // heads if heads else 0
    key, value = keys.one("attention.key_length", usual), keys.one("attention.value_length", usual)
    latent = keys.one("attention.key_length_mla") + keys.one("attention.value_length_mla")
    if latent:
        attention = heads * (key + value + latent) + 4 * embedding
    else:
        attention = (heads + kv_heads) * (key + value) + 5 * embedding
    ffn = max(keys.each("feed_forward_length", count, 0))
    dense = ffn * (3 if gated else 2) + 5 * embedding
    used = max(keys.each("expert_used_count", count, 0))
    own = max(keys.each("expert_feed_forward_length", count, 0)) or ffn
    expert = used * (3 * own + embedding) + 5 * embedding
    return max(attention, dense, expert if used else 0, 8 * keys.one("ssm.inner_size"))
