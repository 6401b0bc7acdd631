"""Estimates for a model on this machine: reads the headers of its files and asks llama.cpp's own estimator.

`llama-fit-params --fit-print on` (tools/fit-params of llama.cpp) goes through the steps of a load without reading
weights and prints a line for each device: its name and the MiB of weights, context and compute.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import HOST, Device
from glowplug.domain.model import LocalModel
from glowplug.engines import base, gguf
from glowplug.engines.base import OptionValue
from glowplug.engines.llamacpp_memory import (
    MIB,
    NOTHING,
    Beside,
    Fit,
    Need,
    Projector,
    accelerators,
    context_of,
    fit,
    footprint,
    layers_on_device,
    need,
    with_extras,
)
from glowplug.engines.llamacpp_model import Facts, facts
from glowplug.engines.llamacpp_settings import Settings, settings
from glowplug.engines.weights import WeightsError

FIT_TIMEOUT = 10.0
_PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH")
_UNKNOWN_TOTAL = 1 << 60
"""A device whose memory nobody knows is not what limits a choice."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the headers of a model's files say."""

    facts: Facts
    settings: Settings
    beside: Beside = NOTHING


def read_files(model: LocalModel, options: Mapping[str, OptionValue]) -> Files | None:
    """The headers of all files of a model, or None when the weights' header cannot be read or has no layers."""
    chosen = settings(model, options)
    try:
        found = facts(gguf.read(model.path))
        if found is None:
            return None
        draft = facts(gguf.read(chosen.draft)) if chosen.draft else None
        projector = _projector(gguf.read(chosen.projector)) if chosen.projector else None
        lora = gguf.read(chosen.lora).size if chosen.lora else 0
    except WeightsError:
        return None
    return Files(found, chosen, Beside(projector, draft, lora))


def _projector(header: gguf.Header) -> Projector:
    """Weights, and the scratch for one image: its patches go through the encoder all at once."""

    def number(key: str) -> int:
        return max(header.number(f"clip.vision.{key}", 0) or 0, 0)

    side = number("image_size") // (number("patch_size") or 14)
    patches = min(side * side, 1 << 20)
    per_patch = 3 * number("feed_forward_length") + 6 * number("embedding_length")
    scores = 2 * patches * patches
    return Projector(sum(tensor.size for tensor in header.tensors), 4 * patches * per_patch + scores)


def decide(files: Files, totals: Sequence[int | None], host: int | None) -> Fit:
    """The context and the layers a launch will ask for; `totals` as in `llamacpp_memory.fit`, None where unknown."""
    known = [_UNKNOWN_TOTAL if total is None else total for total in totals]
    return fit(files.facts, files.settings, known, host, files.beside)


def decide_for(files: Files, place: Place) -> Fit:
    """The same for a place that was given."""
    return decide(files, [place.totals.get(id) for id in place.accelerators], place.totals.get(HOST))


def estimate(model: LocalModel, options: Mapping[str, OptionValue], devices: Sequence[Device]) -> Footprint | None:
    """The best estimate there is, or None when the file cannot be read."""
    files = read_files(model, options)
    if files is None:
        return None
    usable = accelerators(devices, model.devices)
    host = next((device.total for device in devices if device.id == HOST), None)
    chosen = decide(files, [device.total for device in usable], host)
    largest = sorted(usable, key=lambda device: device.total or 0, reverse=True)[: chosen.accelerators]
    program = fit_program(model.command)
    asked = ask_program(program, model, files, chosen, largest) if program else None
    if asked is None:
        found = need(files.facts, chosen.settings, chosen.accelerators, files.beside)
        return footprint(files.facts, chosen.settings, found, chosen.accelerators, Source.HEADER)
    said, on_accelerators = asked
    said = sharing(said, files.facts, chosen)
    # A build without support for them does not use them, whatever the machine has.
    count = chosen.accelerators if on_accelerators else 0
    whole = with_extras(said, files.facts, chosen.settings, count, files.beside)
    return footprint(files.facts, chosen.settings, whole, count, Source.ENGINE)


def sharing(said: Need, facts: Facts, chosen: Fit) -> Need:
    """What several slots with one cache take on top of one slot: sliding windows and states of each of them."""
    one = chosen.settings
    if not one.unified or one.slots <= 1:
        return said
    many, few = need(facts, one, chosen.accelerators), need(facts, replace(one, slots=1), chosen.accelerators)
    device, host = dict(said.device), dict(said.host)
    taker = device or host
    for part in ("kv", "recurrent"):
        more = sum(found.get(part, 0) for found in (many.device, many.host))
        more -= sum(found.get(part, 0) for found in (few.device, few.host))
        taker["kv"] = taker.get("kv", 0) + max(more, 0)
    return Need(device, host, said.doubt)


def fit_program(command: Sequence[str]) -> str | None:
    """The estimator that belongs to a `llama-server`: the one beside it."""
    if not command or not Path(command[0]).name.startswith("llama-server"):
        return None
    server = shutil.which(command[0])
    if server is None:
        return None
    # A link into a folder of programs, or the program in its own folder: either may have the estimator.
    for folder in (Path(server).parent, Path(server).resolve().parent):
        beside = folder / "llama-fit-params"
        if os.access(beside, os.X_OK) and beside.is_file():
            return str(beside)
    return None


def fit_arguments(model: LocalModel, files: Files, chosen: Fit) -> list[str]:
    """The command line of the estimator: what decides about memory, spelled out, and nothing it does not know."""
    one = chosen.settings
    out = ["-m", model.path, "--fit-print", "on", "-c", str(min(context_of(files.facts, one), 2**31 - 1))]
    # It cannot be told that slots share one cache; one slot has the same cache as they have, but for `sharing`.
    slots = 1 if one.unified else one.slots
    out += ["-b", str(one.batch), "-ub", str(one.ubatch), "-np", str(slots)]
    out += ["-ctk", one.cache_k.name, "-ctv", one.cache_v.name, "-fa", "auto" if one.flash else "off"]
    out += ["--swa-full"] if one.whole_windows else []
    out += [] if one.offload_cache else ["--no-kv-offload"]
    # Repacked weights are in buffers that it does not count.
    out.append("--no-repack")
    if one.host_experts:
        out += ["-ncmoe", str(min(one.host_experts, len(files.facts.layers)))]
    if chosen.accelerators:
        out += ["-ngl", str(layers_on_device(files.facts, one, chosen.accelerators))]
    else:
        out += ["--device", "none"]
    return out + _placing(model.args)


_PLACING = ("--override-tensor", "-ot", "--tensor-split", "-ts", "--split-mode", "-sm", "--main-gpu", "-mg", "-ncffn")


def _placing(args: Sequence[str]) -> list[str]:
    """The free arguments that move weights about, with their values."""
    out = []
    for flag, value in pairwise(args):
        if flag in _PLACING:
            out += [flag, value]
    return out


def ask_program(
    program: str, model: LocalModel, files: Files, chosen: Fit, devices: Sequence[Device]
) -> tuple[Need, bool] | None:
    """(what the estimator says, whether it uses accelerators); None when it says nothing that can be used."""
    place = Place(
        claim={device.id: 0 for device in devices},
        indexes={device.id: device.index for device in devices},
        kind=devices[0].kind.value if devices else "",
    )
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= base.visible_devices(place, model.env) | model.env
    try:
        done = subprocess.run(
            (program, *fit_arguments(model, files, chosen)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=FIT_TIMEOUT,
            check=False,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return read_fit(done.stdout[:65_536].decode(errors="replace"))


_FIT_LINE = re.compile(r"(\S{1,64}) (\d{1,9}) (\d{1,9}) (\d{1,9})\s*")


def read_fit(text: str) -> tuple[Need, bool] | None:
    """What the estimator printed: a line a device, `Host` last.  None when that line is missing."""
    device: dict[str, int] = {}
    host: dict[str, int] = {}
    complete = used = False
    for line in text.splitlines():
        match = _FIT_LINE.fullmatch(line)
        if match is None or match.group(1).startswith("RPC"):  # the memory of another machine
            continue
        name, *sizes = match.groups()
        complete |= name == "Host"
        used |= name != "Host"
        taker = host if name == "Host" else device
        for part, size in zip(("weights", "kv", "compute"), sizes, strict=True):
            # It rounds down to whole MiB.
            taker[part] = taker.get(part, 0) + math.ceil((int(size) + 0.5) * MIB)
    return (Need(device, host), used) if complete else None
