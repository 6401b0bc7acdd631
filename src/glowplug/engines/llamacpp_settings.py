"""What a model's options and free arguments make llama.cpp allocate: the settings that memory depends on, as values.

Defaults are llama-server's of build 11549 (common/arg.cpp, tools/server/server.cpp).  Free arguments come after the
options on the command line and win over them, here as there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import OptionValue
from glowplug.engines.gguf_types import BY_NAME, Format
from glowplug.engines.llamacpp_options import OPTIONS

AUTO_SLOTS = 4
"""Slots of `--parallel -1`, the default; they share one cache."""
CONTEXT_STEP = 256
"""llama.cpp rounds every cache up to this many tokens."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in tokens; None: left to be decided."""

    context: int | None = None
    """Of all slots together; 0: the model's own."""
    slots: int = AUTO_SLOTS
    unified: bool = True
    """The slots share one cache, so each of them may use all of it."""
    gpu_layers: int | None = None
    """Layers on accelerators, the output layer counted; a negative number or one above the model's: all."""
    batch: int = 2048
    ubatch: int = 512
    flash: bool = True
    cache_k: Format = BY_NAME["f16"]
    cache_v: Format = BY_NAME["f16"]
    whole_windows: bool = False
    """`--swa-full`: layers with a sliding window get a cache for the whole context."""
    offload_cache: bool = True
    host_experts: int = 0
    """How many of the first layers keep their experts' weights in the host's memory."""
    host_ffn: int = 0
    """How many of the first layers keep their feed-forward weights there."""
    embeddings: bool = False
    accelerators: bool = True
    """False with `--device none`."""
    projector: str = ""
    offload_projector: bool = True
    draft: str = ""
    draft_layers: int | None = None
    lora: str = ""
    cache_ram: int = 8192
    """MiB of host memory that saved prompts may take; -1: no limit."""
    moved: bool = False
    """Tensors are placed by name (`--override-tensor`), which is not followed here."""
    fit: bool | None = None
    """Whether it may shrink what does not fit; None: not said."""

    def cells(self, context: int) -> tuple[int, int]:
        """(cells of one cache, number of caches) for a context of so many tokens."""
        whole = _up(context)
        if self.unified or self.slots <= 1:
            return whole, 1
        return _up(whole // self.slots), self.slots

    def window_cells(self, context: int, window: int) -> int:
        """Cells of one cache of a layer that sees `window` tokens back."""
        whole, _ = self.cells(context)
        if self.whole_windows:
            return whole
        return _up(min(whole, window * (self.slots if self.unified else 1) + self.ubatch))


def _up(tokens: int) -> int:
    return -(-tokens // CONTEXT_STEP) * CONTEXT_STEP


_ALL = 1_000_000
Change = Callable[[Settings, str], Settings]


def _put(settings: Settings, name: str, value: Any) -> Settings:
    return replace(settings, **{name: value})


def _count(name: str) -> Change:
    return lambda settings, value: _put(settings, name, int(value))


def _text(name: str) -> Change:
    return lambda settings, value: _put(settings, name, value)


def _flag(name: str, on: object) -> Change:
    return lambda settings, _: _put(settings, name, on)


def _layers(name: str) -> Change:
    words = {"auto": None, "all": _ALL}
    return lambda settings, value: _put(settings, name, words[value] if value in words else int(value))


def _format(name: str) -> Change:
    return lambda settings, value: _put(settings, name, BY_NAME[value])


def _slots(settings: Settings, value: str) -> Settings:
    count = int(value)
    if count < 1:
        return replace(settings, slots=AUTO_SLOTS, unified=True)
    return replace(settings, slots=count, unified=False)


_BY_OPTION: Mapping[str, Change] = {
    "ctx_size": _count("context"),
    "parallel": _slots,
    "gpu_layers": _layers("gpu_layers"),
    "batch_size": _count("batch"),
    "ubatch_size": _count("ubatch"),
    "flash_attention": lambda settings, value: replace(settings, flash=value != "off"),
    "cache_type_k": _format("cache_k"),
    "cache_type_v": _format("cache_v"),
    "cache_ram": _count("cache_ram"),
    "mmproj": _text("projector"),
    "draft_model": _text("draft"),
    "draft_gpu_layers": _layers("draft_layers"),
    "lora": _text("lora"),
    "fit": lambda settings, value: replace(settings, fit=value == "on"),
}
_SWITCHES: Mapping[str, Change] = {
    "--swa-full": _flag("whole_windows", True),
    "--kv-unified": _flag("unified", True),
    "-kvu": _flag("unified", True),
    "--no-kv-unified": _flag("unified", False),
    "-no-kvu": _flag("unified", False),
    "--no-kv-offload": _flag("offload_cache", False),
    "-nkvo": _flag("offload_cache", False),
    "--cpu-moe": _flag("host_experts", _ALL),
    "-cmoe": _flag("host_experts", _ALL),
    "--no-mmproj-offload": _flag("offload_projector", False),
    "--embeddings": _flag("embeddings", True),
    "--embedding": _flag("embeddings", True),
    "--reranking": _flag("embeddings", True),
    "--rerank": _flag("embeddings", True),
}
_MORE: Mapping[str, Change] = {
    "--n-cpu-moe": _count("host_experts"),
    "-ncmoe": _count("host_experts"),
    "--n-cpu-ffn": _count("host_ffn"),
    "-ncffn": _count("host_ffn"),
    "--override-tensor": _flag("moved", True),
    "-ot": _flag("moved", True),
    "--device": lambda settings, value: replace(settings, accelerators=value != "none"),
    "-dev": lambda settings, value: replace(settings, accelerators=value != "none"),
}
"""Flags with a value that are no option."""
_BY_FLAG: Mapping[str, Change] = {
    flag: change for name, change in _BY_OPTION.items() for flag in OPTIONS[name].flags
} | dict(_MORE)


def settings(model: LocalModel, options: Mapping[str, OptionValue]) -> Settings:
    """The settings of a model; `options`: its options with what its capabilities add.  A value that makes no sense is
    passed over: llama.cpp refuses it with its own words."""
    found = Settings(
        embeddings=bool(options.get("embeddings") or options.get("reranking"))
        or bool({Capability.EMBEDDINGS, Capability.RERANK} & set(model.capabilities))
    )
    # Slots first: an explicit number of them decides whether they share one cache unless a later flag says so.
    for name in sorted(options, key=lambda name: name != "parallel"):
        if change := _BY_OPTION.get(name):
            found = _applied(found, change, str(options[name]))
    arguments = list(model.args)
    while arguments:
        flag = arguments.pop(0)
        if switch := _SWITCHES.get(flag):
            found = switch(found, "")
        elif (change := _BY_FLAG.get(flag)) and arguments:
            found = _applied(found, change, arguments.pop(0))
    if found.embeddings:
        found = replace(found, batch=min(found.batch, found.ubatch))
    return found


def _applied(settings: Settings, change: Change, value: str) -> Settings:
    try:
        return change(settings, value)
    except (ValueError, KeyError):
        return settings
