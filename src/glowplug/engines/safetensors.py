"""Reads what a folder of transformers weights says of itself: tensor headers and `config.json`, never the weights.

Formats: safetensors (8 bytes little-endian length, then a JSON object of tensors; the header may have 100 MB),
`model.safetensors.index.json` (`weight_map`: tensor → file), and transformers' `config.json`.  As with GGUF, nothing
they claim is believed, and all that is raised is `WeightsError`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from glowplug.engines.weights import AGAIN, Trouble, WeightsError, opened

HEADER_LIMIT = 100_000_000
JSON_LIMIT = 64 << 20
FILE_LIMIT = 2_000
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"
_LARGEST = 1 << 60
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.json` says; 0 or empty for what it does not."""

    architecture: str = ""
    layers: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    hidden: int = 0
    ffn: int = 0
    vocabulary: int = 0
    context: int = 0
    window: int = 0
    """Tokens that layers with a sliding window see back; 0: there are none."""
    windowed_layers: int = 0
    kv_lora_rank: int = 0
    """Above 0 for multi-head latent attention."""
    qk_rope_head_dim: int = 0
    tied: bool = False
    """The output layer is the token embedding."""
    dtype: str = ""
    quantization: str = ""
    """`awq`, `gptq`, `fp8`, `compressed-tensors` …"""
    bits: int = 0

    @property
    def latent(self) -> bool:
        return self.kv_lora_rank > 0

    def cache_per_token(self, element: float = 2.0) -> int:
        """Bytes the keys and values of one token take in all layers, those with a window included;
        `element`: bytes of a number (2 for f16 and bf16, 1 for fp8)."""
        if self.latent:
            return int(self.layers * (self.kv_lora_rank + self.qk_rope_head_dim) * element)
        return int(2 * self.layers * self.kv_heads * self.head_dim * element)


@dataclass(frozen=True, slots=True)
class Folder:
    """The weights of a folder."""

    path: str
    files: tuple[str, ...]
    by_dtype: Mapping[str, int]
    """Bytes by number format, as the headers name it (`BF16`, `F8_E4M3`, `I32`)."""
    tensors: int
    config: Config

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(self.by_dtype.values())


def read(path: str | os.PathLike[str]) -> Folder:
    """What the folder has.  Raises WeightsError."""
    folder = Path(path)
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith((".safetensors", ".json")))
    except (FileNotFoundError, NotADirectoryError):
        raise WeightsError(
            Trouble.MISSING, f"{folder} is not a folder", "name the folder that has config.json and *.safetensors"
        ) from None
    except (OSError, ValueError) as exc:
        raise WeightsError(Trouble.UNREADABLE, f"{folder} cannot be read: {exc}", "correct its permissions") from exc
    if CONFIG not in names:
        raise WeightsError(Trouble.MISSING, f"{folder} has no {CONFIG}", "name a folder of transformers weights")
    config = read_config(folder / CONFIG)
    files = _indexed(folder / INDEX) if INDEX in names else _loose(names)
    if not files:
        raise WeightsError(Trouble.MISSING, f"{folder} has no *.safetensors", "download the weights")
    absent = [name for name in files if name not in names]
    if absent:
        listed = ", ".join(absent[:3]) + (" and more" if len(absent) > 3 else "")
        raise WeightsError(
            Trouble.MISSING, f"{len(absent)} of {len(files)} files of {folder} are missing: {listed}", AGAIN
        )
    by_dtype: dict[str, int] = {}
    tensors = 0
    for name in files:
        for dtype, size, count in _file(str(folder / name)):
            by_dtype[dtype] = by_dtype.get(dtype, 0) + size
            tensors += count
    return Folder(str(folder), tuple(files), MappingProxyType(by_dtype), tensors, config)


def _loose(names: Sequence[str]) -> list[str]:
    """The files of a folder without an index.  `consolidated*` repeats `model*` in another layout."""
    files = [name for name in names if name.endswith(".safetensors")]
    return [name for name in files if name.startswith("model")] or files


class _Index(msgspec.Struct):
    weight_map: dict[str, str] = {}


def _indexed(path: Path) -> list[str]:
    index = _decoded(path, _json(path), _Index)
    files = sorted(set(index.weight_map.values()))
    for name in files:
        if not name.endswith(".safetensors") or "/" in name or "\0" in name:
            raise WeightsError(Trouble.BROKEN, f"{path} names {name[:80]!r}, which is not a file beside it", AGAIN)
    if len(files) > FILE_LIMIT:
        raise WeightsError(Trouble.BROKEN, f"{path} names {len(files)} files", AGAIN)
    return files


def _json(path: Path) -> bytes:
    with opened(str(path), ".json") as (descriptor, size):
        if size > JSON_LIMIT:
            raise WeightsError(Trouble.BROKEN, f"{path} has {size} bytes", AGAIN)
        return _exactly(str(path), descriptor, 0, size)


def _exactly(name: str, descriptor: int, start: int, count: int) -> bytes:
    """`count` bytes from `start`, which the file is known to have."""
    out = bytearray()
    while len(out) < count:
        try:
            chunk = os.pread(descriptor, min(count - len(out), 1 << 20), start + len(out))
        except OSError as exc:
            raise WeightsError(Trouble.UNREADABLE, f"{name} cannot be read: {exc.strerror}", "check the disk") from exc
        if not chunk:
            raise WeightsError(Trouble.TRUNCATED, f"{name} became shorter while it was read", AGAIN)
        out += chunk
    return bytes(out)


def _decoded(path: str | Path, raw: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WeightsError(Trouble.BROKEN, f"{path} is not what it should be: {exc}", AGAIN) from exc


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def _file(name: str) -> list[tuple[str, int, int]]:
    """(dtype, bytes, tensors) of one file."""
    with opened(name, ".safetensors") as (descriptor, size):
        if size < 8:
            raise WeightsError(Trouble.TRUNCATED, f"{name} is cut off: it has {size} bytes", AGAIN)
        length = int(struct.unpack("<Q", _exactly(name, descriptor, 0, 8))[0])
        if length > HEADER_LIMIT:
            raise WeightsError(Trouble.WRONG_FORMAT, f"{name} is not a safetensors file", "download it again")
        if 8 + length > size:
            raise WeightsError(
                Trouble.TRUNCATED, f"{name} is cut off in its header: {8 + length - size} bytes are missing", AGAIN
            )
        raw = _exactly(name, descriptor, 8, length)
    if not raw.lstrip().startswith(b"{"):
        raise WeightsError(Trouble.WRONG_FORMAT, f"{name} is not a safetensors file", "download it again")
    entries = _decoded(name, raw, dict[str, msgspec.Raw])
    sums: dict[str, tuple[int, int]] = {}
    last = 0
    for key, value in entries.items():
        if key == "__metadata__":
            continue
        entry = _decoded(name, bytes(value), _Entry)
        first, end = entry.data_offsets
        if not 0 <= first <= end:
            raise WeightsError(Trouble.BROKEN, f"{name} places the tensor {key[:80]!r} at {first} to {end}", AGAIN)
        last = max(last, end)
        total, count = sums.get(entry.dtype[:32], (0, 0))
        sums[entry.dtype[:32]] = (total + end - first, count + 1)
    if 8 + length + last > size:
        raise WeightsError(
            Trouble.TRUNCATED,
            f"{name} is cut off: {8 + length + last - size} of {8 + length + last} bytes are missing",
            "the download did not finish; download it again",
        )
    return [(dtype, total, count) for dtype, (total, count) in sums.items()]


# --- config.json -----------------------------------------------------------------------------------------------------


def read_config(path: str | os.PathLike[str]) -> Config:
    """The part of a `config.json` that memory depends on.  Raises WeightsError.

    A model that sees and reads has the numbers of its language part in `text_config`.
    """
    whole = _decoded(path if isinstance(path, Path) else Path(path), _json(Path(path)), dict[str, Any])
    inner: Mapping[str, Any] = next(
        (whole[key] for key in ("text_config", "llm_config") if isinstance(whole.get(key), dict)), {}
    )
    return _config({**whole, **inner}, whole)


def _config(own: Mapping[str, Any], whole: Mapping[str, Any]) -> Config:
    def number(*keys: str) -> int:
        for key in keys:
            value = own.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
                return value
        return 0

    def text(key: str) -> str:
        value = own.get(key)
        return value if isinstance(value, str) else ""

    layers, heads, hidden = (
        number("num_hidden_layers", "n_layer", "num_layers"),
        number("num_attention_heads", "n_head"),
        number("hidden_size", "n_embd", "d_model"),
    )
    window, windowed = _windows(own, layers, number("sliding_window"))
    method, bits = _quantization(own, whole)
    listed = whole.get("architectures")
    named = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], str) else ""
    return Config(
        architecture=named or text("model_type"),
        layers=layers,
        heads=heads,
        kv_heads=number("num_key_value_heads", "num_kv_heads", "multi_query_group_num") or heads,
        head_dim=number("head_dim") or (hidden // heads if heads else 0),
        hidden=hidden,
        ffn=number("intermediate_size", "ffn_hidden_size", "n_inner"),
        vocabulary=number("vocab_size"),
        context=number("max_position_embeddings", "n_positions", "max_seq_len", "model_max_length"),
        window=window,
        windowed_layers=windowed,
        kv_lora_rank=number("kv_lora_rank"),
        qk_rope_head_dim=number("qk_rope_head_dim"),
        tied=own.get("tie_word_embeddings", False) is True,
        dtype=text("dtype") or text("torch_dtype"),
        quantization=method,
        bits=bits,
    )


def _windows(own: Mapping[str, Any], layers: int, window: int) -> tuple[int, int]:
    """(window, how many layers have it); (0, 0) where it is not used."""
    if not window or own.get("use_sliding_window") is False:
        return 0, 0
    kinds = own.get("layer_types")
    if isinstance(kinds, list):
        count = sum(kind == "sliding_attention" for kind in kinds[:layers])
    else:
        period = own.get("sliding_window_pattern")
        whole = layers // period if isinstance(period, int) and not isinstance(period, bool) and period > 0 else 0
        count = layers - whole
    return (window, count) if count else (0, 0)


def _quantization(own: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[str, int]:
    for place in (own, whole):
        for key in ("quantization_config", "compression_config"):
            found = place.get(key)
            if isinstance(found, dict):
                method, bits = found.get("quant_method"), found.get("bits")
                known = bits if isinstance(bits, int) and not isinstance(bits, bool) and 0 < bits <= 64 else 0
                return (method if isinstance(method, str) else "unknown"), known
    return "", 0
