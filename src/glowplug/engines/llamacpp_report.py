"""What a loaded llama-server says of itself, held against what it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines import llamacpp_estimate
from glowplug.engines.base import LoadReport, OptionValue
from glowplug.engines.failures import LOG_TAIL
from glowplug.engines.llamacpp_estimate import Files
from glowplug.engines.llamacpp_log import Placement, placement
from glowplug.engines.llamacpp_memory import Fit, layers_on_device, slot_context


class _Generation(msgspec.Struct):
    n_ctx: int = 0


class _Props(msgspec.Struct):
    """The part of `GET /props` that is read: the context of one slot, and how many slots there are."""

    default_generation_settings: _Generation = msgspec.field(default_factory=_Generation)
    total_slots: int = 0


def report(
    model: LocalModel,
    options: Mapping[str, OptionValue],
    place: Place,
    log_lines: Sequence[str],
    answer: bytes,
) -> LoadReport:
    """Warnings for what is less than asked, and a failure when the accelerators of its place are not used."""
    found = placement(log_lines)
    files = llamacpp_estimate.read_files(model, options)
    if files is None:
        return LoadReport(failure=_fallback(found, place, wanted=True, log_lines=log_lines), device=_device(found))
    chosen = (
        llamacpp_estimate.decide_for(files, place)
        if place.claim and not files.settings.fit
        else Fit(files.settings, len(place.accelerators))
    )
    wanted = layers_on_device(files.facts, chosen.settings, len(place.accelerators))
    warnings = [*_context_warnings(files, chosen, answer), *_layer_warnings(found, wanted)]
    failure = _fallback(found, place, wanted=wanted > 0, log_lines=log_lines)
    return LoadReport(warnings=tuple(warnings), failure=failure, device=_device(found))


def _device(found: Placement) -> int | None:
    return found.device if found.buffers else None


def _fallback(found: Placement, place: Place, *, wanted: bool, log_lines: Sequence[str]) -> Failure | None:
    """The failure of an engine that was given accelerators and runs without."""
    if not place.accelerators or not wanted:
        return None
    nothing = found.offloaded == 0 or (found.buffers > 0 and not found.device)
    if not nothing and not (found.complaint and not found.device):
        return None
    why = found.complaint or "all of its buffers are in the host's memory"
    return Failure(
        kind=FailureKind.CPU_FALLBACK,
        message=f"it was given {', '.join(place.accelerators)} and loaded without: {why}",
        hint="use a build of llama.cpp for this accelerator and check its driver, or set gpu_layers: 0",
        log_tail=tuple(log_lines[-LOG_TAIL:]),
    )


def _layer_warnings(found: Placement, wanted: int) -> list[str]:
    if found.offloaded and found.offloaded < wanted:
        return [f"{found.offloaded} of {found.layers} layers are on the accelerator instead of {wanted}"]
    return []


def _context_warnings(files: Files, chosen: Fit, answer: bytes) -> list[str]:
    try:
        props = msgspec.json.decode(answer, type=_Props)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    out = []
    got, asked = props.default_generation_settings.n_ctx, slot_context(files.facts, chosen.settings)
    if files.facts.cached and files.facts.context and 0 < got < asked:
        own = "the model's own" if files.settings.context == 0 else "asked for"
        out.append(f"the context of a slot is {got} tokens, {own} are {asked}")
    if 0 < props.total_slots < chosen.settings.slots:
        out.append(f"it serves {props.total_slots} requests at the same time instead of {chosen.settings.slots}")
    return out
