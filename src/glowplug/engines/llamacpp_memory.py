"""How much memory llama.cpp will take for a model with given settings: pure arithmetic, bytes throughout.

What is counted where, and how well it agrees with llama.cpp's own log: docs/design/memory-estimates.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.hardware import Device
from glowplug.engines.llamacpp_model import Facts
from glowplug.engines.llamacpp_settings import Settings

MIB = 1 << 20
GPU_CONTEXT = 460 * MIB
"""What the driver and its libraries take of each accelerator before anything is loaded."""
PROCESS = 64 * MIB
"""The program itself: code, tables, vocabulary."""
GPU_PROCESS = 256 * MIB
"""What the driver's libraries add to it in the host's memory."""
DEFAULT_CONTEXT = 32_768
"""The most tokens of context that are chosen for a model whose configuration does not say."""
LEAST_CONTEXT = 4096
ROOM = 0.9
"""The share of an accelerator that a model may take when context or layers are chosen for it."""
HOST_ROOM = 0.5
"""The same for the host's memory, which is everybody's."""
ENGINE_ERROR = 0.05
"""Of llama.cpp's own estimator, which is its allocator itself; what is added to it here is small."""
_MOST = 1 << 60
"""Above every real size and still a number that can be sent."""


@dataclass(frozen=True, slots=True)
class Projector:
    """The multimodal projector's file, as far as memory goes."""

    weights: int
    compute: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What is loaded beside the model itself."""

    projector: Projector | None = None
    draft: Facts | None = None
    lora: int = 0
    """Bytes of an adapter."""


NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Need:
    """What is needed of accelerators and of the host, by what for."""

    device: dict[str, int]
    host: dict[str, int]
    doubt: int = 0
    """Bytes that other builds take on top (see `_compute`)."""

    @property
    def on_device(self) -> int:
        return sum(self.device.values())

    @property
    def on_host(self) -> int:
        return sum(self.host.values())


def context_of(facts: Facts, settings: Settings) -> int:
    """Tokens of all slots together; the model's own where nothing was set."""
    return min(settings.context or facts.context or LEAST_CONTEXT, _MOST)


def slot_context(facts: Facts, settings: Settings) -> int:
    """Tokens one slot can use: never more than the model was trained for."""
    cells, _ = settings.cells(context_of(facts, settings))
    return min(cells, facts.context) if facts.context else cells


def layers_on_device(facts: Facts, settings: Settings, accelerators: int) -> int:
    """How many of the last layers are on accelerators, the output counted as one."""
    if not accelerators or not settings.accelerators:
        return 0
    wanted = settings.gpu_layers
    return facts.all_layers if wanted is None or wanted < 0 else min(wanted, facts.all_layers)


def need(facts: Facts, settings: Settings, accelerators: int, beside: Beside = NOTHING) -> Need:
    """What a model takes.  `accelerators`: how many of them it is spread over."""
    own = _model(facts, settings, accelerators if settings.accelerators else 0)
    return with_extras(own, facts, settings, accelerators, beside)


def with_extras(own: Need, facts: Facts, settings: Settings, accelerators: int, beside: Beside = NOTHING) -> Need:
    """`own`, what the model itself takes, and what comes on top: files beside it, the driver, the program."""
    usable = accelerators if settings.accelerators else 0
    device, host = dict(own.device), dict(own.host)
    if beside.projector is not None:
        taker = device if usable and settings.offload_projector else host
        _add(taker, "projector", beside.projector.weights + beside.projector.compute)
    if beside.draft is not None:
        drafting = replace(settings, gpu_layers=settings.draft_layers, context=context_of(facts, settings))
        other = _model(beside.draft, drafting, usable)
        _add(device, "draft", other.on_device)
        _add(host, "draft", other.on_host)
    if beside.lora:
        _add(device if layers_on_device(facts, settings, usable) else host, "adapter", beside.lora)
    if usable:
        _add(device, "context", GPU_CONTEXT * usable)
    _add(host, "process", PROCESS + (GPU_PROCESS if usable else 0))
    return Need(device, host, own.doubt)


def _add(parts: dict[str, int], name: str, size: int) -> None:
    if size > 0:
        parts[name] = min(parts.get(name, 0) + size, _MOST)


def _model(facts: Facts, settings: Settings, accelerators: int) -> Need:
    """One model's weights, caches and buffers."""
    device: dict[str, int] = {}
    host: dict[str, int] = {}
    offloaded = layers_on_device(facts, settings, accelerators)
    first = facts.all_layers - offloaded
    _add(host, "weights", facts.input)
    if offloaded or not facts.tied:
        _add(device if offloaded else host, "weights", facts.output)
    context = context_of(facts, settings)
    for i, layer in enumerate(facts.layers):
        there = i >= first
        kept = (layer.experts if i < settings.host_experts else 0) + (layer.ffn if i < settings.host_ffn else 0)
        _add(device if there else host, "weights", layer.weights - (kept if there else 0))
        _add(host, "weights", kept if there else 0)
        taker = device if there and settings.offload_cache else host
        _add(taker, "kv", cache_bytes(settings, context, layer.key, layer.value, layer.window))
        _add(taker, "recurrent", 4 * layer.state * settings.slots)
    compute, inputs, doubt = _compute(facts, settings, context)
    if accelerators:
        # Even without a layer there, large batches are computed on the accelerator.
        _add(device, "compute", compute * accelerators)
        _add(host, "compute", inputs if offloaded == facts.all_layers else compute)
    else:
        _add(host, "compute", compute)
    width = facts.classes or facts.vocabulary
    _add(host, "output", 4 * settings.slots * (width + (facts.embedding if settings.embeddings else 0)))
    return Need(device, host, doubt)


def cache_bytes(settings: Settings, context: int, key: int, value: int, window: int = 0) -> int:
    """The cache of one layer with `key` and `value` elements a token."""
    if not key and not value:
        return 0
    cells, caches = settings.cells(context)
    if window:
        cells = settings.window_cells(context, window)
    per_token = settings.cache_k.bytes(key) + settings.cache_v.bytes(value)
    return cells * caches * per_token


def _compute(facts: Facts, settings: Settings, context: int) -> tuple[int, int, int]:
    """(scratch of one device, its inputs, what older builds take on top) while a batch of a prompt is computed.

    Builds before the outputs of a batch were limited reserved the logits of a whole batch instead of one row a slot.
    """
    tokens = min(settings.batch, settings.ubatch)
    if facts.cached:
        cells, _ = settings.cells(context)
        tokens = min(tokens, cells)
        windows = {layer.window for layer in facts.layers if layer.key} or {0}
        seen = [settings.window_cells(context, window) if window else cells for window in windows]
        seen = seen if any(layer.key for layer in facts.layers) else [0]
    else:
        seen = [tokens]
    if settings.flash:
        mask, scores = 2 * tokens * sum(seen), 0
    else:
        mask, scores = 4 * tokens * sum(seen), 4 * tokens * max(seen) * facts.heads
    work = 4 * tokens * facts.wide + scores
    logits = 4 * tokens * (facts.vocabulary + 2 * facts.embedding)
    inputs = mask + 4 * tokens * facts.embedding
    doubt = max(logits - work - mask, 0) if facts.cached else 0
    return min(mask + work, _MOST), min(inputs, _MOST), min(doubt, _MOST)


def footprint(facts: Facts, settings: Settings, found: Need, accelerators: int, source: Source) -> Footprint:
    """The need as an estimate, with its error bar and where it comes from in words."""
    device, host = min(found.on_device, _MOST), min(found.on_host, _MOST)
    return Footprint(
        device=device,
        host=host,
        error=ENGINE_ERROR if source is Source.ENGINE else _error(facts, settings, found),
        source=source,
        parts=dict(found.device if device else found.host),
        detail=_detail(facts, settings, accelerators),
    )


def _error(facts: Facts, settings: Settings, found: Need) -> float:
    """The error bar: weights and caches are exact, so it is what the rest may be wrong by, as a share of the whole.

    Half of the scratch, a quarter of what a driver takes, the projector's compute, and what older builds take on top.
    """
    parts = [*found.device.items(), *found.host.items()]
    doubt = found.doubt
    doubt += sum(size // 2 for name, size in parts if name == "compute")
    doubt += sum(size // 4 for name, size in parts if name in ("context", "process", "projector", "draft"))
    whole = max(found.on_device + found.on_host, 1)
    least = 0.35 if not facts.followed else 0.2 if settings.moved else 0.05
    return round(min(max(doubt / whole, least), 1.0), 3)


def _detail(facts: Facts, settings: Settings, accelerators: int) -> str:
    context, offloaded = context_of(facts, settings), layers_on_device(facts, settings, accelerators)
    words = [f"{facts.architecture}, {len(facts.layers)} layers"]
    if accelerators:
        words.append(f"{offloaded} of {facts.all_layers} on the accelerator")
    if facts.cached:
        words.append(f"context {context} for {settings.slots} slots")
    if settings.cache_ram and facts.cached and not settings.embeddings:
        limit = f"up to {settings.cache_ram} MiB" if settings.cache_ram > 0 else "without limit"
        words.append(f"saved prompts {limit} of host memory on top")
    if not facts.followed:
        words.append("a cache that is only roughly known")
    return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings with context and layers decided, and how many accelerators they are meant for."""

    settings: Settings
    accelerators: int


def fit(
    facts: Facts,
    settings: Settings,
    totals: Sequence[int],
    host: int | None,
    beside: Beside = NOTHING,
) -> Fit:
    """Decide what the configuration left open: the context (when unset) and the layers on accelerators (when unset).

    Decided from what the devices have and not from what is free, so that a model behaves the same on every start.
    `totals`: bytes of each accelerator it may use; `host`: bytes of the host's memory.  The fewest accelerators that
    hold it are taken.
    """
    totals = sorted(totals, reverse=True) if settings.accelerators and settings.gpu_layers != 0 else list(totals)

    def takes(candidate: Settings, count: int) -> int:
        found = need(facts, candidate, count, beside)
        return found.on_device if count else found.on_host

    contexts = _contexts(facts, settings)
    if not totals or not settings.accelerators:
        room = HOST_ROOM * host if host else _MOST
        fitting = (one for one in contexts if takes(replace(settings, context=one), 0) <= room)
        return Fit(replace(settings, context=next(fitting, contexts[-1])), 0)
    for count in range(1, len(totals) + 1):
        room = ROOM * sum(totals[:count])
        for context in contexts:
            candidate = replace(settings, context=context)
            if takes(candidate, count) <= room:
                return Fit(candidate, count)
    smallest = replace(settings, context=contexts[-1])
    if settings.gpu_layers is not None:
        return Fit(smallest, len(totals))
    low, high = 0, facts.all_layers
    while low < high:
        middle = (low + high + 1) // 2
        if takes(replace(smallest, gpu_layers=middle), len(totals)) <= ROOM * sum(totals):
            low = middle
        else:
            high = middle - 1
    return Fit(replace(smallest, gpu_layers=low), len(totals))


def _contexts(facts: Facts, settings: Settings) -> list[int | None]:
    """Contexts to try, the largest first; only one where it is set or does not matter."""
    if settings.context is not None or not facts.cached or not facts.context:
        return [settings.context]
    most = min(facts.context, DEFAULT_CONTEXT)
    out: list[int | None] = [most]
    while most // 2 >= LEAST_CONTEXT:
        most //= 2
        out.append(most)
    return out


def accelerators(devices: Sequence[Device], allowed: Sequence[str]) -> list[Device]:
    """The accelerators a model may use: those it names, or all with memory of their own or shared."""
    return [device for device in devices if device.accelerator and (not allowed or device.id in allowed)]
